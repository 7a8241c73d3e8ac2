"""Makes backups on request and by a schedule, and keeps the newest."""

import asyncio
import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from daemon.configuration.settings import BackupSettings
from model.clock import Clock
from storage.api.errors import NotFoundError, StorageError
from web.management.backups import BackupState, StoredBackup

log = structlog.get_logger(__name__)

_NAME: Final = re.compile(r"redshank-(\d{8}T\d{6}Z)\.tar", re.ASCII)
_TIME: Final = "%Y%m%dT%H%M%SZ"
_LOOK_EVERY_S: Final = 60.0


class BackupKeeper:
    """The backups of a data directory; `run` makes them, one at a time."""

    def __init__(
        self, data_directory: Path, settings: Callable[[], BackupSettings], clock: Clock
    ) -> None:
        self._data, self._settings, self._clock = data_directory, settings, clock
        self._requested = asyncio.Event()
        self._running, self._error = False, ""
        self._failed_ms: int | None = None

    @property
    def _directory(self) -> Path:
        return self._settings().directory or self._data / "backups"

    @property
    def state(self) -> BackupState:
        """See `Backups.state`."""
        settings = self._settings()
        return BackupState(
            self._running or self._requested.is_set(),
            self._error,
            settings.every_ms,
            settings.keep,
            str(self._directory),
        )

    async def all(self) -> Sequence[StoredBackup]:
        """See `Backups.all`."""
        return await asyncio.to_thread(_stored, self._directory)

    def request(self) -> None:
        """See `Backups.request`."""
        self._requested.set()

    def path(self, name: str) -> Path:
        """See `Backups.path`."""
        path = self._directory / name
        # The whole name: nothing outside the directory can be meant.
        if _NAME.fullmatch(name) is None or not path.is_file():
            raise NotFoundError("backup", name)
        return path

    async def remove(self, name: str) -> None:
        """See `Backups.remove`."""
        path = await asyncio.to_thread(self.path, name)
        await asyncio.to_thread(path.unlink, missing_ok=True)

    async def run(self) -> None:
        """Make backups until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._requested.wait()
            if self._requested.is_set() or await self._is_due():
                await self._make()

    async def _is_due(self) -> bool:
        every_ms = self._settings().every_ms
        if not every_ms:
            return False
        last_ms = max((each.created_ms for each in await self.all()), default=0)
        # After a failure the next attempt waits an hour, or as long as the schedule does.
        if self._failed_ms is not None:
            last_ms = max(last_ms, self._failed_ms + min(every_ms, 3_600_000) - every_ms)
        return self._clock() - last_ms >= every_ms

    async def _make(self) -> None:
        self._running = True
        self._requested.clear()
        try:
            now_ms = self._clock()
            size = await asyncio.to_thread(_write, self._data, self._directory, now_ms)
            await asyncio.to_thread(_prune, self._directory, self._settings().keep)
        except (OSError, StorageError, sqlite3.Error) as exc:
            self._error, self._failed_ms = str(exc), self._clock()
            log.error("backup_failed", error=str(exc))  # noqa: TRY400 - the disk's fault, not ours
        else:
            self._error, self._failed_ms = "", None
            log.info("backup_made", size_bytes=size)
        finally:
            self._running = False


def _stored(directory: Path) -> list[StoredBackup]:
    """Return the backups in a directory, newest first; blocks."""
    found = []
    # A directory that cannot be read has none: making the next one says why.
    with suppress(OSError):
        for entry in os.scandir(directory):
            match = _NAME.fullmatch(entry.name)
            if match is None:
                continue
            with suppress(FileNotFoundError, ValueError):
                at = datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
                size_bytes = entry.stat(follow_symlinks=False).st_size
                found.append(StoredBackup(entry.name, size_bytes, round(at.timestamp() * 1000)))
    return sorted(found, key=lambda each: each.created_ms, reverse=True)


def _write(data: Path, directory: Path, now_ms: int) -> int:
    """Write a backup, private to its owner; return its size; blocks."""
    # Only a server that makes backups needs these; tarfile alone takes 0.4 MB.
    from tarfile import TarError

    from storage.backup import write_backup

    directory.mkdir(mode=0o700, exist_ok=True)
    name = f"redshank-{datetime.fromtimestamp(now_ms // 1000, UTC).strftime(_TIME)}.tar"
    partial = directory / f".{name}.partial"
    try:
        # Password hashes, sessions and keys are in it.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            write_backup(data, stream, directory, now_ms)
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(directory / name)
    except TarError as exc:
        raise StorageError(str(exc)) from exc
    finally:
        partial.unlink(missing_ok=True)
    return (directory / name).stat().st_size


def _prune(directory: Path, keep: int) -> None:
    """Delete all but the newest backups; blocks."""
    for each in _stored(directory)[keep:]:
        (directory / each.name).unlink(missing_ok=True)
