"""Where a request comes from and which address it was sent to, proxies considered."""

import socket
from ipaddress import IPv6Address, IPv6Network, ip_address

from aiohttp import web
from yarl import URL

from web.settings import WebSettings


def is_control_socket(request: web.Request) -> bool:
    """Tell whether a request came by the socket in the data directory.

    Only the directory's owner can open it, so that no login is asked for.
    """
    transport = request.transport
    connection = None if transport is None else transport.get_extra_info("socket")
    return connection is not None and connection.family == socket.AF_UNIX


def client_address(request: web.Request, settings: WebSettings) -> str:
    """Return the client's address: the last hop that is no trusted proxy."""
    hops = [
        hop.strip()
        for header in request.headers.getall("X-Forwarded-For", [])
        for hop in header.split(",")
    ]
    address = request.remote or ""
    while hops and is_trusted_proxy(address, settings):
        address = hops.pop()
    return address


def sender_network(address: str) -> str:
    """Return what is counted as one sender: an IPv4 address, or an IPv6 network of 64 bits.

    Whoever has one address of such a network usually has all of it. Text that is no
    address, as a proxy may pass on, is cut to what an address can take.
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
    """Tell whether an address is one of `trusted_proxies`."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in settings.trusted_proxies)


def is_own_origin(request: web.Request, origin: str, settings: WebSettings) -> bool:
    """Tell whether a page of `origin` is one of ours."""
    try:
        url = URL(origin)
        authority = url.authority.lower()
    except ValueError:
        return False
    if not authority:
        return False
    if settings.public_url is not None:
        public = URL(str(settings.public_url))
        if (url.scheme, authority) == (public.scheme, public.authority.lower()):
            return True
    return authority == request.headers.get("Host", "").lower()


def base_url(request: web.Request, settings: WebSettings) -> str:
    """Return the URL that people reach the server by, without a final slash."""
    if settings.public_url is not None:
        return str(settings.public_url).rstrip("/")
    return str(request.url.origin())


def local_path(target: str) -> str:
    r"""Return `target` if it is a path of this server, else "/".

    Browsers take `//host`, `/\host` and control characters as ways to another site.
    """
    if not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    if any(ord(character) < 0x21 or character == "\\" for character in target):
        return "/"
    return target
