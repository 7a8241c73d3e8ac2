"""Backups that administrators make and download in the UI."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredBackup:
    """A backup in the server's directory of backups."""

    name: str
    size_bytes: int
    created_ms: int


@dataclass(frozen=True, slots=True)
class BackupState:
    """How backups are made.

    Attributes:
        running: whether one is being made.
        error: why the last one failed, "" if it did not.
        every_ms: how often one is made by itself, 0 for never.
        keep: how many of these are kept.
        directory: where they are.
    """

    running: bool
    error: str
    every_ms: int
    keep: int
    directory: str


class Backups(Protocol):
    """The backups of this server."""

    @property
    def state(self) -> BackupState:
        """How backups are made, and whether one is being made."""

    async def all(self) -> Sequence[StoredBackup]:
        """Return the backups, newest first."""

    def request(self) -> None:
        """Make a backup soon; a request while one is being made is no second one."""

    def path(self, name: str) -> Path:
        """Return the file of a backup.

        Raises:
            NotFoundError: there is no such backup.
        """

    async def remove(self, name: str) -> None:
        """Delete a backup.

        Raises:
            NotFoundError: there is no such backup.
        """
