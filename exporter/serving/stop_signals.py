"""The signals that stop the exporter."""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType, TracebackType


class StopSignals:
    """Waits for SIGTERM or SIGINT, in a `with` block of the main thread.

    The interpreter writes each signal to a socket, which needs no lock and no handler: on Windows
    none runs while `select` waits. Setting a threading.Event in a handler could deadlock: its
    lock is not reentrant, so a second signal that arrives while the first one wakes the waiter
    would wait for it forever. A parent process with several threads sends several signals when
    it dies.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._writer.settimeout(0)
        # After many thousands of signals the socket is full; one byte in it is enough.
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            # A parent that made us ignore Ctrl-C stops us itself.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _do_nothing)

    def __enter__(self) -> StopSignals:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()

    def wait(self, timeout_s: float | None) -> bool:
        """Return whether a signal arrived within `timeout_s`; None waits until one does."""
        return bool(select.select([self._reader], [], [], timeout_s)[0])


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Replace the default handler, which would end the process at once."""
