"""HTTP on this machine: all that the benchmarks talk to."""

import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import BinaryIO

# Whatever proxy the environment names.
_DIRECT = urllib.request.ProxyHandler({})


def fetch(
    url: str,
    data: bytes | BinaryIO | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
) -> bytes:
    """Return a URL's body; POST where there is data.

    Raises:
        OSError: nobody answers, or with another status than 2xx.
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


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listened on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
