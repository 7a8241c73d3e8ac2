"""Programs that a collector runs at an interval, beside the scrapes.

A scrape reads the output of the last run that has ended. A program that hangs is killed after
its deadline; one that cannot be killed, such as a smartctl of a dead disk, is not started again
before it has ended. Neither delays a scrape by more than `_FIRST_WAIT_S`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from exporter.errors import NoDataError

_MOST_BYTES: Final = 16 * 2**20
# Most programs end within it, so that already the first scrape has their output.
_FIRST_WAIT_S: Final = 2.0
_POLL_S: Final = 0.01
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ProgramOutput(NamedTuple):
    """The output of a run that has ended, and its exit status."""

    content: bytes
    status: int


class BackgroundProgram:
    """Runs one command line again and again; used by one thread at a time.

    Args:
        command: the program and its arguments.
        interval_s: the time from the start of one run to that of the next.
        deadline_s: how long a run may take.
        path: the directories to look for the program in, separated by colons.
        monotonic: the time in seconds.
    """

    def __init__(
        self,
        command: Sequence[str],
        interval_s: float,
        deadline_s: float = 60.0,
        path: str = _PATH,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command, self._path, self._monotonic = list(command), path, monotonic
        self._interval_s, self._deadline_s = interval_s, deadline_s
        self._process: subprocess.Popen[bytes] | None = None
        self._file = -1
        self._started_s: float | None = None
        self._last: ProgramOutput | None = None

    def output(self) -> ProgramOutput | None:
        """Return the output of the last run that has ended, None before the first one has.

        Raises:
            NoDataError: the host does not have the program.
            OSError: the program cannot be started.
        """
        now_s = self._monotonic()
        is_due = self._started_s is None or now_s - self._started_s >= self._interval_s
        if self._process is None and is_due:
            self._start(now_s)
            until_s = time.monotonic() + _FIRST_WAIT_S
            while self._is_running() and time.monotonic() < until_s:
                time.sleep(_POLL_S)
                self._harvest(now_s)
        else:
            self._harvest(now_s)
        return self._last

    def __del__(self) -> None:
        """Kill the program."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            os.close(self._file)

    def _is_running(self) -> bool:
        return self._process is not None

    def _start(self, now_s: float) -> None:
        self._started_s = now_s
        self._file = os.memfd_create(self._command[0][-40:], os.MFD_CLOEXEC)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program, by collectors.
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._file,
                stderr=subprocess.DEVNULL,
                env={"PATH": self._path, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        except FileNotFoundError:
            os.close(self._file)
            raise NoDataError(f"{self._command[0]} is not installed") from None
        except OSError:
            os.close(self._file)
            raise
        with suppress(OSError):  # It may have ended already.
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))

    def _harvest(self, now_s: float) -> None:
        """Take the output of a run that has ended, or kill one that takes too long."""
        if self._process is None or self._started_s is None:
            return
        status = self._process.poll()
        if status is not None:
            self._last = ProgramOutput(os.pread(self._file, _MOST_BYTES, 0), status)
            os.close(self._file)
            self._process = None
        elif now_s - self._started_s >= self._deadline_s:
            self._process.kill()
