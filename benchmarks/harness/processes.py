"""Child processes to measure: started, awaited, measured through /proc, and killed."""

import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Self

import psutil

from benchmarks.harness.loopback import fetch

_ROOT = Path(__file__).parents[2]
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_READY_TIMEOUT_S = 120.0
_LOG_TAIL = 2000


class BenchmarkError(Exception):
    """A benchmark cannot continue; the message says why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time and memory of a process and its descendants.

    Attributes:
        cpu_s: user and system time since the start, including descendants that ended.
        rss_bytes: resident memory now.
    """

    cpu_s: float
    rss_bytes: int


def usage(pid: int) -> Usage:
    """Read the usage of a process and its descendants from /proc."""
    cpu_s, rss_bytes = 0.0, 0
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            times, memory = process.cpu_times(), process.memory_info()
        except psutil.NoSuchProcess:  # it ended: its parent's children times include it
            continue
        cpu_s += times.user + times.system + times.children_user + times.children_system
        rss_bytes += memory.rss
    return Usage(cpu_s, rss_bytes)


class Child:
    """A child process that runs while a `with` block runs.

    The block begins when the process is ready; at its end the process is killed with
    SIGKILL. The process also dies with this one. Its working directory is the
    checkout, so that `python -m` finds our modules.

    Args:
        name: names its log file, and the process in errors.
        command: its command line.
        log_directory: where the log file with its output goes.
        ready_url: answers 2xx once the process is ready; "" if it serves no HTTP.
        variables: added to the environment.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_directory: Path,
        ready_url: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._command = list(command)
        self._log_path = log_directory / f"{name}.log"
        self._ready_url = ready_url
        self._variables = variables or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; the process must have been started."""
        if self._process is None:
            raise BenchmarkError(f"{self._name} was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the process, without waiting until it is ready."""
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=_ROOT,
                env={**os.environ, **self._variables},
                # Ctrl-C must reach only this process, which then kills its children.
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads here
            )

    def wait_ready(self) -> None:
        """Return when the process is ready.

        Raises:
            BenchmarkError: it ended, or was not ready in time.
        """
        deadline_s = time.monotonic() + _READY_TIMEOUT_S
        while self._ready_url:
            try:
                fetch(self._ready_url, timeout_s=5)
            except OSError as exc:  # URLError and HTTPError are OSErrors
                if time.monotonic() > deadline_s:
                    what = f"is not ready within {_READY_TIMEOUT_S:.0f} s ({exc})"
                    raise self.error(what) from exc
            else:
                return
            self._ensure_running()
            time.sleep(0.01)

    def usage(self) -> Usage:
        """Return the CPU time and memory used so far."""
        self._ensure_running()
        return usage(self.pid)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait_success(self) -> None:
        """Return when the process has ended with status 0.

        Raises:
            BenchmarkError: it ended with another status.
        """
        if self._process is not None and self._process.wait() != 0:
            self._ensure_running()

    def wait_figures(self) -> dict[str, float]:
        """Wait until the process ends; return the JSON object in its last line of output.

        Raises:
            BenchmarkError: it ended with another status than 0, or printed something else.
        """
        self.wait_success()
        try:
            figures: dict[str, float] = json.loads(self.log().splitlines()[-1])
        except (ValueError, IndexError) as exc:
            raise self.error("printed no figures") from exc
        return figures

    def log(self) -> str:
        """Return the output so far."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def error(self, what: str) -> BenchmarkError:
        """Return an error with the end of the output."""
        return BenchmarkError(f"{self._name} {what}\n{self.log()[-_LOG_TAIL:]}")

    def _ensure_running(self) -> None:
        if self._process is None or self._process.poll() is not None:
            status = self._process and self._process.returncode
            raise self.error(f"ended with {status}")

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def finish(
    name: str,
    command: Sequence[str],
    directory: Path,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Run a command until it ends with status 0."""
    with Child(name, command, directory, variables=variables) as child:
        child.wait_success()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


@contextmanager
def work_directory(parent: Path | None = None) -> Iterator[Path]:
    """Make a directory for a `with` block, in the system's temporary directory or in `parent`."""
    with TemporaryDirectory(prefix="redshank-bench-", dir=parent) as name:
        yield Path(name)


def wait_until(done: Callable[[], bool], timeout_s: float, poll_s: float = 0.1) -> bool:
    """Poll a condition; return whether it became true in time."""
    deadline_s = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(poll_s)
    return True


def directory_size_bytes(directory: Path) -> int:
    """Return the sum of the sizes of all files."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise SystemExit on SIGTERM and SIGHUP, so that `with` blocks clean up."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    previous = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
