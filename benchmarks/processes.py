"""Child processes that are measured and never left behind, and what /proc says of them."""

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import BinaryIO, Self

import psutil

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STOP_TIMEOUT_S = 60.0
_READY_TIMEOUT_S = 120.0
_LOG_TAIL = 2000
# The benchmarks talk to loopback only, whatever proxy the environment names.
_DIRECT = urllib.request.ProxyHandler({})


class BenchmarkError(Exception):
    """A benchmark cannot go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its descendants have used.

    Attributes:
        cpu_s: user and system time since their start, those that ended included.
        rss_bytes: resident memory now.
    """

    cpu_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a child runs: its directory (None: ours) and variables added to ours."""

    working_directory: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def usage(pid: int) -> Usage:
    """Read a process and its descendants from /proc."""
    cpu_s, rss_bytes = 0.0, 0
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            times, memory = process.cpu_times(), process.memory_info()
        except psutil.NoSuchProcess:  # a child that ended: counted in its parent's children times
            continue
        cpu_s += times.user + times.system + times.children_user + times.children_system
        rss_bytes += memory.rss
    return Usage(cpu_s, rss_bytes)


class Child:
    """A process that ends with the `with` block, and with ourselves however we end."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log_directory: Path,
        environment: Environment | None = None,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._log_path = log_directory / f"{name}.log"
        self._environment = environment or Environment()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; only while it was started."""
        if self._process is None:
            raise BenchmarkError(f"{self.name} was not started")
        return self._process.pid

    def start(self) -> None:
        """Start it; what it prints is kept in its log."""
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._environment.working_directory,
                env={**os.environ, **self._environment.variables},
                # Ctrl-C is for us; we stop the children in our own order.
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - we have no threads
            )

    def wait_ready(self, url: str, timeout_s: float = _READY_TIMEOUT_S) -> None:
        """Return when `url` answers 2xx.

        Raises:
            BenchmarkError: the process ended before, or the time is over.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                fetch(url, timeout_s=5)
            except OSError as exc:  # URLError and HTTPError are OSErrors
                if time.monotonic() > deadline_s:
                    raise self._error(f"is not ready within {timeout_s:.0f} s ({exc})") from exc
            else:
                return
            self.ensure_running()
            time.sleep(0.01)

    def ensure_running(self) -> None:
        """Raise BenchmarkError with the end of its log if it has ended."""
        if self._process is None or self._process.poll() is not None:
            status = self._process and self._process.returncode
            raise self._error(f"ended with {status}")

    def usage(self) -> Usage:
        """Read what it used so far from /proc."""
        self.ensure_running()
        return usage(self.pid)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end, kill it when it does not."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait_success(self) -> None:
        """Return when it has ended well.

        Raises:
            BenchmarkError: it ended with another status than 0.
        """
        if self._process is not None and self._process.wait() != 0:
            self.ensure_running()

    def log(self) -> str:
        """Return what it printed so far."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def _error(self, what: str) -> BenchmarkError:
        return BenchmarkError(f"{self.name} {what}\n{self.log()[-_LOG_TAIL:]}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.stop()
        else:  # someone waits for the end: no time for a child's graceful one
            self.kill()


def finish(name: str, command: Sequence[str], directory: Path) -> None:
    """Run a command to its end."""
    child = Child(name, command, directory)
    child.start()
    try:
        child.wait_success()
    finally:
        child.kill()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


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


def directory_size_bytes(directory: Path) -> int:
    """Return the sum of its files' lengths."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind like Ctrl-C, so that `with` blocks clean up."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    previous = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
