"""Which origins are the server's own, in the forms that browsers send."""

import pytest
from aiohttp.test_utils import make_mocked_request

from web.http.network import is_own_origin
from web.settings import WebSettings


def own(origin: str, host: str, public_url: str | None = None) -> bool:
    request = make_mocked_request("POST", "/login", headers={"Host": host})
    return is_own_origin(request, origin, WebSettings.model_validate({"public_url": public_url}))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://example.com", "example.com"),
        ("http://example.com", "example.com:80"),
        ("http://example.com:80", "example.com"),
        ("http://Example.com", "example.COM"),
        ("https://example.com", "example.com"),
        ("https://example.com", "example.com:443"),
        ("http://example.com:9190", "example.com:9190"),
        ("http://127.0.0.1", "127.0.0.1"),
        ("http://[::1]", "[::1]"),
        ("http://[::1]:9190", "[::1]:9190"),
        ("http://[2001:db8::1]", "[2001:DB8:0::1]:80"),
    ],
)
def test_own_page_is_accepted(origin: str, host: str) -> None:
    assert own(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "example.com"),
        ("http://example.com:8080", "example.com"),
        ("http://example.com", "example.com:8080"),
        ("http://example.com:443", "example.com"),
        ("http://[::2]", "[::1]"),
        ("http://[::1", "[::1"),
        ("http://user@example.com", "example.com"),
        ("http://example.com@evil.example", "example.com"),
        ("null", "example.com"),
        ("null", ""),
        ("", ""),
        ("http://", ""),
        ("file://example.com", "example.com"),
        ("http://example.com:99999", "example.com:99999"),
    ],
)
def test_another_sites_page_is_refused(origin: str, host: str) -> None:
    assert not own(origin, host)


def test_public_url_is_an_own_origin_with_any_host() -> None:
    assert own("https://mon.example.com", "10.0.0.7:9190", "https://mon.example.com:443/")
    assert not own("http://mon.example.com", "10.0.0.7:9190", "https://mon.example.com/")
