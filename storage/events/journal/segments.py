"""The journal's files: records are appended to the newest one, whole files are deleted.

A file is named after the number of its first record. It begins with a magic number and the
mark of its store. A record is its length, its checksum, its number and its bytes; the numbers
grow. A crash can leave the last record of a file incomplete: it was never acknowledged.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from storage.api.errors import CorruptDataError
from storage.events.journal.rows import JournalRows, decoded_rows

MARK_BYTES: Final = 8
_MAGIC: Final = b"RSEVJ\0\0\1"
_RECORD: Final = struct.Struct("<IIQ")
"""Length of the rows, checksum of number and rows, number."""


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
            _sync_directory(self.path.parent)
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


def read_segment(path: Path, mark: bytes) -> Iterator[tuple[int, JournalRows]]:
    """Yield the records of a file and their numbers, up to an incomplete one.

    Raises:
        CorruptDataError: the file belongs to another store, or is none of the journal.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    head = _MAGIC + mark
    if len(data) < len(head):
        return
    if not data.startswith(head):
        raise CorruptDataError(
            f"{path.name} is not of the {path.name.partition('.journal-')[0]} beside it;"
            " move it to another directory"
        )
    at = len(head)
    while at + _RECORD.size <= len(data):
        length, checksum, number = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        rows = data[at : at + length]
        if len(rows) < length or _checksum(number, rows) != checksum:
            return
        yield number, decoded_rows(rows)
        at += length


def delete_segment(path: Path) -> None:
    """Delete a file whose records are in the tables."""
    path.unlink(missing_ok=True)


def _checksum(number: int, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(number.to_bytes(8, "little")))


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
