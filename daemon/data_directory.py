"""The data directory, used by one server at a time.

It holds the files of `storage.files`, and two that only a running server needs: `lock`
and `redshank.sock`, the control socket.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import DataDirectoryError
from storage.files import FILE_KINDS, KEYS, MESSAGES, RECORDS


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """Names what lies in a data directory."""

    path: Path

    @property
    def records(self) -> Path:
        """The records database."""
        return self.path / RECORDS.pattern

    @property
    def keys(self) -> Path:
        """The server's own keys."""
        return self.path / KEYS.pattern

    @property
    def messages(self) -> Path:
        """The log of pushed messages."""
        return self.path / MESSAGES.pattern

    @property
    def control_socket(self) -> Path:
        """The socket on which the server takes orders from this machine's command line."""
        return self.path / "redshank.sock"

    @property
    def is_used(self) -> bool:
        """Whether a server or an import has written to it."""
        locked = (self.path / "lock").exists()
        return locked or any(kind.paths(self.path) for kind in FILE_KINDS)

    @property
    def size_bytes(self) -> int:
        """The size of all files therein."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Give what root makes therein meanwhile to the directory's owner afterwards.

        The server, which is not root, could not open it: SQLite makes files beside a
        database even to read it.
        """
        try:
            yield
        finally:
            if os.geteuid() == 0 and self.path.is_dir() and (owner := self.path.stat()).st_uid:
                for file in self.path.rglob("*"):
                    status = file.lstat()
                    # Not through a link: what it leads to is not ours to give.
                    if status.st_uid == 0 and not file.is_symlink() and status.st_nlink == 1:
                        os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def create(self) -> None:
        """Make the directory, for its owner only, where it is missing.

        Raises:
            DataDirectoryError: it cannot be made or written.
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

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for this process alone.

        Raises:
            DataDirectoryError: another process holds it.
        """
        with (self.path / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as exc:
                raise DataDirectoryError(
                    f"another redshank server uses {self.path}; stop it or choose --data-dir"
                ) from exc
            yield

    @contextmanager
    def socket_address(self) -> Iterator[str]:
        """Yield an address of the control socket that fits the kernel's 108 bytes.

        A data directory may lie deep; through its open descriptor its name is short.
        """
        descriptor = os.open(self.path, os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{descriptor}/{self.control_socket.name}"
        finally:
            os.close(descriptor)
