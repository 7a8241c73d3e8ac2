"""The journal's files: records are appended to the newest one, whole files are deleted.

A file is named after the number of its first record. It begins with a magic number and the
mark of its store. A record is its length, its checksum, its number and its bytes; the numbers
grow by one. A crash can leave the end of a file incomplete: it was never acknowledged. A record
that cannot be read although readable ones follow has been damaged later; it is skipped.
"""

import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.api.errors import CorruptDataError
from storage.events.journal.rows import JournalRows, decoded_rows
from storage.syncing import sync

MARK_BYTES: Final = 8
_MAGIC: Final = b"RSEVJ\0\0\1"
_RECORD: Final = struct.Struct("<IIQ")
"""Length of the rows, checksum of number and rows, number."""
_MOST_DAMAGED: Final = 100
"""So many records in a row may be unreadable before the rest of a file is given up."""


class SegmentWriter:
    """Appends to one new file.

    Attributes:
        path: the path of the file.
        last: the number of the last record, 0 for none.
    """

    def __init__(self, database: Path, first: int, mark: bytes) -> None:
        """Create the file.

        Raises:
            OSError: the disk refuses it.
        """
        self.path = database.with_name(f"{database.name}.journal-{first:016}")
        self.last = self._size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        try:
            self._write(_MAGIC + mark)
            sync(self.path.parent)
        except OSError:
            self.close()
            raise

    def append(self, records: bytes, last: int) -> None:
        """Append records; they are on the disk on return.

        Raises:
            OSError: the disk refuses them; the file ends as before, or is not to be used again.
        """
        size = self._size
        try:
            self._write(records)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            self._size = size
            raise
        self.last = last

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._file, view)
            self._size += written
            view = view[written:]


def record(number: int, rows: JournalRows) -> bytes:
    """Return a record as bytes.

    Raises:
        TypeError: a text is not Unicode.
    """
    data = rows.encoded()
    return _RECORD.pack(len(data), _checksum(number, data), number) + data


def segment_paths(database: Path) -> list[Path]:
    """Return the journal's files of a database, the oldest first."""
    return sorted(database.parent.glob(f"{database.name}.journal-*"))


@dataclass(frozen=True, slots=True)
class SegmentContents:
    """The content of a file of the journal.

    Attributes:
        records: the numbers and rows of the readable records.
        torn_bytes: the size of an incomplete record at the end.
        damaged: the number of unreadable records that readable ones follow.
    """

    records: Sequence[tuple[int, JournalRows]] = ()
    torn_bytes: int = 0
    damaged: int = 0


def read_segment(path: Path, mark: bytes = b"") -> SegmentContents:
    """Return the contents of a file.

    Args:
        path: the file.
        mark: identifies the store; without it, a file of any store is read.

    Raises:
        CorruptDataError: the file belongs to another store, or is none of the journal.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    head, length = _MAGIC + mark, len(_MAGIC) + MARK_BYTES
    if len(data) < length:
        return SegmentContents(torn_bytes=len(data))
    first = path.name.rpartition("-")[2]
    if not data.startswith(head) or not first.isdecimal():
        raise CorruptDataError(
            f"{path.name} is not of the {path.name.partition('.journal-')[0]} beside it;"
            " move it to another directory"
        )
    # The file is named after its first record, from which the numbers grow by one.
    expected = int(first)
    records, damaged, at = list[tuple[int, JournalRows]](), 0, length
    while at < len(data):
        end = _record_end(data, at)
        if end is not None:
            number = _RECORD.unpack_from(data, at)[2]
            records.append((number, decoded_rows(data[at + _RECORD.size : end])))
            at, expected = end, number + 1
            continue
        following = _following(data, at, expected)
        if following is None:
            break
        at, number = following
        damaged, expected = damaged + number - expected, number
    return SegmentContents(records, len(data) - at, damaged)


def _record_end(data: bytes, at: int) -> int | None:
    """Return where the record at a place ends, None if it is incomplete or changed."""
    if at + _RECORD.size > len(data):
        return None
    length, checksum, number = _RECORD.unpack_from(data, at)
    rows = data[at + _RECORD.size : at + _RECORD.size + length]
    if len(rows) < length or _checksum(number, rows) != checksum:
        return None
    return at + _RECORD.size + int(length)


def _following(data: bytes, at: int, expected: int) -> tuple[int, int] | None:
    """Return place and number of the next readable record after an unreadable one."""
    for number in range(expected + 1, expected + _MOST_DAMAGED + 1):
        text, found = number.to_bytes(8, "little"), at
        while (found := data.find(text, found + 1)) >= 0:
            place = found - (_RECORD.size - len(text))
            if place > at and _record_end(data, place) is not None:
                return place, number
    return None


def delete_segment(path: Path) -> None:
    """Delete a file whose records are in the tables."""
    path.unlink(missing_ok=True)


def keep_segment(path: Path) -> Path:
    """Rename a damaged file whose readable records are in the tables; return its new path."""
    kept = path.with_name(path.name.replace(".journal-", ".damaged-journal-"))
    path.rename(kept)
    return kept


def _checksum(number: int, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(number.to_bytes(8, "little")))
