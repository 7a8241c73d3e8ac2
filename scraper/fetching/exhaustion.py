"""Failed connections that are the fault of this server, not of the target."""

import errno
import socket
from typing import Final

import aiohttp

from model.process.descriptors import EXHAUSTED, has_free_descriptor

_LACKING: Final = {
    errno.EMFILE: "no file descriptor",
    errno.ENFILE: "no file descriptor",
    errno.EADDRNOTAVAIL: "no local port",
}
_NO_THREAD: Final = "can't start new thread"


def own_exhaustion(exc: BaseException) -> str:
    """Return what this server lacked, "" if the error is the target's or the network's."""
    if isinstance(exc, MemoryError):
        return "no memory"
    if isinstance(exc, RuntimeError):
        return "no thread" if _NO_THREAD in str(exc) else ""
    cause = exc.os_error if isinstance(exc, aiohttp.ClientConnectorError) else exc
    if isinstance(cause, socket.gaierror):
        # The resolver reports "temporary failure" if it cannot open its own socket.
        return "" if has_free_descriptor() else "no file descriptor"
    if isinstance(cause, OSError) and cause.errno in EXHAUSTED:
        return _LACKING.get(cause.errno, "no memory")
    return ""
