"""Chunk building: makes chunks, as long as possible, of the stretches of one source."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from model.distinct import distinct
from model.labels import Labels
from model.series import Values, absent_matrix
from storage.api.samples import Source
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.tools.backfilling.alignment import Stretch
from storage.samples.windows.chunks import EncodedChunk, encode_chunk

# As long as merging makes them, so that only the first and last chunk may be merged again.
_CHUNK_VECTORS = 2048
# 32 MB: a source of 100,000 series has shorter chunks.
_CHUNK_CELLS = 4_000_000
# A chunk ends at a longer gap, because another chunk may have its place there.
_LONGEST_GAP_MS = 2 * 3_600_000


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """The functions of the store that a builder calls.

    Attributes:
        stream: returns the n-th source of the group; 0 is the one that scrapes append to.
        spans: returns the start and end of every chunk of a source.
        layout: returns the layout with these series.
        window_end: returns the exclusive end of the window that a time belongs to.
        now_ms: the current time; a chunk that ends later must not go to source 0.
    """

    stream: Callable[[int], Source]
    spans: Callable[[Source], Iterable[tuple[int, int]]]
    layout: Callable[[Sequence[Labels]], StoredLayout]
    window_end: Callable[[int], int]
    now_ms: int


@dataclass(slots=True, eq=False)
class _Lane:
    """Series with the same times, and their vectors that are not in a chunk yet.

    Attributes:
        number: the number of the lane, from 0.
        columns: the series of the last chunk's layout, in order.
        stretches: the vectors.
        vectors: the number of vectors.
        width: the number of series in the widest stretch.
        closes_ms: the exclusive end of the first vector's window.
    """

    number: int
    columns: list[int] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    vectors: int = 0
    width: int = 0
    closes_ms: int = 0

    def room(self, stretch: Stretch) -> int:
        """Return how many vectors of a stretch fit in the chunk; at least one if it is empty."""
        width = max(self.width, len(stretch.series))
        return min(_CHUNK_VECTORS, max(1, _CHUNK_CELLS // width)) - self.vectors

    def take(self, stretch: Stretch) -> None:
        """Append vectors."""
        self.stretches.append(stretch)
        self.vectors += len(stretch.times_ms)
        self.width = max(self.width, len(stretch.series))

    def clear(self) -> None:
        """Start another chunk."""
        self.stretches, self.vectors, self.width = [], 0, 0


class ChunkBuilder:
    """Takes the stretches of one group in order of time, and yields chunks."""

    def __init__(self, labels: Callable[[int], Labels], surroundings: Surroundings) -> None:
        self._labels, self._store = labels, surroundings
        self._lanes: list[_Lane] = []
        self._lane_of: dict[int, int] = {}
        self._sources: list[tuple[Source, list[tuple[int, int]]]] = []

    def add(self, stretches: Sequence[Stretch]) -> Iterator[EncodedChunk]:
        """Take the stretches of one slab and yield the chunks that are full."""
        for lane, stretch in self._placed(stretches):
            times = stretch.times_ms
            breaks = np.flatnonzero(np.diff(times) > _LONGEST_GAP_MS) + 1
            at = 0
            while at < len(times):
                if self._is_over(lane, stretch, int(times[at])):
                    yield self._chunk(lane)
                if not lane.stretches:
                    lane.closes_ms = self._store.window_end(int(times[at]))
                stop = min(at + lane.room(stretch), int(np.searchsorted(times, lane.closes_ms)))
                stop = min(stop, *breaks[breaks > at][:1].tolist(), len(times))
                lane.take(stretch.between(at, stop))
                at = stop

    def flush(self) -> Iterator[EncodedChunk]:
        """Yield all remaining vectors as chunks."""
        for lane in self._lanes:
            if lane.stretches:
                yield self._chunk(lane)

    def _placed(self, stretches: Sequence[Stretch]) -> Iterator[tuple[_Lane, Stretch]]:
        """Yield each stretch with its lane: the lane its series had before, if it is free."""
        known = sorted(stretches, key=lambda one: int(one.series[0]) not in self._lane_of)
        used: set[int] = set()
        others = count()
        for stretch in known:
            number = self._lane_of.get(int(stretch.series[0]), 0)
            if number in used:
                number = next(number for number in others if number not in used)
            used.add(number)
            while len(self._lanes) <= number:
                self._lanes.append(_Lane(len(self._lanes)))
            if len(self._lanes) > 1:
                self._lane_of.update(dict.fromkeys(stretch.series.tolist(), number))
            yield self._lanes[number], stretch

    @staticmethod
    def _is_over(lane: _Lane, stretch: Stretch, time_ms: int) -> bool:
        """Return whether the lane's chunk ends before a time of a stretch."""
        if not lane.stretches:
            return False
        gap_ms = time_ms - int(lane.stretches[-1].times_ms[-1])
        return time_ms >= lane.closes_ms or gap_ms > _LONGEST_GAP_MS or lane.room(stretch) <= 0

    def _chunk(self, lane: _Lane) -> EncodedChunk:
        times = np.concatenate([stretch.times_ms for stretch in lane.stretches])
        present = distinct(np.concatenate([stretch.series for stretch in lane.stretches]))
        lane.columns = self._columns(lane.columns, present)
        values = _matrix(lane.columns, lane.stretches, len(times))
        layout = self._store.layout([self._labels(number) for number in lane.columns])
        source = self._source(lane.number, int(times[0]), int(times[-1]))
        lane.clear()
        return encode_chunk(source, layout, times, values, small=True)

    def _columns(self, before: list[int], present: NDArray[np.uint32]) -> list[int]:
        """Return the series of the next chunk: the last chunk's and new ones, or only `present`."""
        new = set(present.tolist()).difference(before)
        # Chunks whose layouts extend each other can be merged, unless most columns are gaps.
        gone = len(before) + len(new) - len(present)
        kept, added = (before, new) if gone <= len(present) else ([], present.tolist())
        return kept + sorted(added, key=self._labels)

    def _source(self, number: int, start_ms: int, end_ms: int) -> Source:
        """Return the first source from `number` on without a chunk in a range, and claim it."""
        for place in count(number):
            while len(self._sources) <= place:
                source = self._store.stream(len(self._sources))
                self._sources.append((source, list(self._store.spans(source))))
            source, spans = self._sources[place]
            if place == 0 and end_ms > self._store.now_ms:
                continue
            if not any(start <= end_ms and end >= start_ms for start, end in spans):
                spans.append((start_ms, end_ms))
                break
        return source


def _matrix(columns: Sequence[int], stretches: Sequence[Stretch], times: int) -> Values:
    values = absent_matrix(len(columns), times)
    series = np.array(columns)
    order = np.argsort(series)
    at = 0
    for stretch in stretches:
        rows = order[np.searchsorted(series, stretch.series, sorter=order)]
        values[rows, at : at + len(stretch.times_ms)] = stretch.values
        at += len(stretch.times_ms)
    return values
