"""The data directory, which one server at a time uses.

It holds the files of `storage.files`, and two that only a running server needs: `lock`
and `redshank.sock`, the control socket.
"""

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

from daemon.errors import DataDirectoryError
from storage.files import FILE_KINDS, KEYS, MESSAGES, RECORDS

log = structlog.get_logger(__name__)

# SQLite creates two files for each database that it opens, the larger one of 32 KB.
_RESERVE_BYTES = 4 * 2**20
_PLENTY_BYTES = 3 * _RESERVE_BYTES


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """A data directory: its paths, its lock and its permissions."""

    path: Path

    @property
    def records(self) -> Path:
        """The records database."""
        return self.path / RECORDS.pattern

    @property
    def keys(self) -> Path:
        """The server's signing and encryption keys."""
        return self.path / KEYS.pattern

    @property
    def events(self) -> Path:
        """The event store; the file exists once there are events."""
        return self.path / "events.duckdb"

    @property
    def authority(self) -> Path:
        """The certificate of the local authority."""
        return self.path / "authority.pem"

    @property
    def authority_key(self) -> Path:
        """The key of the local authority."""
        return self.path / "authority-key.pem"

    @property
    def scraper_certificate(self) -> Path:
        """The client certificate of this server's scrapes."""
        return self.path / "scraper.pem"

    @property
    def scraper_key(self) -> Path:
        """The key of that certificate."""
        return self.path / "scraper-key.pem"

    @property
    def messages(self) -> Path:
        """The log of pushed messages."""
        return self.path / MESSAGES.pattern

    @property
    def control_socket(self) -> Path:
        """The socket through which this machine's command line controls the server."""
        return self.path / "redshank.sock"

    @property
    def otlp_grpc_socket(self) -> Path:
        """The socket to which connections of OTLP over gRPC are relayed."""
        return self.path / "otlp-grpc.sock"

    @property
    def is_used(self) -> bool:
        """Whether a server or an import has written to it."""
        locked = (self.path / "lock").exists()
        return locked or any(kind.paths(self.path) for kind in FILE_KINDS)

    @property
    def size_bytes(self) -> int:
        """The total size of its files."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    def require_used(self) -> None:
        """Check that the directory exists and that a server or an import has written to it.

        Raises:
            DataDirectoryError: it does not.
        """
        if not self.path.is_dir():
            raise DataDirectoryError(
                f"there is no data directory {self.path}; name it with --data-dir"
            )
        if not self.is_used:
            raise DataDirectoryError(
                f"{self.path} is no data directory: it has no files of a server;"
                " name the right one with --data-dir"
            )

    @contextmanager
    def ownership_kept(self) -> Iterator[None]:
        """Afterwards, change the owner of files that root created to the directory's owner.

        The server, which does not run as root, could not open them otherwise: SQLite
        creates files beside a database even to read it.
        """
        try:
            yield
        finally:
            if os.geteuid() == 0 and self.path.is_dir() and (owner := self.path.stat()).st_uid:
                for file in self.path.rglob("*"):
                    status = file.lstat()
                    # Skip links: their target may be a file outside the directory.
                    if status.st_uid == 0 and not file.is_symlink() and status.st_nlink == 1:
                        os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def create(self) -> None:
        """Create the directory, private to its owner, if it is missing.

        Raises:
            DataDirectoryError: it cannot be created or is not writable.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise DataDirectoryError(
                f"data directory {self.path}: {exc.strerror}; choose another with --data-dir"
            ) from exc
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise DataDirectoryError(
                f"data directory {self.path} is not writable by uid {os.getuid()}; "
                "change its owner or choose another with --data-dir"
            )

    def require_records(self) -> None:
        """Check that the records have not been emptied: the keys belong to their users.

        Raises:
            DataDirectoryError: `records.db` is empty, and there are keys.
        """
        # A new database is never empty: its first page is written when it is created.
        if self.keys.exists() and self.records.exists() and not self.records.stat().st_size:
            raise DataDirectoryError(
                f"{self.records} is empty: all hosts, users and alerts are gone; restore a backup"
                " with `redshank restore`, or delete the file to start without them"
            )

    def reserve_space(self) -> None:
        """Keep some space for a start with a full disk, or free it if this is one; blocks.

        SQLite cannot open a database without room for its `-shm` file, so a restart while
        the disk is full would end all alerts.
        """
        reserve, free_bytes = self.path / "reserve", shutil.disk_usage(self.path).free
        if reserve.exists():
            if free_bytes < _RESERVE_BYTES:
                reserve.unlink()
                log.warning(
                    "reserve_freed",
                    free_bytes=free_bytes,
                    fix="free disk space; the next restart with a full disk would fail",
                )
        elif free_bytes > _PLENTY_BYTES:
            # Without it, only a start with a full disk is worse.
            with suppress(OSError), reserve.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)

    def make_private(self) -> None:
        """Take away the rights of other users to the files in the directory; blocks.

        Releases before 0.2 created files with the umask of their caller, 0644 as a rule.
        The mode of the directory itself stays: `redshank doctor` reports it.
        """
        for file in self.path.rglob("*"):
            # Another process may delete a file of SQLite meanwhile; only root and the
            # owner may change a mode.
            with suppress(FileNotFoundError, PermissionError):
                status = file.lstat()
                if stat.S_ISLNK(status.st_mode) or not status.st_mode & 0o077:
                    continue
                file.chmod(stat.S_IMODE(status.st_mode) & ~0o077)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory, so that no other process uses it until the block ends.

        Raises:
            DataDirectoryError: another process has locked it.
        """
        with self._open_lock() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                raise DataDirectoryError(
                    f"another redshank server uses {self.path}; stop it or choose --data-dir"
                ) from exc
            yield

    def _open_lock(self) -> IO[str]:
        file = self.path / "lock"
        try:
            return file.open("a")
        except OSError as exc:
            if exc.errno != errno.EROFS:
                raise
            # A file of a read-only file system can be locked all the same.
            return file.open()

    @contextmanager
    def socket_address(self, file: Path | None = None) -> Iterator[str]:
        """Yield a path of a socket that fits the kernel's limit of 108 bytes.

        The path goes through an open descriptor, so it is short however deep the
        directory lies.

        Args:
            file: a socket of the directory; None for the control socket.
        """
        name = (file or self.control_socket).name
        descriptor = os.open(self.path, os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}/{name}"
        finally:
            os.close(descriptor)
