"""A stand-in for a data directory that is read-only when the server starts.

The server then works in a copy of its databases in a temporary directory, beside the window
files of the directory itself, so that scraping, checks and notifications go on. When the
directory is writable again, the databases return to it and the server starts anew there.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from daemon.data_directory import DataDirectory
from daemon.errors import DataDirectoryError
from storage.files import JOURNAL, KEYS, MESSAGES, RECORDS, TOMBSTONES

log = structlog.get_logger(__name__)

_SPARE_BYTES: Final = 64 * 2**20
_PROBE: Final = ".writable"
_DATABASES: Final = (JOURNAL.pattern, RECORDS.pattern, MESSAGES.pattern)
_COPIED: Final = (*_DATABASES, TOMBSTONES.pattern, KEYS.pattern)


def is_read_only(directory: Path) -> bool:
    """Return whether the file system of an existing directory refuses all writes."""
    probe = directory / _PROBE
    try:
        probe.touch(exist_ok=True)
        probe.unlink()
    except OSError as exc:
        # A wrong owner is a mistake that a start must show, and no fault of the disk.
        return exc.errno == errno.EROFS
    return False


class StandIn:
    """The copy, and its way back.

    Attributes:
        directory: the copy.
        original: the directory that it stands in for.
    """

    def __init__(self, original: DataDirectory, path: Path) -> None:
        self.original, self.directory = original, DataDirectory(path)

    def fill(self) -> None:
        """Copy the databases, and link all other files.

        Raises:
            DataDirectoryError: the temporary directory has no room for them.
        """
        source, target = self.original.path, self.directory.path
        copied = [*_COPIED, *(f"{name}-wal" for name in _DATABASES)]
        files = [source / name for name in copied if (source / name).exists()]
        needed_bytes = sum(file.stat().st_size for file in files) + _SPARE_BYTES
        if shutil.disk_usage(target).free < needed_bytes:
            raise DataDirectoryError(
                f"data directory {source} is on a read-only file system, and {target.parent} has no"
                f" room to work without it ({needed_bytes // 2**20} MiB); make the file system"
                " writable (`mount -o remount,rw`, or check the disk), or set TMPDIR"
            )
        for file in files:
            shutil.copyfile(file, target / file.name)
        sockets = {self.original.control_socket.name, self.original.otlp_grpc_socket.name}
        own = {*copied, "lock", "reserve", *sockets}
        own |= {f"{name}-shm" for name in _DATABASES}
        for entry in source.iterdir():
            if entry.name not in own:
                (target / entry.name).symlink_to(entry)

    def is_over(self) -> bool:
        """Return whether the original can be written again; blocks."""
        return not is_read_only(self.original.path)

    def give_back(self) -> bool:
        """Put the closed databases into the original; return whether it takes them; blocks.

        The caller holds the lock of the original.
        """
        try:
            for name in _COPIED:
                self._give_back(name)
        except OSError as exc:
            log.warning(
                "read_only_data_lost",
                data_directory=str(self.original.path),
                error=str(exc),
                fix="what was scraped and changed since the start is lost; check the disk",
            )
            return False
        return True

    def _give_back(self, name: str) -> None:
        source, target = self.directory.path / name, self.original.path / name
        if not source.exists():
            return
        new = target.with_name(f"{name}.new")
        shutil.copyfile(source, new)
        new.chmod(0o600)
        with new.open("rb+") as file:
            os.fsync(file.fileno())
        # The WAL is that of the old file.
        for end in ("-wal", "-shm"):
            target.with_name(name + end).unlink(missing_ok=True)
        new.replace(target)


@contextmanager
def standing_in(original: DataDirectory) -> Iterator[StandIn | None]:
    """Give a stand-in if the directory is read-only, None if not; remove it at the end.

    Raises:
        DataDirectoryError: there is no room for it.
    """
    if not original.path.is_dir() or not original.is_used or not is_read_only(original.path):
        yield None
        return
    path = Path(tempfile.mkdtemp(prefix="redshank-read-only-"))
    try:
        stand_in = StandIn(original, path)
        stand_in.fill()
        log.warning(
            "data_directory_read_only", data_directory=str(original.path), works_in=str(path)
        )
        yield stand_in
    finally:
        with suppress(OSError):
            shutil.rmtree(path)
