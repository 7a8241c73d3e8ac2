"""The choice of the proxy for a request.

Source: Prometheus documentation, "Configuration", http_config; Go's httpproxy package for
the patterns of `no_proxy`.
"""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.request import getproxies_environment

from yarl import URL

from scraper.fetching.secrets import Secret


@dataclass(frozen=True, slots=True)
class ProxyAccess:
    """The options of proxies.

    Attributes:
        url: URL of an HTTP proxy, "" for none.
        no_proxy: patterns of hosts that are reached directly, separated by commas.
        from_environment: whether HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide.
        connect_headers: headers for the proxy itself.
    """

    url: str = ""
    no_proxy: str = ""
    from_environment: bool = False
    connect_headers: tuple[tuple[str, Secret], ...] = ()

    def url_for(self, url: URL) -> str | None:
        """Return the URL of the proxy for a request, None for a direct connection."""
        proxy, excluded = self.url, self.no_proxy
        if self.from_environment:
            found = getproxies_environment()
            proxy, excluded = found.get(url.scheme, ""), found.get("no", "")
            if _is_loopback(url.raw_host or ""):
                return None
        if not proxy or _is_excluded(url, excluded):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_excluded(url: URL, patterns: str) -> bool:
    """Return whether a pattern matches the request's host.

    `*` matches every host; an IP address or network the addresses in it; `example.com`
    the domain and all below it; `.example.com` only those below it. A pattern may end
    with a port.
    """
    return any(_matches(url, pattern.strip().lower()) for pattern in patterns.split(","))


def _matches(url: URL, pattern: str) -> bool:
    if not pattern:
        return False
    if pattern == "*":
        return True
    host = (url.raw_host or "").lower().rstrip(".")
    try:
        return ip_address(host) in ip_network(pattern, strict=False)
    except ValueError:
        pass
    name, separator, port = pattern.rpartition(":")
    if separator and port.isdigit() and (name.count(":") == 0 or name.startswith("[")):
        if int(port) != url.port:
            return False
        pattern = name
    pattern = pattern.strip("[]").removeprefix("*")
    if pattern.startswith("."):
        return host.endswith(pattern)
    return host == pattern or host.endswith(f".{pattern}")
