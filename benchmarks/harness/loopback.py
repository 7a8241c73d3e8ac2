"""HTTP requests to servers on this machine, and addresses to send them from."""

import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import BinaryIO

# Ignores proxies that the environment names.
_DIRECT = urllib.request.ProxyHandler({})


def fetch(
    url: str,
    data: bytes | BinaryIO | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
) -> bytes:
    """Return the body of a GET request, or of a POST request if there is data.

    Raises:
        OSError: no answer, or a status other than 2xx.
    """
    request = urllib.request.Request(url, data, headers or {})
    opener = urllib.request.build_opener(_DIRECT)
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        detail = error.read()[:500].decode(errors="replace")
        error.close()
        raise OSError(f"{url}: {error.code} {error.reason} {detail}") from error


def client_address(number: int) -> str:
    """Return a loopback address that no other number below 64,000 has.

    A server limits the connections of an address (`web.connections.per_address`). A fleet
    that connects from 127.0.0.1 alone would meet a limit that it never meets in a network.
    """
    return f"127.1.{number // 250}.{number % 250 + 1}"


def free_port() -> int:
    """Return a port on 127.0.0.1 that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
