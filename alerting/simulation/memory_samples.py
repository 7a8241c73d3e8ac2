"""Samples in memory: the input of simulated rules, and what they record.

Input series share one grid of times, so that selecting is slicing. Every source that rules
append to is a block of its own.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from itertools import count

import numpy as np

from model.labels import Labels
from model.matchers import Matcher, matches_all
from model.series import (
    STALE_BITS,
    AlignedSeries,
    Times,
    Values,
    absent_matrix,
    absent_vector,
    is_absent,
)
from storage.api.sample_stats import StoreStats
from storage.api.samples import Layout, ReadBudget, SelectHints, Source, Vector


class _MatchedRows:
    """The series of a block: which of them match."""

    def __init__(self, labels: Sequence[Labels]) -> None:
        self.labels = tuple(labels)
        self._matching: dict[tuple[Matcher, ...], list[int]] = {}

    def matching(self, matchers: tuple[Matcher, ...]) -> list[int]:
        """Return the rows of the series that satisfy all matchers."""
        rows = self._matching.get(matchers)
        if rows is None:
            rows = [row for row, each in enumerate(self.labels) if matches_all(matchers, each)]
            self._matching[matchers] = rows
        return rows

    def aligned(self, rows: list[int], times_ms: Times, values: Values) -> AlignedSeries | None:
        """Return those of the rows that have a sample, None if none has one."""
        present = np.flatnonzero(~is_absent(values).all(axis=1))
        if not len(present):
            return None
        labels = [self.labels[rows[row]] for row in present.tolist()]
        return AlignedSeries.of_source(labels, times_ms, values[present])


class _SampleGrid:
    """Series whose samples are all at evenly spaced times."""

    def __init__(
        self, series: Sequence[tuple[Labels, Values]], start_ms: int, step_ms: int
    ) -> None:
        self._rows = _MatchedRows([labels for labels, _ in series])
        length = max((len(values) for _, values in series), default=0)
        self._values = absent_matrix(len(series), length)
        for row, (_, values) in enumerate(series):
            self._values[row, : len(values)] = values
        self._times_ms = start_ms + step_ms * np.arange(length, dtype=np.int64)

    def select(
        self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int
    ) -> AlignedSeries | None:
        """Return the matching series in a range, None without any sample."""
        rows = self._rows.matching(matchers)
        low, high = np.searchsorted(self._times_ms, [start_ms, end_ms + 1]).tolist()
        if not rows or low >= high:
            return None
        values = self._values[rows, low:high]
        return self._rows.aligned(rows, self._times_ms[low:high], values)


class _VectorBlock:
    """The vectors of one source with one list of series, in order of time."""

    def __init__(self, labels: Sequence[Labels]) -> None:
        self.labels = tuple(labels)
        self._rows = _MatchedRows(labels)
        self._times_ms: list[int] = []
        self._columns: list[Values] = []

    def append(self, time_ms: int, values: Values) -> None:
        self._times_ms.append(time_ms)
        self._columns.append(values)

    def select(
        self, matchers: tuple[Matcher, ...], start_ms: int, end_ms: int
    ) -> AlignedSeries | None:
        """Return the matching series in a range, None without any sample."""
        rows = self._rows.matching(matchers)
        low, high = bisect_left(self._times_ms, start_ms), bisect_right(self._times_ms, end_ms)
        if not rows or low >= high:
            return None
        values = np.stack([self._columns[at][rows] for at in range(low, high)], axis=1)
        times = np.array(self._times_ms[low:high], dtype=np.int64)
        return self._rows.aligned(rows, times, values)


class MemorySamples:
    """Implements `SampleAppender` and `SampleReader` in memory.

    Attributes:
        visible_until_ms: later samples are not there yet; None shows all.
    """

    def __init__(self) -> None:
        self.visible_until_ms: int | None = None
        self._blocks: list[_SampleGrid | _VectorBlock] = []
        self._current: dict[Source, _VectorBlock] = {}
        self._values: dict[Source, Values] = {}
        self._numbers = count(1)

    def load(self, series: Sequence[tuple[Labels, Values]], start_ms: int, step_ms: int) -> None:
        """Add series whose samples begin at `start_ms` and are `step_ms` apart."""
        self._blocks.append(_SampleGrid(series, start_ms, step_ms))

    # Appending.

    def source(self, labels: Labels, stream: str = "") -> Source:
        """Return a source of its own for each call."""
        return Source(next(self._numbers), labels, stream)

    def layout(self, series: Sequence[Labels], before: Layout | None = None) -> Layout:
        """Return a layout of these series."""
        return Layout(next(self._numbers), tuple(series))

    def append(self, source: Source, vector: Vector) -> None:
        """Append a vector; the caller appends in order of time."""
        labels = [source.labels.overlaid(each) for each in vector.layout.series]
        block = self._current.get(source)
        values = absent_vector(len(labels))
        if block is None or block.labels != tuple(labels):
            before = block.labels if block is not None else ()
            block = self._current[source] = _VectorBlock(labels)
            self._blocks.append(block)
            if vector.columns is not None and block.labels[: len(before)] == before:
                values[: len(before)] = self._values[source]
        else:
            values[:] = self._values[source]
        values[slice(None) if vector.columns is None else vector.columns] = vector.values
        block.append(vector.time_ms, values)
        # A marker ends a series once; afterwards the series has no sample.
        kept = values.copy()
        kept[kept.view(np.uint64) == STALE_BITS] = absent_vector(1)[0]
        self._values[source] = kept

    # Reading.

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        """Return the matching series; see `SampleReader.select`."""
        if self.visible_until_ms is not None:
            end_ms = min(end_ms, self.visible_until_ms)
        own = tuple(matchers)
        found = [block.select(own, start_ms, end_ms) for block in self._blocks]
        parts = [part for part in found if part is not None]
        if budget is not None:
            for part in parts:
                budget.spend(part.sample_slots)
        return _with_unique_labels(parts) if len(parts) > 1 else parts

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """Return the label sets that match any selector; see `SampleReader.series`."""
        parts = (self.select(matchers, start_ms, end_ms) for matchers in selectors)
        found = sorted({labels for part in parts for each in part for labels in each.labels})
        return found[:limit] if limit else found

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """Return the label names of matching series; see `SampleReader.label_names`."""
        series = self.series(selectors or [()], start_ms, end_ms)
        found = sorted({name for labels in series for name, _ in labels})
        return found[:limit] if limit else found

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        """Return the values of a label; see `SampleReader.label_values`."""
        series = self.series(selectors or [()], start_ms, end_ms)
        found = sorted({labels.get(name) for labels in series} - {""})
        return found[:limit] if limit else found

    async def commit(self) -> None:
        """Return at once: nothing of this goes to a disk."""

    def stats(self) -> StoreStats:
        """Refuse: nothing asks simulated samples for statistics."""
        raise NotImplementedError


def _with_unique_labels(parts: list[AlignedSeries]) -> list[AlignedSeries]:
    """Return the series with those merged that several blocks have."""
    uses = Counter(labels for part in parts for labels in part.labels)
    shared = {labels for labels, number in uses.items() if number > 1}
    if not shared:
        return parts
    found = []
    for part in parts:
        kept = [row for row, labels in enumerate(part.labels) if labels not in shared]
        if kept:
            found.append(part.take(np.array(kept, dtype=np.intp)))
    return found + _merged(shared, parts)


def _merged(shared: Container[Labels], parts: Iterable[AlignedSeries]) -> list[AlignedSeries]:
    """Return series that several blocks have; of two samples at one time the first one."""
    pieces: dict[Labels, list[tuple[Times, Values]]] = {}
    for part in parts:
        for row, labels in enumerate(part.labels):
            if labels in shared:
                known = ~is_absent(part.values[row])
                times = part.times_ms[part.rows[row]][known]
                pieces.setdefault(labels, []).append((times, part.values[row][known]))
    found = []
    for labels, own in pieces.items():
        times_ms, first = np.unique(np.concatenate([times for times, _ in own]), return_index=True)
        values = np.concatenate([values for _, values in own])[first]
        found.append(AlignedSeries.of_source([labels], times_ms, values.reshape(1, -1)))
    return found
