"""Snapshots: copies of the sample store, taken while a server uses it."""

import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from model.clock import Clock
from model.matchers import Matcher
from storage.api.errors import StorageError
from storage.api.samples import SampleRemover
from storage.files import JOURNAL, TOMBSTONES, WINDOWS
from storage.syncing import sync

DIRECTORY: Final = "snapshots"
"""The folder of snapshots in a data directory; each is a data directory with samples only."""


class StoreAdministration:
    """Implements `storage.api.samples.SampleAdministration`.

    Args:
        remover: the sample store.
        directory: its data directory.
        clock: names the snapshots.
    """

    def __init__(self, remover: SampleRemover, directory: Path, clock: Clock) -> None:
        self._remover, self._directory, self._clock = remover, directory, clock

    def delete_series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> None:
        """See `SampleRemover.delete_series`."""
        self._remover.delete_series(selectors, start_ms, end_ms)

    def clean_tombstones(self) -> None:
        """See `SampleRemover.clean_tombstones`."""
        self._remover.clean_tombstones()

    def snapshot(self, *, skip_head: bool) -> str:
        """See `storage.api.samples.SampleAdministration.snapshot`."""
        taken = datetime.fromtimestamp(self._clock() / 1000, UTC)
        name = f"{taken:%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}"
        write_snapshot(self._directory, name, skip_head=skip_head)
        return name


def write_snapshot(directory: Path, name: str, *, skip_head: bool = False) -> Path:
    """Copy the files of samples into `snapshots/NAME`, completely or not at all; blocks.

    Args:
        directory: the data directory; a server may be using it.
        name: of the snapshot.
        skip_head: whether to leave out the samples that are only in the journal.

    Raises:
        StorageError: a file cannot be read, or the disk refused the write.
    """
    final = directory / DIRECTORY / name
    partial = final.with_name(f".{name}.partial")
    try:
        partial.mkdir(parents=True, mode=0o700)
        try:
            # The order of a backup, see `storage.files.FILE_KINDS`.
            for kind in (WINDOWS, TOMBSTONES) if skip_head else (JOURNAL, WINDOWS, TOMBSTONES):
                for path in kind.paths(directory):
                    copy = partial / path.relative_to(directory)
                    copy.parent.mkdir(exist_ok=True, mode=0o700)
                    if kind.copy(path, copy):
                        sync(copy)
            partial.rename(final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync(final.parent)
    except OSError as exc:
        raise StorageError(f"snapshot {name}: {exc.strerror}") from exc
    return final
