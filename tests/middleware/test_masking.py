"""No secret leaves the process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redshank_middleware.masking import MASK, SecretMask

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dGhlIHNpZ25hdHVyZQ"


@pytest.mark.parametrize(
    "secret",
    [
        JWT,
        "rsk_0123456789abcdef01234567",
        "sk-proj-abcdefghijklmnop1234",
        "ghp_abcdefghijklmnopqrst",
        "AKIAIOSFODNN7EXAMPLE",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "ann@example.com",
        "ann%40example.com",
    ],
)
def test_known_forms_of_secrets_are_masked_in_paths(secret: str) -> None:
    assert SecretMask().path(f"/reset/{secret}/confirm", None) == f"/reset/{MASK}/confirm"


@pytest.mark.parametrize(
    "path",
    [
        "/users/7",
        "/users/123e4567-e89b-12d3-a456-426614174000",
        "/orders/20261129000000000001",
        "/a-very-long-article-about-monitoring-that-has-no-secret",
        "/static/app.3f2a1c.js",
        # The letters of an AWS access key inside a longer word.
        "/cards/NAKIADLOSTCARD2026ABCDE",
        "/orders/ASIA2026ORDERNUMBER17",
        "/files/xAKIAIOSFODNN7EXAMPLE",
    ],
)
def test_ids_and_names_stay_readable(path: str) -> None:
    assert SecretMask().path(path, None) == path


@pytest.mark.parametrize("text", ["{}", "key={}", "a_{}_b", "s3:{}.csv", "({})", "{},{}"])
def test_an_access_key_is_masked_between_any_marks(text: str) -> None:
    shown = SecretMask().text(text.replace("{}", "ASIAIOSFODNN7EXAMPLE"))
    assert shown == text.replace("{}", MASK)


@pytest.mark.parametrize("name", ["token", "reset_token", "apiKey", "api_key", "password", "code"])
def test_parameters_are_masked_by_their_names(name: str) -> None:
    assert SecretMask().path("/x/abc", {name: "abc"}) == f"/x/{MASK}"


@pytest.mark.parametrize("name", ["id", "monkey", "keyboard", "barcode"])
def test_other_parameters_stay_readable(name: str) -> None:
    assert SecretMask().path("/x/abc", {name: "abc"}) == "/x/abc"


def test_a_masked_value_is_a_whole_part_of_the_path() -> None:
    assert SecretMask().path("/ab/a/b", {"token": "a"}) == f"/ab/{MASK}/b"


def test_further_secrets_are_masked() -> None:
    assert SecretMask(["card-[0-9]+"]).path("/pay/card-42", None) == f"/pay/{MASK}"


def test_an_invalid_expression_is_named() -> None:
    with pytest.raises(ValueError, match=r"secrets: '\(' is no regular expression"):
        SecretMask(["("])


@given(
    st.text(),
    st.text(min_size=1).filter(lambda text: "/" not in text),
    st.dictionaries(st.text(), st.text() | st.integers()),
)
def test_any_value_of_a_secret_parameter_is_masked(
    path: str, secret: str, others: dict[str, str | int]
) -> None:
    masked = SecretMask().path(f"/{path}/{secret}", others | {"token": secret})
    assert masked.rpartition("/")[2] == MASK
