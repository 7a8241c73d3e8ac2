"""The client's address and the server's URL of a request that may come through proxies."""

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from web.settings import WebSettings

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_control_socket(request: web.Request) -> bool:
    """Report whether a request came through the control socket in the data directory.

    Only the directory's owner can open it, so such a request needs no login.
    """
    if _parsed(request.remote or "") is not None:
        # The other end has an IP address: asking the socket takes ten times as long.
        return False
    transport = request.transport
    connection = None if transport is None else transport.get_extra_info("socket")
    return connection is not None and connection.family == socket.AF_UNIX


def client_address(request: web.Request, settings: WebSettings) -> str:
    """Return the client's address: the last hop that is not a trusted proxy."""
    forwarded = request.headers.getall("X-Forwarded-For", [])
    return last_untrusted_hop(request.remote or "", forwarded, settings)


def last_untrusted_hop(address: str, forwarded: Iterable[str], settings: WebSettings) -> str:
    """Return the last hop that is not a trusted proxy.

    Args:
        address: of the connection's other end.
        forwarded: the values of `X-Forwarded-For`.
        settings: which proxies are trusted.
    """
    hops = [hop.strip() for header in forwarded for hop in header.split(",")]
    while hops and is_trusted_proxy(address, settings):
        address = hops.pop()
    return address


def sender_network(address: str) -> str:
    """Return the network that counts as one sender: an IPv4 address or an IPv6 /64 network.

    A client that has one address of such a network usually has all of them. Text that is
    no address, as a proxy may send, is cut to the length of one.
    """
    if ":" not in address:
        return address[:64]
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False))


def is_trusted_proxy(address: str, settings: WebSettings) -> bool:
    """Report whether an address is in `trusted_proxies`."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in settings.trusted_proxies)


@lru_cache(1024)
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Return an address, None for other text; each connection and request asks for it."""
    try:
        return ip_address(address)
    except ValueError:
        return None


def is_own_origin(request: web.Request, origin: str, settings: WebSettings) -> bool:
    """Report whether `origin` is this server's own.

    Browsers leave the scheme's default port out of both headers, and other clients may
    write it in either.
    """
    sent = _split_origin(origin)
    if sent is None:
        return False
    if settings.public_url is not None and sent == _split_origin(str(settings.public_url)):
        return True
    scheme = sent[0]
    if request.secure and scheme != "https":
        return False
    # A proxy may end TLS in front of us, so a plain connection says nothing of the scheme.
    return sent == _split_origin(f"{scheme}://{request.headers.get('Host', '')}")


def _split_origin(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of an origin's text, None if it is malformed."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    host = parts.hostname
    if ":" in host:
        try:
            host = str(IPv6Address(host))
        except ValueError:
            return None
    return parts.scheme, host, _DEFAULT_PORTS[parts.scheme] if port is None else port


def base_url(request: web.Request, settings: WebSettings) -> str:
    """Return the URL by which the client reaches the server, without a final slash."""
    if settings.public_url is not None:
        return str(settings.public_url).rstrip("/")
    return str(request.url.origin())


def local_path(target: str) -> str:
    r"""Return `target` if it is a path on this server, else "/".

    Browsers resolve `//host`, `/\host` and paths with control characters to other sites.
    """
    if not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    if any(ord(character) < 0x21 or character == "\\" for character in target):
        return "/"
    return target
