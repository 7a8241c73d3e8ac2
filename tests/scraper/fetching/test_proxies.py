import pytest
from yarl import URL

from scraper.fetching.proxies import ProxyAccess

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_direct"),
    [
        ("http://web-1:9100/metrics", "", False),
        ("http://web-1:9100/metrics", "*", True),
        ("http://example.com/", "example.com", True),
        ("http://www.example.com/", "example.com", True),
        ("http://myexample.com/", "example.com", False),
        ("http://example.com/", ".example.com", False),
        ("http://www.example.com/", ".example.com", True),
        ("http://www.example.com/", "*.example.com", True),
        ("http://EXAMPLE.com./", "Example.COM", True),
        ("http://example.com:9100/", "example.com:9100", True),
        ("http://example.com:9200/", "example.com:9100", False),
        ("http://10.1.2.3:9100/", "10.0.0.0/8", True),
        ("http://11.1.2.3:9100/", "10.0.0.0/8", False),
        ("http://10.1.2.3:9100/", "10.1.2.3", True),
        ("http://10.1.2.3:9100/", "10.1.2.3:9100", True),
        ("http://[fd00::1]:9100/", "fd00::/8", True),
        ("http://[fd00::1]:9100/", "[fd00::1]:9100", True),
        ("http://b/", "a, b ,", True),
    ],
)
def test_patterns_of_no_proxy_name_hosts_that_are_reached_directly(
    url: str, no_proxy: str, is_direct: bool
) -> None:
    proxy = ProxyAccess(PROXY, no_proxy).url_for(URL(url))
    assert proxy == (None if is_direct else PROXY)


def test_environment_decides_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("http_proxy", "plain:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:3128")
    monkeypatch.setenv("NO_PROXY", "internal")
    access = ProxyAccess(from_environment=True)
    assert access.url_for(URL("http://web/")) == "http://plain:3128"
    assert access.url_for(URL("https://web/")) == "http://secure:3128"
    assert access.url_for(URL("http://a.internal/")) is None
    assert access.url_for(URL("http://127.0.0.1/")) is None
    assert access.url_for(URL("http://localhost/")) is None
    assert ProxyAccess().url_for(URL("http://web/")) is None
