"""Tombstones: which samples were deleted, in one small file.

A tombstone hides samples at once, and the file is synced before a deletion is confirmed.
Merging leaves the hidden samples out; a tombstone is removed when no file and no memory
can hold them any more.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from model.labels import Labels
from model.matchers import Matcher, matches_all
from storage.api.errors import CorruptDataError, StorageError
from storage.damage import RESTORE
from storage.database import set_aside

log = structlog.get_logger(__name__)

TOMBSTONES: Final = "tombstones.json"
"""The file's name in the store's directory."""

FORMAT_VERSION: Final = 1
_MOST_TOMBSTONES: Final = 1000
"""Reading checks the matchers of each."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Deleted samples: those of matching series between two times, both included.

    Attributes:
        is_cleaned: whether all window files were rewritten without the samples. Caches and
            running backups may still hold them.
    """

    matchers: tuple[Matcher, ...]
    start_ms: int
    end_ms: int
    is_cleaned: bool = False

    def matches(self, labels: Labels) -> bool:
        """Return whether the samples of a series are deleted in the range."""
        return matches_all(self.matchers, labels)

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """Return whether it deletes samples in a range."""
        return self.start_ms <= end_ms and self.end_ms >= start_ms


class _Entry(BaseModel):
    """A tombstone in the file; a matcher is its name, operator and value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    matchers: list[list[str]]
    start_ms: int
    end_ms: int
    cleaned: bool

    @classmethod
    def of(cls, tombstone: Tombstone) -> "_Entry":
        matchers = [[m.name, m.operator.value, m.value] for m in tombstone.matchers]
        return cls(
            matchers=matchers,
            start_ms=tombstone.start_ms,
            end_ms=tombstone.end_ms,
            cleaned=tombstone.is_cleaned,
        )

    def tombstone(self) -> Tombstone:
        matchers = tuple(
            Matcher.of(name, operator, value) for name, operator, value in self.matchers
        )
        return Tombstone(matchers, self.start_ms, self.end_ms, self.cleaned)


class _Document(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = FORMAT_VERSION
    tombstones: list[_Entry]


def read_tombstones(path: Path) -> tuple[Tombstone, ...]:
    """Return the tombstones of a file, none if there is no file; blocks.

    Raises:
        CorruptDataError: the content is damaged.
        StorageError: the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise StorageError(f"{path.name}: {exc.strerror}") from exc
    try:
        entries = _Document.model_validate_json(content).tombstones
        return tuple(entry.tombstone() for entry in entries)
    except (ValidationError, ValueError) as exc:
        raise CorruptDataError(f"{path.name} is not a list of tombstones") from exc


class Tombstones:
    """The tombstones of a store; any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._all: tuple[Tombstone, ...] = ()
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Tombstone]:
        return iter(self._all)

    def open(self, *, read_only: bool = False) -> int:
        """Read the file; blocks. Returns the number of damaged files, 0 or 1.

        A damaged file is renamed, unless `read_only`; what it deleted can be read again.

        Raises:
            StorageError: the file cannot be read.
        """
        try:
            self._all = read_tombstones(self._path)
        except CorruptDataError as exc:
            kept_as = self._path.name if read_only else set_aside(self._path)
            log.warning("tombstones_damaged", error=str(exc), kept_as=kept_as, fix=RESTORE)
            return 1
        return 0

    def overlapping(self, start_ms: int, end_ms: int) -> tuple[Tombstone, ...]:
        """Return the tombstones that delete samples in a range."""
        known = self._all
        if not known:
            return ()
        return tuple(each for each in known if each.overlaps(start_ms, end_ms))

    def add(self, new: Sequence[Tombstone]) -> None:
        """Add tombstones; they are durable when this returns; blocks.

        Raises:
            StorageError: there are too many, or the disk refused the write.
        """
        with self._lock:
            changed = tuple(dict.fromkeys((*self._all, *new)))
            if len(changed) > _MOST_TOMBSTONES:
                raise StorageError(
                    f"there are {len(self._all)} tombstones, of {_MOST_TOMBSTONES} at most:"
                    " clean them, or delete more series in one request"
                )
            self._write(changed)

    def replace(self, old: Iterable[Tombstone], new: Iterable[Tombstone] = ()) -> None:
        """Remove some tombstones and add others; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        gone = frozenset(old)
        if not gone:
            return
        with self._lock:
            kept = [each for each in self._all if each not in gone]
            self._write(tuple(dict.fromkeys((*kept, *new))))

    def _write(self, changed: tuple[Tombstone, ...]) -> None:
        document = _Document(tombstones=[_Entry.of(each) for each in changed])
        temporary = self._path.with_name(self._path.name + ".new")
        try:
            with temporary.open("wb") as stream:
                stream.write(document.model_dump_json(indent=1).encode())
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self._path)
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as exc:
            raise StorageError(f"{self._path.name}: {exc.strerror}") from exc
        self._all = changed
