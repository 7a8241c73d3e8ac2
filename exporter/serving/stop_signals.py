"""The signals that end the exporter."""

import os
import select
import signal
from contextlib import suppress
from types import FrameType


class StopSignals:
    """Waits for SIGTERM or SIGINT, from the main thread, until the process ends.

    A threading.Event that a handler sets will not do: its lock is not reentrant, and a
    second signal, just as the first one wakes the waiter, waits for that lock forever. The
    death of a parent with several threads sends several. Writing to a pipe takes no lock.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            # A parent that has us ignore Ctrl-C stops us in its own time.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        # Full after many thousands; one is enough.
        with suppress(BlockingIOError):
            os.write(self._writer, b"\0")

    def wait(self, timeout_s: float | None) -> bool:
        """Return whether a signal came, after some seconds at most; None waits for one."""
        return bool(select.select([self._reader], [], [], timeout_s)[0])
