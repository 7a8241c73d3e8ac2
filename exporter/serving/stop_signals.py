"""The signals that stop the exporter."""

import os
import select
import signal
from contextlib import suppress
from types import FrameType


class StopSignals:
    """Waits for SIGTERM or SIGINT; create it on the main thread, once per process.

    The signal handler writes to a pipe, which needs no lock. Setting a threading.Event
    could deadlock: its lock is not reentrant, so a second signal that arrives while the
    first one wakes the waiter would wait for it forever. A parent process with several
    threads sends several signals when it dies.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            # A parent that made us ignore Ctrl-C stops us itself.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # After many thousands of signals the pipe is full; one byte in it is enough.
        with suppress(BlockingIOError):
            os.write(self._writer, b"\0")

    def wait(self, timeout_s: float | None) -> bool:
        """Return whether a signal arrived within `timeout_s`; None waits until one does."""
        return bool(select.select([self._reader], [], [], timeout_s)[0])
