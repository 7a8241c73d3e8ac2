"""Windows: one SQLite file of chunks for each stretch of time.

Chunks are written in *runs*, each in one transaction and in the order of their keys,
so that a file only grows at its end and its pages are full. Within a run the pieces
lie by metric, then by chunk: a query of one metric over all hosts is a range of each
run. Retention deletes a whole file. docs/storage-format.md gives tables and keys.
"""

import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from model.labels import Labels
from storage.api.errors import CorruptDataError, StorageError
from storage.api.samples import Source
from storage.database import Readers, Writer
from storage.samples.catalog import SCHEMA as CATALOG_SCHEMA
from storage.samples.catalog import CatalogTables, read_digests, read_layout, read_sources
from storage.samples.chunks import EncodedChunk
from storage.samples.layouts import MetricNames

T = TypeVar("T")

FORMAT_VERSION = 1

_SCHEMA = f"""
{CATALOG_SCHEMA}
create table if not exists window (
    version integer not null, start_ms integer not null, end_ms integer not null);
create table if not exists metrics (id integer primary key, name text not null unique);
create table if not exists runs (
    id integer primary key, level integer not null, state integer not null,
    sizes blob not null);
create table if not exists chunks (
    id integer primary key, source integer not null, layout integer not null,
    start_ms integer not null, end_ms integer not null, count integer not null,
    samples integer not null, times blob not null);
create index if not exists chunks_by_source on chunks (source, start_ms);
create table if not exists pieces (key integer primary key, data blob not null);
"""

_AT_CREATION = "pragma auto_vacuum = incremental;"
_PRAGMAS = """
pragma secure_delete = off;
pragma journal_size_limit = 8388608;
"""
_READER_PRAGMAS = "pragma cache_size = -512;"

# A piece's key is run, metric and chunk in one integer, so that the table's own tree
# is the clustering: 24 + 19 + 20 bits.
METRIC_BITS = 19
CHUNK_BITS = 20
_RUN_SHIFT = METRIC_BITS + CHUNK_BITS
RUN_CHUNKS = 1 << CHUNK_BITS
_MOST_METRICS = 1 << METRIC_BITS

_SIZE = struct.Struct("<II")

# States of a run.
_LIVE = 0
_BUILDING = 1
_DROPPED = 2


@dataclass(slots=True)
class Span:
    """The stretch of time in which a source used a layout."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk's row; `id` is run and number in one, see `piece_key`."""

    id: int
    source_id: int
    layout_id: int
    start_ms: int
    end_ms: int
    count: int
    times: bytes


def piece_key(chunk_id: int, metric_id: int) -> int:
    """Return the key of a chunk's piece of one metric."""
    run, number = chunk_id >> CHUNK_BITS, chunk_id & (RUN_CHUNKS - 1)
    return run << _RUN_SHIFT | metric_id << CHUNK_BITS | number


