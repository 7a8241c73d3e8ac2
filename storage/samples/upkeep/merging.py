"""Merging: several runs of a window become one run with fewer and longer chunks.

A longer piece takes fewer bytes a sample (0.61 at 120 samples a series, 0.46 at 866), and
one call decodes it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np
import structlog
from numpy.typing import NDArray

from model.series import ABSENT_BITS, Values, absent_matrix, is_absent
from storage.api.errors import CorruptDataError
from storage.damage import RESTORE
from storage.samples.catalog.layouts import Layouts, StoredLayout
from storage.samples.deletion.masking import Erasure
from storage.samples.windows import numbers, runs
from storage.samples.windows.codec import decode_piece, encode_piece, encode_times, is_constant
from storage.samples.windows.runs import ChunkRow, Run
from storage.samples.windows.window import Window

log = structlog.get_logger(__name__)

# Longer pieces hardly compress better, and a query decodes whole pieces. 2,048 vectors are
# 8.5 hours at 15 s.
_CHUNK_VECTORS = 2048

# A batch is one read, some encoding and one write: about 50 ms of work.
_BATCH_ROWS = 1000
_BATCH_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class MergedChunk:
    """A chunk of the new run: its number, the chunks it replaces, oldest first, its layout."""

    id: int
    parts: list[ChunkRow]
    layout: StoredLayout


class Merge:
    """Merges some runs of one window; used by the window's writing thread."""

    def __init__(
        self,
        window: Window,
        inputs: Sequence[Run],
        level: int,
        layouts: Layouts,
        erasure: Erasure | None = None,
    ) -> None:
        """Prepare; the new run lacks the samples that `erasure` finds."""
        self.window, self._layouts, self._erasure = window, layouts, erasure
        self._inputs = sorted(run.id for run in inputs)
        self._run = window.next_run(level)
        # Only the last merge takes the time to find the smallest encoding.
        self._is_last = level == numbers.DAYS
        self._widths: dict[int, list[int]] = {}
        self._sizes: Counter[int] = Counter()
        self._pending: list[tuple[int, bytes]] = []
        self._pending_bytes = 0
        self._erased: Counter[int] = Counter()
        self.corrupt_pieces = 0

    def steps(self) -> Iterator[None]:
        """Merge one batch at each step; if not run to the end, nothing changes.

        Raises:
            StorageError: the disk refused the write.
        """
        window, run = self.window, self._run
        chunks = self._chunks()
        window.begin_merge(run)
        for code, metric_id in window.metrics():
            for batch in _batches(chunks):
                keys = [
                    numbers.piece_key(row.id, metric_id) for chunk in batch for row in chunk.parts
                ]
                found = window.read(partial(runs.pieces_of, keys=keys))
                for chunk in batch:
                    self._put(chunk, code, metric_id, found)
                if self._pending_bytes > _BATCH_BYTES:
                    self._flush()
                    yield
        self._flush()
        rows = [self._row(chunk) for chunk in chunks]
        window.finish_merge(run, rows, self._sizes, self._inputs)

    def _chunks(self) -> list[MergedChunk]:
        rows = self.window.read(
            lambda connection: [
                row
                for run in self._inputs
                for row in runs.chunks_of_run(connection, run)
                if self._is_readable(row)
            ]
        )
        rows.sort(key=lambda row: (row.source_id, row.start_ms))
        chunks: list[MergedChunk] = []
        for _, of_source in groupby(rows, key=lambda row: row.source_id):
            for parts in self._grouped(list(of_source)):
                number = numbers.chunk_number(self._run, len(chunks))
                chunks.append(MergedChunk(number, parts, self._layout(parts[-1])))
        return chunks

    def _is_readable(self, row: ChunkRow) -> bool:
        try:
            row.decoded_times()
            self._layout(row)
        except CorruptDataError as exc:
            self._note_corrupt(row, exc)
            return False
        return True

    def _grouped(self, rows: list[ChunkRow]) -> Iterator[list[ChunkRow]]:
        """Yield consecutive chunks of one source that fit in one chunk."""
        parts = rows[:1]
        for row in rows[1:]:
            together = sum(part.count for part in parts) + row.count <= _CHUNK_VECTORS
            if together and self._layout(row).extends(self._layout(parts[-1])):
                parts.append(row)
            else:
                yield parts
                parts = [row]
        yield parts

    def _layout(self, row: ChunkRow) -> StoredLayout:
        return self._layouts.get(row.layout_id, self.window.series_of)

    def _width(self, row: ChunkRow, code: int) -> int:
        widths = self._widths.get(row.layout_id)
        if widths is None:
            widths = self._widths[row.layout_id] = np.bincount(self._layout(row).codes).tolist()
        return widths[code] if code < len(widths) else 0

    def _put(self, chunk: MergedChunk, code: int, metric_id: int, found: dict[int, bytes]) -> None:
        pieces = [found.get(numbers.piece_key(row.id, metric_id)) for row in chunk.parts]
        # A metric whose name is damaged is in no layout, so its pieces cannot be read.
        if not any(pieces) or not self._width(chunk.parts[-1], code):
            return
        deleted = self._deleted(chunk, code)
        if deleted is not None:
            values = self._values(chunk, code, pieces)
            self._erased[chunk.id] += int(np.count_nonzero(deleted & ~is_absent(values)))
            values.view(np.uint64)[deleted] = ABSENT_BITS
            if not is_absent(values).all():
                self._store(chunk, metric_id, encode_piece(values, small=self._is_last))
            return
        first = pieces[0]
        widths = {self._width(row, code) for row in chunk.parts}
        if (
            first
            and len(widths) == 1
            and (
                len(pieces) == 1 or (is_constant(first) and all(piece == first for piece in pieces))
            )
        ):
            data = first
        else:
            data = encode_piece(self._values(chunk, code, pieces), small=self._is_last)
        self._store(chunk, metric_id, data)

    def _store(self, chunk: MergedChunk, metric_id: int, data: bytes) -> None:
        self._pending.append((numbers.piece_key(chunk.id, metric_id), data))
        self._pending_bytes += len(data)
        self._sizes[metric_id] += len(data)

    def _deleted(self, chunk: MergedChunk, code: int) -> NDArray[np.bool_] | None:
        """Return which samples of one metric are deleted, None if none is."""
        if not self._erasure:
            return None
        times_ms = np.concatenate([row.decoded_times() for row in chunk.parts])
        return self._erasure.mask(chunk.parts[0].source_id, chunk.layout, code, times_ms)

    def _values(self, chunk: MergedChunk, code: int, pieces: list[bytes | None]) -> Values:
        rows = chunk.parts
        values = absent_matrix(self._width(rows[-1], code), sum(row.count for row in rows))
        at = 0
        for row, data in zip(rows, pieces, strict=True):
            if data is not None:
                width = self._width(row, code)
                try:
                    values[:width, at : at + row.count] = decode_piece(data, width, row.count)
                except CorruptDataError as exc:
                    self._note_corrupt(row, exc)
            at += row.count
        return values

    def _note_corrupt(self, row: ChunkRow, exc: CorruptDataError) -> None:
        self.corrupt_pieces += 1
        log.warning(
            "chunk_corrupt",
            file=self.window.path.name,
            source=row.source_id,
            start_ms=row.start_ms,
            error=str(exc),
            fix=RESTORE,
        )

    def _row(self, chunk: MergedChunk) -> ChunkRow:
        parts = chunk.parts
        times = [row.decoded_times() for row in parts]
        return ChunkRow(
            chunk.id,
            parts[0].source_id,
            chunk.layout.id,
            parts[0].start_ms,
            parts[-1].end_ms,
            sum(row.count for row in parts),
            sum(row.samples for row in parts) - self._erased[chunk.id],
            encode_times(np.concatenate(times)),
        )

    def _flush(self) -> None:
        if self._pending:
            self.window.add_pieces(self._run, self._pending)
        self._pending, self._pending_bytes = [], 0


def _batches(chunks: list[MergedChunk]) -> Iterator[list[MergedChunk]]:
    batch: list[MergedChunk] = []
    size = 0
    for chunk in chunks:
        batch.append(chunk)
        size += len(chunk.parts)
        if size >= _BATCH_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
