"""Verification: reads and decodes every byte of the sample store, and changes nothing."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from model.series import is_absent
from storage.api.errors import CorruptDataError
from storage.database import integrity_problems
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.catalog.tables import CatalogRows, read_catalog
from storage.samples.journal.file import JournalSnapshot
from storage.samples.journal.format import decode_records
from storage.samples.windows import numbers, runs
from storage.samples.windows.codec import decode_piece
from storage.samples.windows.runs import ChunkRow
from storage.samples.windows.window import Window


@dataclass(slots=True)
class Verified:
    """The number of items that were verified, and what is normal but worth a line."""

    windows: int = 0
    chunks: int = 0
    pieces: int = 0
    samples: int = 0
    journal_rows: int = 0
    event_files: int = 0
    notes: list[str] = field(default_factory=list)


def window_problems(path: Path, verified: Verified) -> Iterator[str]:
    """Yield the damaged items of a window file, which a server may be using; blocks.

    Args:
        path: the file.
        verified: counts the verified items.

    Raises:
        StorageError: the file cannot be read any further.
    """
    yield from integrity_problems(path)
    yield from _WindowVerification(path, verified).problems()


def journal_problems(path: Path, verified: Verified) -> Iterator[str]:
    """Yield the damaged items of a journal, which a server may be using; blocks.

    Args:
        path: the file.
        verified: counts the verified items.

    Raises:
        StorageError: the file cannot be read any further.
    """
    yield from integrity_problems(path)
    yield from _record_problems(path, verified)


class _WindowVerification:
    """Verifies one window file."""

    def __init__(self, path: Path, verified: Verified) -> None:
        self._metrics = MetricNames()
        self._window = Window.open(path, self._metrics, read_only=True)
        self._verified = verified
        self._names = {number: self._metrics.name(code) for code, number in self._window.metrics()}
        self._widths: dict[int, Counter[str]] = {}

    def problems(self) -> Iterator[str]:
        """Yield the damaged items.

        Raises:
            StorageError: the file cannot be read any further.
        """
        try:
            if damaged := self._window.read(runs.damaged_rows):
                yield f"{damaged} chunks are of a wrong type, unknown or not within the window"
            yield from self._layout_problems()
            verified: set[int] = set()
            # A server may merge runs meanwhile: then the merged run is verified instead.
            while new := [run for run in self._window.read(_live_runs) if run not in verified]:
                verified.update(new)
                for run in new:
                    yield from self._run_problems(run)
            yield from self._window.read(_overlaps)
            self._verified.windows += 1
        finally:
            self._window.close()

    def _layout_problems(self) -> Iterator[str]:
        catalog = self._window.read(read_catalog)
        yield from _catalog_problems(catalog)
        for layout_id, _ in catalog.digests:
            try:
                series = self._window.series_of(layout_id).series
            except CorruptDataError as exc:
                yield str(exc)
                continue
            self._widths[layout_id] = Counter(labels.metric for labels in series)

    def _run_problems(self, run: int) -> Iterator[str]:
        rows = self._window.read(partial(runs.chunks_of_run, run=run))
        sizes: Counter[int] = Counter()
        pieces = 0
        found: list[str] = []
        # One short read for each chunk: a long one would make the server's log grow.
        for row in rows:
            problems, size_of = self._chunk(row)
            found += problems
            sizes.update(size_of)
            pieces += len(size_of)
        stored = self._window.read(partial(_run_row, run=run))
        if stored is None:
            return
        yield from found
        if stored != (dict(sizes), pieces):
            yield f"run {run}: its pieces are not those that it was written with"
        self._verified.chunks += len(rows)
        self._verified.pieces += pieces

    def _chunk(self, row: ChunkRow) -> tuple[list[str], dict[int, int]]:
        """Return the problems of a chunk, and the sizes of its pieces by metric number."""
        name = f"chunk {row.id} (source {row.source_id}, from {row.start_ms} ms)"
        problems = self._row_problems(row)
        widths = self._widths.get(row.layout_id)
        if widths is None:
            return [f"{name}: layout {row.layout_id} is missing"], {}
        keys = {
            numbers.piece_key(row.id, number): number
            for number, metric in self._names.items()
            if metric in widths
        }
        samples = 0
        sizes = {}
        for key, data in self._window.read(partial(runs.pieces_of, keys=keys)).items():
            metric = self._names[keys[key]]
            sizes[keys[key]] = len(data)
            try:
                values = decode_piece(data, widths[metric], row.count)
                samples += values.size - int(np.count_nonzero(is_absent(values)))
            except CorruptDataError as exc:
                problems.append(f"{metric}: {exc}")
        if not problems and samples != row.samples:
            problems.append(f"{samples} samples where {row.samples} were written")
        self._verified.samples += samples
        return [f"{name}: {problem}" for problem in problems], sizes

    def _row_problems(self, row: ChunkRow) -> list[str]:
        problems = []
        try:
            times = row.decoded_times()
        except CorruptDataError as exc:
            return [str(exc)]
        if (np.diff(times) <= 0).any():
            problems.append("times do not ascend")
        if not self._window.start_ms <= row.start_ms <= row.end_ms < self._window.end_ms:
            problems.append("it is not within its window")
        return problems


def _catalog_problems(catalog: CatalogRows) -> Iterator[str]:
    yield from (f"source {number} does not decode" for number in catalog.lost_sources)
    yield from (f"layout {number} does not decode" for number in catalog.lost_layouts)


def _live_runs(connection: sqlite3.Connection) -> list[int]:
    rows = connection.execute(
        "select id from runs where state = ? and id between 0 and ? order by id",
        (runs.LIVE, numbers.MOST_RUNS - 1),
    )
    return [row[0] for row in rows]


def _run_row(connection: sqlite3.Connection, run: int) -> tuple[dict[int, int], int] | None:
    """Return a run's bytes by metric number and number of pieces, None if it is not live."""
    row = connection.execute(
        "select sizes from runs where id = ? and state = ?", (run, runs.LIVE)
    ).fetchone()
    return row and (runs.unpack_sizes(row[0]), runs.count_pieces(connection, run))


def _overlaps(connection: sqlite3.Connection) -> list[str]:
    """Return the chunks that overlap the chunk before them of the same source."""
    return [
        f"chunk {chunk} (source {source}) begins before the one before it ends"
        for chunk, source in runs.overlapping_chunks(connection)
    ]


def _record_problems(path: Path, verified: Verified) -> list[str]:
    journal = JournalSnapshot(path)
    found: list[str] = []

    def look() -> None:
        catalog = journal.read(read_catalog)
        found.extend(_catalog_problems(catalog))
        known = {source.id for source in catalog.sources}
        layouts = dict.fromkeys((number for number, _ in catalog.digests), False)
        for row, data in journal.rows():
            try:
                for record in decode_records(data):
                    if record.source_id not in known:
                        found.append(f"row {row}: source {record.source_id} is missing")
                    if not layouts.get(record.layout_id, False):
                        journal.series_of(record.layout_id)
                        layouts[record.layout_id] = True
            except CorruptDataError as exc:
                found.append(f"row {row}: {exc}")
            else:
                verified.journal_rows += 1

    journal.run(look)
    return found