class Window:
    """One file of chunks. One thread writes; any may read."""

    def __init__(self, path: Path, start_ms: int, end_ms: int, metrics: MetricNames) -> None:
        self.path, self.start_ms, self.end_ms = path, start_ms, end_ms
        # (source id, layout id) -> when; replaced, never changed in size, so that
        # readers may walk it.
        self.spans: dict[tuple[int, int], Span] = {}
        # When each source's chunks end.
        self.ends: dict[int, int] = {}
        self.sources = list[Source]()
        self.digests: list[tuple[int, bytes]] = []
        self.samples = 0
        # Metric code -> bytes of its pieces.
        self.metric_bytes: Counter[int] = Counter()
        self._metrics = metrics
        self._metric_ids: dict[int, int] = {}
        self._tables = CatalogTables()
        self._next_run = 1
        self._writer: Writer | None = None
        self._readers = Readers(path, _READER_PRAGMAS)

    @classmethod
    def create(cls, path: Path, start_ms: int, end_ms: int, metrics: MetricNames) -> "Window":
        """Make the file, or complete one whose making was cut short; blocks.

        Raises:
            StorageError: the disk refused.
        """
        window = cls(path, start_ms, end_ms, metrics)

        def prepare(connection: sqlite3.Connection) -> None:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            if connection.execute("select count(*) from window").fetchone() == (0,):
                connection.execute(
                    "insert into window values (?, ?, ?)", (FORMAT_VERSION, start_ms, end_ms)
                )

        window.write(prepare)
        return window

    @classmethod
    def open(cls, path: Path, metrics: MetricNames) -> "Window":
        """Open a file that is there; blocks.

        Raises:
            StorageError: it cannot be read.
            CorruptDataError: it is no whole window.
        """
        window = cls(path, 0, 0, metrics)
        try:
            window.read(window._load)
        except StorageError:
            window.close()
            raise
        return window

    def _load(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("select version, start_ms, end_ms from window").fetchone()
        if row is None or row[0] != FORMAT_VERSION:
            raise CorruptDataError(f"{self.path.name} is no window of version {FORMAT_VERSION}")
        _, self.start_ms, self.end_ms = row
        self.sources = read_sources(connection)
        self.digests = read_digests(connection)
        self._tables.load(connection)
        for metric_id, name in connection.execute("select id, name from metrics"):
            self._metric_ids[self._metrics.code(name)] = metric_id
        (last,) = connection.execute("select max(id) from runs").fetchone()
        self._next_run = (last or 0) + 1
        codes = {number: code for code, number in self._metric_ids.items()}
        for (sizes,) in connection.execute("select sizes from runs"):
            for metric_id, size in _SIZE.iter_unpack(sizes):
                self.metric_bytes[codes[metric_id]] += size
        self._load_spans(connection)

    def _load_spans(self, connection: sqlite3.Connection) -> None:
        spans: dict[tuple[int, int], Span] = {}
        ends: dict[int, int] = {}
        total = 0
        for source, layout, start, end, samples in connection.execute(
            "select source, layout, min(start_ms), max(end_ms), sum(samples)"
            " from chunks group by source, layout"
        ):
            spans[source, layout] = Span(start, end)
            ends[source] = max(end, ends.get(source, end))
            total += samples
        self.spans, self.ends, self.samples = spans, ends, total

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a write in one durable transaction; blocks. One thread only.

        Raises:
            StorageError: the disk refused.
        """
        if self._writer is None:
            writer = Writer(self.path, _PRAGMAS, _AT_CREATION)
            try:
                writer.open()
            except StorageError:
                writer.close()
                raise
            self._writer = writer
        return self._writer.submit(work, durable=True).result()

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read on one snapshot of the file; blocks.

        Raises:
            StorageError: SQLite refused.
        """

        def snapshot(connection: sqlite3.Connection) -> T:
            connection.execute("begin")
            try:
                return work(connection)
            finally:
                connection.execute("rollback")

        return self._readers.read(snapshot)

    def release_writer(self) -> None:
        """Close the writing connection until the next write; blocks."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def close(self) -> None:
        """Close every connection; blocks."""
        self._readers.close()
        self.release_writer()

    @property
    def size_bytes(self) -> int:
        """The file's size with its log."""
        return sum(file.stat().st_size for file in self.files() if file.exists())

    def files(self) -> list[Path]:
        """Return the file and those that SQLite keeps beside it."""
        return [self.path.with_name(self.path.name + end) for end in ("", "-wal", "-shm")]

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """Whether any chunk may have a sample in the range."""
        return any(
            span.start_ms <= end_ms and span.end_ms >= start_ms for span in self.spans.values()
        )

    def metric_id(self, code: int) -> int | None:
        """Return this file's number of a metric, None if it has none of it."""
        return self._metric_ids.get(code)

    def series_of(self, layout_id: int) -> Sequence[Labels]:
        """Read a layout; blocks.

        Raises:
            CorruptDataError: it is not whole.
            StorageError: SQLite refused.
        """
        return self.read(lambda connection: read_layout(connection, layout_id))

    def add_run(self, chunks: Sequence[EncodedChunk], level: int = 0) -> None:
        """Write chunks as one run; blocks.

        Raises:
            StorageError: the disk refused; nothing is written.
        """
        run = self._next_run
        numbered = sorted(chunks, key=lambda chunk: (chunk.source.id, chunk.start_ms))
        bytes_of: Counter[int] = Counter()
        for chunk in numbered:
            for code, data in chunk.pieces:
                bytes_of[code] += len(data)

        def insert(connection: sqlite3.Connection) -> dict[int, int]:
            self._tables.put(connection, ((chunk.source, chunk.layout) for chunk in numbered))
            metric_ids = self._put_metrics(connection, set(bytes_of))
            sizes = b"".join(_SIZE.pack(metric_ids[code], size) for code, size in bytes_of.items())
            connection.execute("insert into runs values (?, ?, ?, ?)", (run, level, _LIVE, sizes))
            _put_chunks(connection, run, numbered)
            rows = [
                (piece_key(run << CHUNK_BITS | number, metric_ids[code]), data)
                for number, chunk in enumerate(numbered)
                for code, data in chunk.pieces
            ]
            rows.sort()
            connection.executemany("insert into pieces values (?, ?)", rows)
            return metric_ids

        try:
            metric_ids = self.write(insert)
        except StorageError:
            self._tables.rolled_back()
            raise
        self._tables.committed()
        self._metric_ids = metric_ids
        self._next_run = run + 1
        self.metric_bytes.update(bytes_of)
        self._note(numbered)

    def _put_metrics(self, connection: sqlite3.Connection, codes: set[int]) -> dict[int, int]:
        ids = self._metric_ids
        missing = sorted(codes.difference(ids))
        if not missing:
            return ids
        first = max(ids.values(), default=0) + 1
        if first + len(missing) > _MOST_METRICS:
            raise StorageError(f"{self.path.name}: more than {_MOST_METRICS} metric names")
        new = {code: first + at for at, code in enumerate(missing)}
        connection.executemany(
            "insert into metrics values (?, ?)",
            ((number, self._metrics.name(code)) for code, number in new.items()),
        )
        return ids | new

    def _note(self, chunks: Iterable[EncodedChunk]) -> None:
        spans = dict(self.spans)
        for chunk in chunks:
            key = (chunk.source.id, chunk.layout.id)
            span = spans.get(key)
            if span is None:
                spans[key] = Span(chunk.start_ms, chunk.end_ms)
            else:
                span.start_ms = min(span.start_ms, chunk.start_ms)
                span.end_ms = max(span.end_ms, chunk.end_ms)
            self.ends[chunk.source.id] = max(
                chunk.end_ms, self.ends.get(chunk.source.id, chunk.end_ms)
            )
            self.samples += chunk.samples
        self.spans = spans


def _put_chunks(connection: sqlite3.Connection, run: int, chunks: Sequence[EncodedChunk]) -> None:
    connection.executemany(
        "insert into chunks values (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                run << CHUNK_BITS | number,
                chunk.source.id,
                chunk.layout.id,
                chunk.start_ms,
                chunk.end_ms,
                chunk.count,
                chunk.samples,
                chunk.times,
            )
            for number, chunk in enumerate(chunks)
        ),
    )


