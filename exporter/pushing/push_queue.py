"""A queue of pushes in a directory: each one is a file, in the order of their names.

A file appears by a rename after its content is synced, so that a process that is killed leaves
whole pushes only. Where the disk refuses a write, pushes wait in memory. Several processes may
add to a queue; one of them sends at a time, under a lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from exporter.logs import Log

log = Log(__name__)

_ENDING: Final = ".push"
_TEMPORARY: Final = ".tmp"
_LOCK: Final = "lock"
# Pushes that wait in memory while the disk is full: an hour at one in 15 s.
_MOST_IN_MEMORY: Final = 240
DEFAULT_MOST_BYTES: Final = 64 * 2**20
# What a killed process left half-written is older than this.
_ABANDONED_S: Final = 60.0


@dataclass(frozen=True)
class QueuedPush:
    """One request to send.

    Attributes:
        body: the request's body.
        headers: its headers, without the key.
    """

    body: bytes
    headers: dict[str, str]


class PushQueue:
    """The pushes that the server has not acknowledged, oldest first; thread-safe.

    Args:
        directory: where the files are; made with mode 0700 if missing.
        most_bytes: how much of the disk the queue takes; the oldest pushes make room.
        now_ns: the time, by which pushes are ordered.

    Raises:
        OSError: the directory cannot be made.
    """

    def __init__(
        self,
        directory: Path,
        most_bytes: int = DEFAULT_MOST_BYTES,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory, self._most_bytes, self._now_ns = directory, most_bytes, now_ns
        self._memory: dict[str, QueuedPush] = {}
        self._last = 0
        self._is_refused = False
        self._lock = threading.Lock()
        for path in directory.glob(f"*{_TEMPORARY}"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED_S:
                    path.unlink()

    def add(self, push: QueuedPush) -> None:
        """Add a push; it outlives this process, unless the disk refuses it."""
        with self._lock:
            self._add(push)

    def _add(self, push: QueuedPush) -> None:
        name = self._next_name()
        content = json.dumps(asdict(push) | {"body": ""}).encode() + b"\n" + push.body
        self._make_room(len(content))
        try:
            self._write(name, content)
        except OSError as exc:
            self._memory[name] = push
            if not self._is_refused:
                log.warning("push_queue_unwritable", directory=str(self._directory), error=str(exc))
            self._is_refused = True
            while len(self._memory) > _MOST_IN_MEMORY:
                del self._memory[min(self._memory)]
                log.warning("push_dropped", reason="the disk refuses the queue, memory is full")
            return
        if self._is_refused:
            log.info("push_queue_writable", directory=str(self._directory))
        self._is_refused = False

    def oldest(self) -> tuple[str, QueuedPush] | None:
        """Return name and content of the oldest push, None if there is none."""
        with self._lock:
            for name in self._names():
                push = self._memory.get(name) or self._read(name)
                if push is not None:
                    return name, push
        return None

    def remove(self, name: str) -> None:
        """Remove a push."""
        with self._lock:
            if self._memory.pop(name, None) is None:
                (self._directory / name).unlink(missing_ok=True)

    def __len__(self) -> int:
        """Return the number of pushes."""
        with self._lock:
            return len(self._names())

    @contextmanager
    def sending(self, *, wait: bool) -> Iterator[bool]:
        """Hold the lock of the process that sends; yield whether this one has it."""
        descriptor = os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(descriptor)

    def _names(self) -> list[str]:
        names = set()
        # Without a directory, pushes wait in memory.
        with suppress(OSError):
            # Not glob, which takes three times as long: each push lists all that wait.
            listed = os.listdir(self._directory)  # noqa: PTH208 - names, not paths.
            names = {name for name in listed if name.endswith(_ENDING)}
        return sorted(names | self._memory.keys())

    def _next_name(self) -> str:
        # Later than every push of the queue, also after the clock was set back.
        names = self._names()
        last = int(names[-1].split("-")[0]) if names else 0
        self._last = max(self._now_ns(), last + 1, self._last + 1)
        return f"{self._last:020d}-{os.getpid()}{_ENDING}"

    def _write(self, name: str, content: bytes) -> None:
        temporary = self._directory / f"{name}{_TEMPORARY}"
        try:
            descriptor = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            temporary.rename(self._directory / name)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _read(self, name: str) -> QueuedPush | None:
        """Return a push; remove a file that has none."""
        path = self._directory / name
        try:
            head, _, body = path.read_bytes().partition(b"\n")
            headers = json.loads(head)["headers"]
            return QueuedPush(body, {str(key): str(value) for key, value in headers.items()})
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            log.warning("push_dropped", file=str(path), reason=f"not a push: {exc}")
            path.unlink(missing_ok=True)
            return None

    def _make_room(self, size_bytes: int) -> None:
        sizes: dict[Path, int] = {}
        for path in self._directory.glob(f"*{_ENDING}"):
            with suppress(FileNotFoundError):
                sizes[path] = path.stat().st_size
        total = sum(sizes.values()) + size_bytes
        for path in sorted(sizes):
            if total <= self._most_bytes:
                return
            total -= sizes[path]
            path.unlink(missing_ok=True)
            log.warning("push_dropped", file=str(path), reason="the queue has its largest size")
