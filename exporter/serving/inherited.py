"""The listening socket that systemd passes to a service with a `.socket` unit.

The exporter then needs no right to create Internet sockets. Source: sd_listen_fds(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Final

from exporter.errors import ListenError
from exporter.settings import DEFAULT_LISTEN, parse_listen

_FIRST_DESCRIPTOR: Final = 3
_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
_ALL_ADDRESSES: Final = ("", "::", "0.0.0.0")  # noqa: S104 - compared, not bound.
_FIX: Final = "correct it with `systemctl edit redshank-exporter.socket`"


def inherited_socket(
    listen: str,
    environ: MutableMapping[str, str] = os.environ,
    first: int = _FIRST_DESCRIPTOR,
) -> socket.socket | None:
    """Return the socket that systemd has passed, None if it has passed none.

    Args:
        listen: the option `--listen`: its default, or the address of the socket.
        environ: the environment, from which the variables of the protocol are removed.
        first: the descriptor of the first socket.

    Raises:
        ListenError: there are several sockets, it is not one that accepts TCP connections,
            or `listen` is another address.
    """
    pid, count, _ = (environ.pop(name, "") for name in _VARIABLES)
    if pid != str(os.getpid()) or not count.isdecimal() or int(count) == 0:
        return None
    if int(count) > 1:
        raise ListenError("systemd", f"it passes {count} sockets, not one; {_FIX}")
    try:
        passed = socket.socket(fileno=first)
    except OSError as exc:
        raise ListenError("systemd", f"descriptor {first}: {exc.strerror}") from exc
    try:
        _require_tcp(passed)
        _require_same(passed, listen)
    except ListenError:
        passed.close()
        raise
    passed.set_inheritable(False)
    return passed


def _require_tcp(passed: socket.socket) -> None:
    is_internet = passed.family in (socket.AF_INET, socket.AF_INET6)
    is_stream = passed.type == socket.SOCK_STREAM
    accepts = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not (is_internet and is_stream and accepts):
        raise ListenError("systemd", f"it passes a socket that is no ListenStream=PORT; {_FIX}")


def _require_same(passed: socket.socket, listen: str) -> None:
    """Refuse an option that would have no effect: it may be there to keep others out."""
    host, port = passed.getsockname()[:2]
    wanted_host, wanted_port = parse_listen(listen)
    is_everywhere = host in _ALL_ADDRESSES and wanted_host in _ALL_ADDRESSES
    if listen == DEFAULT_LISTEN or (port == wanted_port and (is_everywhere or host == wanted_host)):
        return
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    raise ListenError(
        listen,
        f"systemd passes a socket at {shown}; set ListenStream= with `systemctl edit"
        " redshank-exporter.socket`, and remove the option --listen",
    )