_CHUNK_COLUMNS = "id, source, layout, start_ms, end_ms, count, times"


def chunks_between(
    connection: sqlite3.Connection, source_ids: Sequence[int], start_ms: int, end_ms: int
) -> Iterator[ChunkRow]:
    """Yield the chunks of some sources that overlap a range, by source and start."""
    for at in range(0, len(source_ids), _VARIABLES):
        some = source_ids[at : at + _VARIABLES]
        rows = connection.execute(
            f"select {_CHUNK_COLUMNS} from chunks"  # noqa: S608 - question marks only
            f" where source in ({_marks(len(some))}) and start_ms <= ? and end_ms >= ?"
            " order by source, start_ms",
            (*some, end_ms, start_ms),
        )
        yield from (ChunkRow(*row) for row in rows)


def pieces_of(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, bytes]:
    """Return the bytes of those pieces that are there, by key."""
    found: dict[int, bytes] = {}
    for at in range(0, len(keys), _VARIABLES):
        some = keys[at : at + _VARIABLES]
        found.update(
            connection.execute(
                f"select key, data from pieces where key in ({_marks(len(some))})",  # noqa: S608 - as above
                some,
            )
        )
    return found


# Well below SQLite's smallest limit of variables (32,766), and a fifth of the time of
# one statement a row.
_VARIABLES = 1000


def _marks(count: int) -> str:
    return ",".join("?" * count)
