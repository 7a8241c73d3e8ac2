"""Vectors of the AWS Signature Version 4 test suite, and of its documentation."""

import pytest

from scraper.discovery.clouds.sigv4 import AccessKey, SignedRequest, signed_headers

KEY = AccessKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
# 20150830T123600Z
NOW_MS = 1_440_938_160_000
URL = "https://example.amazonaws.com/"
FORM = ("Content-Type", "application/x-www-form-urlencoded")


def signature(request: SignedRequest, key: AccessKey = KEY) -> str:
    return signed_headers(request, key, NOW_MS)["Authorization"].rpartition("Signature=")[2]


def suite(method: str, url: str = URL, body: bytes = b"", *headers: tuple[str, str]) -> str:
    return signature(SignedRequest(method, url, "us-east-1", "service", headers, body))


def test_get_vanilla() -> None:
    assert suite("GET") == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def test_get_vanilla_query_order_key_case() -> None:
    assert (
        suite("GET", f"{URL}?Param2=value2&Param1=value1")
        == "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    )


def test_post_vanilla() -> None:
    assert suite("POST") == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"


def test_post_x_www_form_urlencoded() -> None:
    assert (
        suite("POST", URL, b"Param1=value1", FORM)
        == "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    )


def test_example_of_the_documentation() -> None:
    request = SignedRequest(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        "us-east-1",
        "iam",
        (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
    )
    headers = signed_headers(request, KEY, NOW_MS)
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_session_token_is_a_signed_header() -> None:
    key = AccessKey(KEY.id, KEY.secret, "token")
    headers = signed_headers(SignedRequest("POST", URL, "us-east-1", "service"), key, NOW_MS)
    assert headers["X-Amz-Security-Token"] == "token"
    assert "host;x-amz-date;x-amz-security-token" in headers["Authorization"]


@pytest.mark.parametrize("secret", ["repr", "str"])
def test_keys_do_not_show_their_secret(secret: str) -> None:
    key = AccessKey("id", "hush", "hush")
    assert "hush" not in (repr(key) if secret == "repr" else str(key))
