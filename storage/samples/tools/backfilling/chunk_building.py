"""Chunk building: stretches of one source's past, cut into chunks as long as they may be."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import Values, absent_matrix
from storage.api.samples import Source
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.tools.backfilling.alignment import Stretch
from storage.samples.windows.chunks import EncodedChunk, encode_chunk

# As long as merging makes them: only those at the ends are left to merge.
_CHUNK_VECTORS = 2048
# 32 MB: a source of 100,000 series has shorter chunks.
_CHUNK_CELLS = 4_000_000
# A chunk does not reach over a longer gap, in which another may have its place.
_LONGEST_GAP_MS = 2 * 3_600_000


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What a builder must know of the store.

    Attributes:
        stream: returns the n-th source of the group, 0 the one that scrapes append to.
        spans: returns start and end of every chunk that a source has.
        layout: returns the layout with these series.
        window_end: returns where the window of a time ends, exclusive.
        now_ms: chunks that end later are not for the source that scrapes append to.
    """

    stream: Callable[[int], Source]
    spans: Callable[[Source], Iterable[tuple[int, int]]]
    layout: Callable[[Sequence[Labels]], StoredLayout]
    window_end: Callable[[int], int]
    now_ms: int


@dataclass(slots=True, eq=False)
class _Lane:
    """Series that have samples at the same times, and their vectors not in a chunk yet.

    Attributes:
        number: from 0.
        columns: the series of the last chunk's layout, in its order.
        stretches: the vectors.
        vectors: how many they are.
        width: the most series that one of the stretches has.
        closes_ms: where the window of the first vector ends.
    """

    number: int
    columns: list[int] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    vectors: int = 0
    width: int = 0
    closes_ms: int = 0

    def room(self, stretch: Stretch) -> int:
        """Return how many vectors of a stretch fit in the chunk, at least one in an empty one."""
        width = max(self.width, len(stretch.series))
        return min(_CHUNK_VECTORS, max(1, _CHUNK_CELLS // width)) - self.vectors

    def take(self, stretch: Stretch) -> None:
        """Put vectors behind the others."""
        self.stretches.append(stretch)
        self.vectors += len(stretch.times_ms)
        self.width = max(self.width, len(stretch.series))

    def clear(self) -> None:
        """Begin another chunk."""
        self.stretches, self.vectors, self.width = [], 0, 0


class ChunkBuilder:
    """Takes a group's stretches in the order of time and yields chunks."""

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
        """Yield what is left as chunks."""
        for lane in self._lanes:
            if lane.stretches:
                yield self._chunk(lane)

    def _placed(self, stretches: Sequence[Stretch]) -> Iterator[tuple[_Lane, Stretch]]:
        """Yield stretches with their lanes: those that their series had before, if they can."""
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
        """Whether the lane's chunk ends before a time of a stretch."""
        if not lane.stretches:
            return False
        gap_ms = time_ms - int(lane.stretches[-1].times_ms[-1])
        return time_ms >= lane.closes_ms or gap_ms > _LONGEST_GAP_MS or lane.room(stretch) <= 0

    def _chunk(self, lane: _Lane) -> EncodedChunk:
        times = np.concatenate([stretch.times_ms for stretch in lane.stretches])
        present = np.unique(np.concatenate([stretch.series for stretch in lane.stretches]))
        lane.columns = self._columns(lane.columns, present)
        values = _matrix(lane.columns, lane.stretches, len(times))
        layout = self._store.layout([self._labels(number) for number in lane.columns])
        source = self._source(lane.number, int(times[0]), int(times[-1]))
        lane.clear()
        return encode_chunk(source, layout, times, values, small=True)

    def _columns(self, before: list[int], present: NDArray[np.uint32]) -> list[int]:
        """Return the series of the next chunk: those of the last and new ones, or all anew."""
        new = set(present.tolist()).difference(before)
        # A layout that goes on can be merged; one that is mostly gaps costs more.
        gone = len(before) + len(new) - len(present)
        kept, added = (before, new) if gone <= len(present) else ([], present.tolist())
        return kept + sorted(added, key=self._labels)

    def _source(self, number: int, start_ms: int, end_ms: int) -> Source:
        """Return the first source from a number on that has no chunk in a range; note it."""
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
