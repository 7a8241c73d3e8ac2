"""The files of a data directory: one `FileKind` for each kind.

Backup, restore, `redshank doctor` and `redshank store verify` walk `FILE_KINDS`, so a
new kind of file is one more entry. Retention does not: the store that owns a file's
only writing connection also deletes from it.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storage.database import integrity_problems, translate

if TYPE_CHECKING:
    from storage.samples.tools.verification import Verified


_RESTORE: Final = (
    "stop the server and restore this file from a backup; the other files are not affected"
)


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file in a data directory.

    Attributes:
        pattern: the path in the data directory; a glob if there are several files.
        copy: writes a consistent copy of a file that a server may be using; returns
            False if the file does not exist (any more).
        check: returns the problems that a quick check finds, None without such a check.
        state: returns the state of a file without problems; None for its size alone.
        remedy: what to do about a damaged file.
        verify: reads and decodes the whole file, counts what it has read and yields
            the problems; None if nothing can be decoded.
    """

    pattern: str
    copy: Callable[[Path, Path], bool]
    check: Callable[[Path], Sequence[str]] | None = None
    verify: "Callable[[Path, Verified], Iterator[str]] | None" = None
    state: Callable[[Path], str] | None = None
    remedy: str = _RESTORE

    def paths(self, directory: Path) -> list[Path]:
        """Return the files of this kind in a data directory, sorted."""
        return sorted(directory.glob(self.pattern))

    def includes(self, name: str) -> bool:
        """Whether a path relative to the data directory is a file of this kind."""
        # A `*` of fnmatch matches slashes too.
        same_depth = name.count("/") == self.pattern.count("/")
        return same_depth and fnmatchcase(name, self.pattern)


def copy_database(path: Path, copy: Path) -> bool:
    """Copy a SQLite database as it is now; see `FileKind.copy`.

    Raises:
        StorageError: SQLite cannot read it.
    """
    try:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            target = sqlite3.connect(copy)
            try:
                # Copied in one step, the pages are one snapshot: later writes do not show.
                source.backup(target)
            finally:
                target.close()
        finally:
            source.close()
    except sqlite3.Error as exc:
        if not path.exists():
            return False
        raise translate(path, exc) from exc
    return True


def copy_replaced_file(path: Path, copy: Path) -> bool:
    """Copy a file that is only ever replaced as a whole; see `FileKind.copy`."""
    try:
        shutil.copyfile(path, copy)
    except FileNotFoundError:
        return False
    return True


# Imported when called: most commands only need the names of the files, and these modules
# import numpy.


def _verify_journal(path: Path, verified: "Verified") -> Iterator[str]:
    from storage.samples.tools.verification import journal_problems

    return journal_problems(path, verified)


def _verify_window(path: Path, verified: "Verified") -> Iterator[str]:
    from storage.samples.tools.verification import window_problems

    return window_problems(path, verified)


def _verify_database(path: Path, _: "Verified") -> Iterator[str]:
    return iter(integrity_problems(path))


def _tombstone_problems(path: Path) -> Sequence[str]:
    from storage.api.errors import CorruptDataError
    from storage.samples.deletion.tombstones import read_tombstones

    try:
        read_tombstones(path)
    except CorruptDataError as exc:
        return [str(exc)]
    return []


def _verify_tombstones(path: Path, _: "Verified") -> Iterator[str]:
    return iter(_tombstone_problems(path))


def _copy_events(path: Path, copy: Path) -> bool:
    from storage.events.files import copy_event_store

    return copy_event_store(path, copy)


def _event_problems(path: Path) -> Sequence[str]:
    from storage.events.files import event_store_problems

    return event_store_problems(path)


def _verify_events(path: Path, _: "Verified") -> Iterator[str]:
    return iter(_event_problems(path))


def _copy_with_events(path: Path, copy: Path) -> bool:
    # The copy of `events.duckdb` has these batches in its tables.
    return False


def _event_journal_problems(path: Path) -> Sequence[str]:
    from storage.events.files import journal_file_problems

    return journal_file_problems(path)


def _event_journal_state(path: Path) -> str:
    from storage.events.files import journal_file_state

    return journal_file_state(path)


def _verify_event_journal(path: Path, verified: "Verified") -> Iterator[str]:
    problems = _event_journal_problems(path)
    if problems:
        yield f"{problems[0]}; {EVENT_JOURNAL.remedy}"
        return
    verified.event_files += 1
    with suppress(FileNotFoundError):
        state = _event_journal_state(path)
        if not state.startswith("sound"):
            verified.notes.append(f"{path.name}: {state}")


JOURNAL: Final = FileKind("journal.db", copy_database, integrity_problems, _verify_journal)
WINDOWS: Final = FileKind("samples/*.db", copy_database, integrity_problems, _verify_window)
MESSAGES: Final = FileKind("messages.db", copy_database, integrity_problems, _verify_database)
RECORDS: Final = FileKind("records.db", copy_database, integrity_problems, _verify_database)
TOMBSTONES: Final = FileKind(
    "tombstones.json", copy_replaced_file, _tombstone_problems, _verify_tombstones
)
KEYS: Final = FileKind("keys.json", copy_replaced_file)
CERTIFICATES: Final = FileKind("*.pem", copy_replaced_file)
EVENTS: Final = FileKind("events.duckdb", _copy_events, _event_problems, _verify_events)
EVENT_JOURNAL: Final = FileKind(
    "events.duckdb.journal-*",
    _copy_with_events,
    _event_journal_problems,
    _verify_event_journal,
    _event_journal_state,
    "keep a copy of the file and start the server: it stores the batches that can be read,"
    " and keeps the file as events.duckdb.damaged-journal-*; senders repeat no batch that was"
    " acknowledged, so take the rest from a backup",
)

FILE_KINDS: Final[tuple[FileKind, ...]] = (
    # The order of a backup. The journal comes before the windows: samples that a server
    # seals in between are in both copies and count once; the other way round they would be
    # in neither. The keys come after the records that are encrypted with them.
    # Tombstones come after the windows: a series may be deleted in between, and a tombstone
    # outlives the cleaning of windows by a day.
    JOURNAL,
    WINDOWS,
    TOMBSTONES,
    MESSAGES,
    # Events come before the records: a project of the records may have more events than the
    # copy, but no event of the copy lacks its project.
    EVENTS,
    EVENT_JOURNAL,
    RECORDS,
    KEYS,
    CERTIFICATES,
)
