"""Reads chunks from memory and disk into aligned series.

A read has three steps: plan (which columns of which layouts of which sources), collect
(fetch the chunks in range, still encoded), decode (into the arrays that are returned).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain

import numpy as np

from model.series import ABSENT_BITS, NO_TIME, AlignedSeries, Times, Values
from storage.api.errors import CorruptDataError, StorageError, StoreClosedError
from storage.api.samples import ReadBudget, Source
from storage.damage import Damage
from storage.samples.head.open_chunk import ChunkView
from storage.samples.reading.matching import Places
from storage.samples.reading.read_threads import ReadThreads
from storage.samples.reading.selection import SelectedSource
from storage.samples.windows.codec import decode_piece
from storage.samples.windows.numbers import piece_key
from storage.samples.windows.runs import ChunkRow, chunks_between, pieces_of
from storage.samples.windows.window import Window

# Sources with fewer times than this share of the longest are stacked apart, so that padding
# never takes more memory than samples.
_PADDING_SHARE = 0.5


class SourceSelection:
    """The selected series of one source, and the chunks that hold them.

    Attributes:
        source, labels: see `SelectedSource`.
        matches: the match in each layout, by layout number.
        views: its chunks in memory.
        segments: its chunks in range, oldest first, filled by `ChunkReader.collect`.
    """

    __slots__ = ("labels", "matches", "segments", "source", "views")

    def __init__(self, selected: SelectedSource, views: list[ChunkView]) -> None:
        self.source, self.labels = selected.source, selected.labels
        self.matches = {one.match.layout.id: one for one in selected.matches}
        self.views = views
        self.segments: list[Segment] = []

    @property
    def width(self) -> int:
        """The number of times in all segments."""
        return sum(len(segment.times_ms) for segment in self.segments)


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """The part of one chunk that lies in the range.

    Attributes:
        layout_id: the chunk's layout, the key of its match.
        times_ms: the times in range.
        inside: their places among all times of the chunk.
        count: the number of all times of the chunk.
        view: the chunk in memory, None for a chunk on disk.
        pieces: the encoded pieces of a chunk on disk, by metric code.
        file: the name of the window file.
    """

    layout_id: int
    times_ms: Times
    inside: slice
    count: int
    view: ChunkView | None = None
    pieces: dict[int, bytes] = field(default_factory=dict)
    file: str = ""


class ChunkReader:
    """Collects and decodes the chunks of planned sources."""

    def __init__(
        self,
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None,
        threads: ReadThreads,
        damage: Damage,
    ) -> None:
        self._start_ms, self._end_ms, self._budget = start_ms, end_ms, budget
        self._threads, self._damage = threads, damage

    def collect(self, selections: Sequence[SourceSelection], windows: Iterable[Window]) -> None:
        """Find every chunk in range and fetch its pieces; blocks.

        Exceptions of the budget pass through. A file that cannot be read is left out.
        """
        by_id = {selection.source.id: selection for selection in selections}
        for window in windows:
            self._collect_window(by_id, window)
        for selection in selections:
            # A damaged window and its replacement overlap in time.
            selection.segments.sort(key=lambda segment: int(segment.times_ms[0]))
            for view in selection.views:
                match = selection.matches.get(view.layout.id)
                if match is None or view.start_ms > self._end_ms or view.end_ms < self._start_ms:
                    continue
                times = view.times()
                inside = _clip(times, self._start_ms, self._end_ms)
                self._spend(len(times) * len(match.match.columns))
                selection.segments.append(
                    Segment(view.layout.id, times[inside], inside, view.count, view)
                )

    def _collect_window(self, by_id: dict[int, SourceSelection], window: Window) -> None:
        # Sources that are only in memory are not looked up on disk.
        wanted = sorted(
            {
                source
                for (source, _), span in window.spans.items()
                if source in by_id
                and span.start_ms <= self._end_ms
                and span.end_ms >= self._start_ms
            }
        )
        if not wanted:
            return

        def fetch(
            connection: sqlite3.Connection,
        ) -> tuple[list[ChunkRow], dict[int, bytes]]:
            rows, keys = [], []
            for row in chunks_between(connection, wanted, self._start_ms, self._end_ms):
                selection = by_id[row.source_id]
                match = selection.matches.get(row.layout_id)
                if match is None or row.start_ms > self._disk_end_ms(selection):
                    continue
                self._spend(row.count * len(match.match.columns))
                rows.append(row)
                for part, _ in match.parts:
                    metric_id = window.metric_id(part.code)
                    if metric_id is not None:
                        keys.append(piece_key(row.id, metric_id))
            return rows, pieces_of(connection, keys)

        try:
            rows, found = window.read(fetch)
        except StoreClosedError:
            # Retention has just deleted the window.
            return
        except StorageError as exc:
            self._damage.note("window_unreadable", window.path.name, exc)
            return
        for row in rows:
            self._add_segment(by_id[row.source_id], window, row, found)

    def _disk_end_ms(self, selection: SourceSelection) -> int:
        """Return the time up to which a source is read from disk.

        A chunk that was written after the read began is still in `views`; on disk it may
        be merged with older chunks already.
        """
        if not selection.views:
            return self._end_ms
        return min(self._end_ms, selection.views[0].start_ms - 1)

    def _add_segment(
        self,
        selection: SourceSelection,
        window: Window,
        row: ChunkRow,
        found: dict[int, bytes],
    ) -> None:
        try:
            times = row.decoded_times()
        except CorruptDataError as exc:
            self._note_corrupt(window.path.name, row.start_ms, selection.source, exc)
            return
        end_ms = self._disk_end_ms(selection)
        if self._start_ms <= row.start_ms and row.end_ms <= end_ms:
            inside = slice(0, row.count)
        else:
            inside = _clip(times, self._start_ms, end_ms)
        if inside.start == inside.stop:
            return
        pieces = {}
        for part, _ in selection.matches[row.layout_id].parts:
            metric_id = window.metric_id(part.code)
            if metric_id is not None:
                data = found.get(piece_key(row.id, metric_id))
                if data is not None:
                    pieces[part.code] = data
        selection.segments.append(
            Segment(row.layout_id, times[inside], inside, row.count, None, pieces, window.path.name)
        )

    def _spend(self, samples: int) -> None:
        if self._budget is not None:
            self._budget.spend(samples)

    def _note_corrupt(
        self, file: str, start_ms: int, source: Source, exc: CorruptDataError
    ) -> None:
        self._damage.note("chunk_corrupt", file, exc, source=str(source), start_ms=start_ms)

    def decode(self, selections: Sequence[SourceSelection]) -> list[AlignedSeries]:
        """Return the series of the collected sources, those of similar length stacked."""
        waiting = sorted(
            (selection for selection in selections if selection.segments),
            key=lambda selection: -selection.width,
        )
        result = []
        while waiting:
            width = waiting[0].width
            count = sum(1 for one in waiting if one.width >= width * _PADDING_SHARE)
            group, waiting = waiting[:count], waiting[count:]
            group.sort(key=lambda selection: selection.source.id)
            result.append(self._decode_group(group, width))
        return result

    def _decode_group(self, group: list[SourceSelection], width: int) -> AlignedSeries:
        heights = [len(selection.labels) for selection in group]
        times = np.empty((len(group), width), np.int64)
        values = np.empty((sum(heights), width))
        ends = list(accumulate(heights))

        def decode_source(row: int) -> None:
            if self._budget is not None:
                self._budget.check()
            block = values[ends[row] - heights[row] : ends[row]]
            self._decode_source(group[row], times[row], block)

        self._threads.each(decode_source, range(len(group)), values.size)
        return AlignedSeries(
            labels=tuple(chain.from_iterable(selection.labels for selection in group)),
            times_ms=times,
            values=values,
            rows=np.repeat(np.arange(len(group)), heights),
        )

    def _decode_source(self, selection: SourceSelection, times: Times, block: Values) -> None:
        at = 0
        for segment in selection.segments:
            end = at + len(segment.times_ms)
            times[at:end] = segment.times_ms
            self._fill(block[:, at:end], selection, segment)
            at = end
        if at < len(times):
            times[at:] = NO_TIME
            _clear(block[:, at:])

    def _fill(self, block: Values, selection: SourceSelection, segment: Segment) -> None:
        """Decode one segment into its part of the result, `block` of shape (series, times)."""
        placed = selection.matches[segment.layout_id]
        if not placed.is_all:
            _clear(block)
        if segment.view is not None:
            block[placed.rows] = segment.view.matrix(placed.match.columns)[:, segment.inside]
            return
        for part, rows in placed.parts:
            data = segment.pieces.get(part.code)
            if data is None:
                _clear(block, rows)
                continue
            try:
                piece = decode_piece(data, part.width, segment.count)
            except CorruptDataError as exc:
                self._note_corrupt(segment.file, int(segment.times_ms[0]), selection.source, exc)
                _clear(block, rows)
                continue
            wanted = piece if part.rows is None else piece[part.rows]
            block[rows] = wanted[:, segment.inside]


def _clear(block: Values, rows: Places | None = None) -> None:
    """Set some rows of a block, or all, to ABSENT."""
    # As integers: a signalling NaN must not pass through floating-point arithmetic.
    block.view(np.uint64)[slice(None) if rows is None else rows] = ABSENT_BITS


def _clip(times_ms: Times, start_ms: int, end_ms: int) -> slice:
    """Return the slice of ascending times that lies in a range, both ends included."""
    low = int(np.searchsorted(times_ms, start_ms, "left"))
    return slice(low, max(low, int(np.searchsorted(times_ms, end_ms, "right"))))


def without_empty(series: AlignedSeries) -> AlignedSeries | None:
    """Return the series that have any sample, None if none has."""
    if series.values.size == 0:
        return None
    bits = series.values.view(np.uint64)
    # Most series have a sample at the first time; only the others are checked further.
    doubtful = np.flatnonzero(bits[:, 0] == ABSENT_BITS)
    if not len(doubtful):
        return series
    is_empty = np.zeros(len(bits), np.bool_)
    is_empty[doubtful] = (bits[doubtful] == ABSENT_BITS).all(axis=1)
    if not is_empty.any():
        return series
    return None if is_empty.all() else series.take(np.flatnonzero(~is_empty))
