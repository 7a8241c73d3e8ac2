"""A window: the chunks of one range of time, in one SQLite file.

Retention deletes whole files. docs/storage-format.md describes the tables and keys.
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from storage.api.errors import CorruptDataError, StorageError, UnwritableError
from storage.samples.catalog.label_encoding import HashedSeries
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.catalog.tables import SCHEMA as CATALOG_SCHEMA
from storage.samples.catalog.tables import CatalogRows, CatalogTables, read_catalog, read_layout
from storage.samples.windows import numbers, runs
from storage.samples.windows.chunks import EncodedChunk
from storage.samples.windows.live_runs import LiveRuns, Span, read_live
from storage.samples.windows.run_writing import (
    delete_pieces,
    insert_chunks,
    insert_pieces,
    insert_run,
    replace_runs,
)
from storage.samples.windows.runs import ChunkRow, Run
from storage.samples.windows.window_file import WindowFile

FORMAT_VERSION = 1
_INCOMPLETE: Final = ".new"

_SCHEMA = f"""
{CATALOG_SCHEMA}
create table if not exists window (
    version integer not null, start_ms integer not null, end_ms integer not null);
{runs.SCHEMA}
"""


def delete_incomplete(directory: Path) -> None:
    """Delete what killed processes left of windows that they were creating; blocks."""
    for leftover in directory.glob(f"*.db{_INCOMPLETE}*"):
        with suppress(OSError):
            leftover.unlink()


class Window(WindowFile):
    """One window file; one thread writes it, any thread may read it.

    Attributes:
        start_ms, end_ms: the range of time it is for, the end exclusive.
        spans: the range of time of each (source number, layout number).
        ends: the last time of each source, by source number.
        runs: the live runs by number. Like `spans` it is replaced, not changed, when a key
            is added, so that any thread may iterate over it.
        samples: the number of samples in the file.
        metric_bytes: the bytes of all pieces of each metric, by metric code.
        damaged_rows: the number of rows that could not be read when it was opened.
    """

    def __init__(self, path: Path, start_ms: int, end_ms: int, metrics: MetricNames) -> None:
        super().__init__(path)
        self.start_ms, self.end_ms = start_ms, end_ms
        self.spans: dict[tuple[int, int], Span] = {}
        self.ends: dict[int, int] = {}
        self.runs: dict[int, Run] = {}
        self.samples = 0
        self.metric_bytes: Counter[int] = Counter()
        self.damaged_rows = 0
        self._catalog = CatalogRows()
        self._metrics = metrics
        self._metric_ids: dict[int, int] = {}
        self._tables = CatalogTables()
        self._next_sequence = 1

    @classmethod
    def create(cls, path: Path, start_ms: int, end_ms: int, metrics: MetricNames) -> "Window":
        """Create the file; blocks.

        It gets its name once it is complete: a process that is killed before leaves a file
        that `delete_incomplete` deletes, not a window without tables.

        Raises:
            StorageError: the disk refused the write.
        """
        new = cls(path.with_name(path.name + _INCOMPLETE), start_ms, end_ms, metrics)

        def prepare(connection: sqlite3.Connection) -> None:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute(
                "insert into window values (?, ?, ?)", (FORMAT_VERSION, start_ms, end_ms)
            )

        try:
            for leftover in new.files():
                leftover.unlink(missing_ok=True)
            try:
                new.write(prepare)
            finally:
                new.close()
            new.rename(path)
        except OSError as exc:
            raise UnwritableError(f"{path.name} cannot be created: {exc.strerror}") from exc
        return cls(path, start_ms, end_ms, metrics)

    @classmethod
    def open(cls, path: Path, metrics: MetricNames, *, read_only: bool = False) -> "Window":
        """Open an existing file and delete the rest of an interrupted merge; blocks.

        With `read_only` nothing is deleted, because another process may be writing.

        Raises:
            StorageError: it cannot be read.
            CorruptDataError: it is not a complete window.
        """
        window = cls(path, 0, 0, metrics)
        try:
            if window.read(window._load) and not read_only:
                window.delete_unused()
                window.release_writer()
        except StorageError:
            window.close()
            raise
        return window

    def _load(self, connection: sqlite3.Connection) -> bool:
        """Read everything but chunks; return whether there are runs to delete."""
        tables = connection.execute("select count(*) from sqlite_master where name = 'window'")
        row = None
        if tables.fetchone() != (0,):
            row = connection.execute("select version, start_ms, end_ms from window").fetchone()
        if row is not None and isinstance(row[0], int) and row[0] > FORMAT_VERSION:
            # Not damaged, so not a CorruptDataError: the file must keep its name for the
            # newer release.
            raise StorageError(
                f"{self.path.name} has version {row[0]}, not {FORMAT_VERSION}:"
                " it was written by a newer release"
            )
        if row is None or row[0] != FORMAT_VERSION:
            raise CorruptDataError(f"{self.path.name} is not a window of version {FORMAT_VERSION}")
        _, self.start_ms, self.end_ms = row
        if not all(isinstance(end, int) for end in row[1:]) or self.start_ms >= self.end_ms:
            raise CorruptDataError(f"{self.path.name}: its range of time is damaged")
        self._catalog = read_catalog(connection)
        self.damaged_rows = self._catalog.damaged_rows + runs.damaged_rows(connection)
        self._tables.load(connection)
        self._metric_ids = {
            self._metrics.code(name): metric_id
            for metric_id, name in connection.execute(
                "select id, name from metrics where typeof(name) = 'text' and id between 1 and ?",
                (numbers.MOST_METRICS - 1,),
            )
        }
        (last,) = connection.execute(
            "select max(id) from runs where id < ?", (numbers.MOST_RUNS,)
        ).fetchone()
        self._next_sequence = numbers.sequence_of(last or 0) + 1
        self._show(read_live(connection))
        return bool(runs.unused_runs(connection))

    def _show(self, live: LiveRuns) -> None:
        """Publish the live runs to readers; call it after they are committed.

        Earlier, readers would plan with runs that their snapshot does not have.
        """
        codes = {metric_id: code for code, metric_id in self._metric_ids.items()}
        self.metric_bytes = Counter(
            {codes[number]: size for number, size in live.sizes.items() if number in codes}
        )
        self.ends, self.samples = live.ends, live.samples
        self.spans, self.runs = live.spans, live.runs

    def take_catalog(self) -> CatalogRows:
        """Return the catalog that was read when the file was opened, and free it."""
        taken, self._catalog = self._catalog, CatalogRows()
        return taken

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """Return whether any chunk may have a sample in the range."""
        return any(run.start_ms <= end_ms and run.end_ms >= start_ms for run in self.runs.values())

    def metric_id(self, code: int) -> int | None:
        """Return the number that a metric has in this file, None if it has none."""
        return self._metric_ids.get(code)

    def metrics(self) -> list[tuple[int, int]]:
        """Return the code of each metric and its number in this file, ordered by number."""
        return sorted(self._metric_ids.items(), key=lambda item: item[1])

    def series_of(self, layout_id: int) -> HashedSeries:
        """Read the series of a layout; blocks.

        Raises:
            CorruptDataError: the layout is missing or damaged.
            StorageError: SQLite reports an error.
        """
        return self.read(lambda connection: read_layout(connection, layout_id))

    def add_run(self, chunks: Sequence[EncodedChunk]) -> None:
        """Write sealed chunks as one run, or nothing; blocks.

        Raises:
            StorageError: the disk refused the write.
            CorruptDataError: the file is damaged.
        """
        ordered = sorted(chunks, key=lambda chunk: (chunk.source.id, chunk.start_ms))
        bytes_of: Counter[int] = Counter()
        for chunk in ordered:
            for code, data in chunk.pieces:
                bytes_of[code] += len(data)
        run = self.next_run(numbers.SEALED)
        rows = [_row(chunk, numbers.chunk_number(run, at)) for at, chunk in enumerate(ordered)]

        def insert(connection: sqlite3.Connection) -> dict[int, int]:
            self._tables.put(connection, ((chunk.source, chunk.layout) for chunk in ordered))
            ids = self._put_metrics(connection, set(bytes_of))
            sizes = {ids[code]: size for code, size in bytes_of.items()}
            insert_run(connection, run, runs.LIVE, sizes)
            insert_chunks(connection, rows)
            pieces = [
                (numbers.piece_key(row.id, ids[code]), data)
                for row, chunk in zip(rows, ordered, strict=True)
                for code, data in chunk.pieces
            ]
            insert_pieces(connection, run, sorted(pieces))
            return ids

        try:
            self._metric_ids = self.write(insert)
        except StorageError:
            self._tables.rolled_back()
            raise
        self._tables.committed()
        self.metric_bytes.update(bytes_of)
        self.samples += sum(row.samples for row in rows)
        self._add_rows(run, rows)

    def next_run(self, level: int) -> int:
        """Return the number of the next run."""
        self._next_sequence += 1
        return numbers.run_number(self._next_sequence - 1, level)

    def _put_metrics(self, connection: sqlite3.Connection, codes: set[int]) -> dict[int, int]:
        ids = self._metric_ids
        missing = sorted(codes.difference(ids))
        if not missing:
            return ids
        first = max(ids.values(), default=0) + 1
        if first + len(missing) > numbers.MOST_METRICS:
            raise StorageError(f"{self.path.name}: more than {numbers.MOST_METRICS} metric names")
        new = {code: first + at for at, code in enumerate(missing)}
        connection.executemany(
            "insert into metrics values (?, ?)",
            ((number, self._metrics.name(code)) for code, number in new.items()),
        )
        return ids | new

    def _add_rows(self, run: int, rows: Sequence[ChunkRow]) -> None:
        spans, known = dict(self.spans), Run(run, rows[0].start_ms, rows[0].end_ms, len(rows))
        for row in rows:
            span = spans.setdefault((row.source_id, row.layout_id), Span(row.start_ms, row.end_ms))
            span.start_ms = min(span.start_ms, row.start_ms)
            span.end_ms = max(span.end_ms, row.end_ms)
            self.ends[row.source_id] = max(row.end_ms, self.ends.get(row.source_id, row.end_ms))
            known.start_ms = min(known.start_ms, row.start_ms)
            known.end_ms = max(known.end_ms, row.end_ms)
        self.spans = spans
        self.runs = self.runs | {run: known}

    def begin_merge(self, run: int) -> None:
        """Write the row of a run that is being merged; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        self.write(
            lambda connection: insert_run(connection, run, runs.BUILDING, {}),
            durable=False,
        )

    def add_pieces(self, run: int, rows: Sequence[tuple[int, bytes]]) -> None:
        """Write some pieces of a run that is being merged; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        self.write(lambda connection: insert_pieces(connection, run, rows), durable=False)

    def finish_merge(
        self, run: int, rows: Sequence[ChunkRow], bytes_of: Mapping[int, int], old: Sequence[int]
    ) -> None:
        """Replace runs by the run that they were merged into; blocks.

        Args:
            run: the run that `begin_merge` began.
            rows: its chunks.
            bytes_of: its bytes of pieces, by metric number.
            old: the runs it replaces.

        Raises:
            StorageError: the disk refused the write; the old runs stay.
        """

        def replace(connection: sqlite3.Connection) -> LiveRuns:
            insert_chunks(connection, rows)
            replace_runs(connection, run, bytes_of, old)
            return read_live(connection)

        self._show(self.write(replace))
        self.delete_unused()

    def delete_unused(self) -> None:
        """Delete the pieces of runs that are not live; blocks.

        Raises:
            StorageError: the disk refused the write; the next opening deletes them.
        """
        for run in self.write(runs.unused_runs):
            while self.write(partial(delete_pieces, run=run)):
                pass


def _row(chunk: EncodedChunk, number: int) -> ChunkRow:
    return ChunkRow(
        number,
        chunk.source.id,
        chunk.layout.id,
        chunk.start_ms,
        chunk.end_ms,
        chunk.count,
        chunk.samples,
        chunk.times,
    )
