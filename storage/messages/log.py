"""`MessageLog` in SQLite.

Each commit writes one row with the hashes of the new ids, and one with the documents, of
which only the latest are kept. All reads are answered from memory.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import groupby, islice
from pathlib import Path
from secrets import token_bytes
from typing import Final

import numpy as np
import orjson
import structlog

from model.conditions import MESSAGES_REPLACED, Conditions
from storage.api.errors import CorruptDataError, StorageError, StoreClosedError
from storage.api.messages import MessageTotals
from storage.damage import REPLACE_FILE
from storage.database import Writer, set_aside
from storage.messages.remembered import RememberedIds, hash_bytes, hashes_of

log = structlog.get_logger(__name__)

LATEST_DOCUMENTS: Final = 1000
LATEST_BYTES: Final = 8 * 2**20
"""A thousand typical messages take 1 MiB; this limits a thousand large ones."""

_FORMAT_VERSION: Final = 1
_KEY_BYTES: Final = 16

_AT_CREATION: Final = "pragma auto_vacuum = incremental;"
# fsync on each commit: an acknowledged message survives a power cut.
_PRAGMAS: Final = """
pragma synchronous = full;
pragma secure_delete = off;
pragma journal_size_limit = 8388608;
"""

_SCHEMA: Final = (
    "create table if not exists log (key blob not null, messages integer, reports integer)",
    """
    create table if not exists batches (
        id integer primary key, generation integer not null, hashes blob not null)
    """,
    # documents: a JSON array, oldest first.
    "create table if not exists latest (id integer primary key, documents blob not null)",
)


class LatestDocuments:
    """The latest documents, limited in number and bytes."""

    def __init__(self) -> None:
        self._documents: deque[bytes] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._documents)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._documents)

    def __reversed__(self) -> Iterator[bytes]:
        return reversed(self._documents)

    def append(self, document: bytes) -> None:
        """Add a document, and drop the oldest ones beyond the limits, but never this one."""
        documents = self._documents
        documents.append(document)
        self._bytes += len(document)
        while len(documents) > 1 and (
            len(documents) > LATEST_DOCUMENTS or self._bytes > LATEST_BYTES
        ):
            self._bytes -= len(documents.popleft())

    def extend(self, documents: Iterable[bytes]) -> None:
        """Add several documents, oldest first."""
        for document in documents:
            self.append(document)


@dataclass(slots=True)
class _Commit:
    """The messages since the last commit.

    Attributes:
        hashes: the hashes of the new ids, by generation.
        documents: the latest of the new documents.
        has_report: whether a report was counted.
        totals: messages and reports at the end of the commit.
    """

    hashes: dict[int, list[int]] = field(default_factory=dict)
    documents: LatestDocuments = field(default_factory=LatestDocuments)
    has_report: bool = False
    totals: tuple[int, int] = (0, 0)

    @property
    def is_empty(self) -> bool:
        return not self.hashes and not self.has_report


class SqliteMessageLog:
    """`MessageLog` in one file; used on the thread of the event loop only."""

    def __init__(
        self,
        path: Path,
        remembered: int = 4_000_000,
        conditions: Conditions | None = None,
    ) -> None:
        """Set the log up; `open` reads the file.

        Args:
            path: the path of the file.
            remembered: how many ids, at least, are recognised again.
            conditions: what is wrong with the server.
        """
        self.path, self._remembered, self._conditions = path, remembered, conditions
        self._writer = Writer(path, _PRAGMAS, _AT_CREATION)
        self._ids = RememberedIds(remembered)
        self._key = b""
        self._messages = self._reports = 0
        self._latest = LatestDocuments()
        # Id and number of documents of each row of `latest`, oldest first.
        self._rows: deque[tuple[int, int]] = deque()
        self._next_row = 1
        self._oldest_stored = -1
        self._pending = _Commit()
        self._is_open = False

    @property
    def writing_s(self) -> float:
        """How long the running write has taken so far."""
        return self._writer.writing_s

    def open(self) -> None:
        """Open the file, which is created if it is missing, and read it; blocks.

        A damaged file is renamed and a new one begun: it only recognises repeated messages,
        and a message that is stored again has the same samples at the same times.

        Raises:
            StorageError: it cannot be opened, or has another format version.
        """
        try:
            self._read()
        except CorruptDataError as exc:
            self._writer.close()
            self._note_replaced(exc, set_aside(self.path))
            self._forget()
            self._read()
        self._is_open = True

    def _note_replaced(self, error: CorruptDataError, kept_as: str) -> None:
        file = self.path.name
        log.warning(
            "messages_replaced", file=file, error=str(error), kept_as=kept_as, fix=REPLACE_FILE
        )
        if self._conditions is not None:
            self._conditions.set(MESSAGES_REPLACED, f"{error}; the damaged file is {kept_as}")

    def _read(self) -> None:
        self._writer.open()
        self._writer.submit(self._load).result()

    def _forget(self) -> None:
        """Return to the state of a log that has read nothing."""
        self._writer = Writer(self.path, _PRAGMAS, _AT_CREATION)
        self._ids = RememberedIds(self._remembered)
        self._key = b""
        self._messages = self._reports = 0
        self._latest = LatestDocuments()
        self._rows.clear()
        self._next_row, self._oldest_stored = 1, -1

    def _load(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("pragma user_version").fetchone()
        if version not in (0, _FORMAT_VERSION):
            raise StorageError(
                f"{self.path.name} has version {version}, not {_FORMAT_VERSION}:"
                " it was written by another release"
            )
        self._key = token_bytes(_KEY_BYTES)
        self._create(connection)
        self._key, self._messages, self._reports = connection.execute(
            "select key, messages, reports from log"
        ).fetchone()
        batches = connection.execute("select generation, hashes from batches order by id")
        self._ids.restore(
            (number, np.concatenate([hashes_of(hashes) for _, hashes in rows]))
            for number, rows in groupby(batches, key=lambda row: int(row[0]))
        )
        for number, documents in connection.execute("select * from latest order by id"):
            found = self._documents(documents)
            self._latest.extend(found)
            self._rows.append((number, len(found)))
        (last,) = connection.execute("select max(id) from batches").fetchone()
        (last_documents,) = connection.execute("select max(id) from latest").fetchone()
        self._next_row = max(last or 0, last_documents or 0) + 1

    def _create(self, connection: sqlite3.Connection) -> None:
        """Create the tables that are missing."""
        connection.execute(f"pragma user_version = {_FORMAT_VERSION}")
        for statement in _SCHEMA:
            connection.execute(statement)
        if connection.execute("select 1 from log").fetchone() is None:
            row = (self._key, self._messages, self._reports)
            connection.execute("insert into log values (?, ?, ?)", row)

    def _documents(self, data: bytes) -> list[bytes]:
        try:
            return [orjson.dumps(document) for document in orjson.loads(data)]
        except (orjson.JSONDecodeError, TypeError) as exc:
            raise CorruptDataError(f"{self.path.name}: documents do not decode") from exc

    def close(self) -> None:
        """Commit pending messages and close the file; blocks."""
        if self._is_open:
            self._is_open = False
            commit = self._take_pending()
            if not commit.is_empty:
                self._writer.submit(lambda connection: self._write(connection, commit)).result()
        self._writer.close()

    @property
    def totals(self) -> MessageTotals:
        """See `MessageLog.totals`."""
        return MessageTotals(self._messages, self._reports)

    def take(self, message_id: str, document: bytes) -> bool:
        """See `MessageLog.take`."""
        self._require_open()
        key = self._hash(message_id)
        if key in self._ids:
            return False
        self._ids.add(key)
        self._messages += 1
        self._pending.hashes.setdefault(self._ids.generation, []).append(key)
        self._pending.documents.append(document)
        self._latest.append(document)
        return True

    def knows(self, message_id: str) -> bool:
        """See `MessageLog.knows`."""
        return self._hash(message_id) in self._ids

    def _hash(self, message_id: str) -> int:
        # Keyed, so that nobody can construct two ids with the same hash. With four million
        # ids in 64 bits, one in 4e12 messages is wrongly taken for a repeated one.
        digest = blake2b(message_id.encode(), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "little") or 1

    def take_report(self) -> int:
        """See `MessageLog.take_report`."""
        self._require_open()
        self._reports += 1
        self._pending.has_report = True
        return self._reports

    def _require_open(self) -> None:
        if not self._is_open:
            raise StoreClosedError("the message log is not open")

    def latest(self, limit: int) -> Sequence[bytes]:
        """See `MessageLog.latest`."""
        return list(islice(reversed(self._latest), limit))

    async def commit(self) -> None:
        """See `MessageLog.commit`."""
        self._require_open()
        commit = self._take_pending()
        if commit.is_empty:
            return
        try:
            try:
                await self._writer.write(lambda connection: self._write(connection, commit))
            except CorruptDataError as exc:
                await asyncio.wrap_future(self._writer.call(partial(self._begin_anew, exc)))
                await self._writer.write(lambda connection: self._write(connection, commit))
        except StorageError:
            self._put_back(commit)
            raise

    def _begin_anew(self, error: CorruptDataError) -> None:
        """Replace the damaged file while running; on the writer's thread.

        The ids in memory stay known, but a restart forgets them.
        """
        self._writer.shut()
        self._note_replaced(error, set_aside(self.path))
        self._writer.reopen()
        self._rows.clear()
        self._oldest_stored = -1
        self._writer.transact(self._create)

    def _take_pending(self) -> _Commit:
        commit, self._pending = self._pending, _Commit()
        commit.totals = self._messages, self._reports
        return commit

    def _put_back(self, commit: _Commit) -> None:
        """Return the messages of a failed commit to the next one."""
        newer = self._pending
        for generation, hashes in newer.hashes.items():
            commit.hashes.setdefault(generation, []).extend(hashes)
        commit.documents.extend(newer.documents)
        commit.has_report |= newer.has_report
        self._pending = commit

    def _write(self, connection: sqlite3.Connection, commit: _Commit) -> None:
        row = self._next_row
        connection.execute("update log set messages = ?, reports = ?", commit.totals)
        connection.executemany(
            "insert into batches values (?, ?, ?)",
            (
                (row + at, generation, hash_bytes(hashes))
                for at, (generation, hashes) in enumerate(commit.hashes.items())
            ),
        )
        oldest = self._ids.oldest_generation
        if oldest != self._oldest_stored:
            connection.execute("delete from batches where generation < ?", (oldest,))
            self._oldest_stored = oldest
        if commit.documents:
            self._write_documents(connection, row, commit.documents)
        self._next_row = row + max(1, len(commit.hashes))

    def _write_documents(
        self, connection: sqlite3.Connection, row: int, documents: LatestDocuments
    ) -> None:
        connection.execute(
            "insert into latest values (?, ?)", (row, b"[" + b",".join(documents) + b"]")
        )
        rows = [*self._rows, (row, len(documents))]
        excess = sum(count for _, count in rows) - LATEST_DOCUMENTS
        while excess >= rows[0][1]:
            excess -= rows.pop(0)[1]
        connection.execute("delete from latest where id < ?", (rows[0][0],))
        self._rows = deque(rows)
