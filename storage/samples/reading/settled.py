"""Settled reads: decoded samples that no longer change.

A dashboard selects the same hours every half minute. All but the end of them is on disk
and does not change: it is decoded once, and only the end is read each time.

Samples older than the oldest chunk in memory are *settled*: they no longer change. If a
chunk begins at a settled time after all (a host sends samples that it had buffered),
everything from that time on counts as not settled again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.matchers import Matcher
from model.pieces import WorkBudget, in_pieces
from model.series import ABSENT_BITS, NO_TIME, AlignedSeries, Times, absent_matrix
from storage.api.examined_series import ExaminedSeries

Matchers = tuple[Matcher, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SettledPart:
    """One matrix of a settled read.

    Attributes:
        series: sorted by the moment in the scrape interval at which they are scraped, so
            that a later range cuts off the samples of adjacent rows.
        labels: the label sets in the order in which they were read.
        order: shape (N,), for each series its place in that order.
        earliest, latest: shape (T,), the first and the last time in each column.
    """

    series: AlignedSeries
    labels: tuple[Labels, ...]
    order: NDArray[np.intp]
    earliest: Times
    latest: Times

    @classmethod
    def of(
        cls, read: AlignedSeries, end_ms: int, budget: WorkBudget | None = None
    ) -> "SettledPart":
        """Sort and examine series, and drop their samples after `end_ms`."""
        ranks = np.empty(len(read.times_ms), np.intp)
        ranks[read.times_ms[:, 0].argsort(kind="stable")] = np.arange(len(ranks))
        order = ranks[read.rows].argsort(kind="stable")
        sorted_ = AlignedSeries(
            labels=tuple(
                [
                    read.labels[place]
                    for piece in in_pieces(order, budget)
                    for place in piece.tolist()
                ]
            ),
            times_ms=read.times_ms[ranks.argsort()],
            values=read.values[order],
            rows=ranks[read.rows][order],
        )
        late_rows, late_columns = np.nonzero(
            (sorted_.times_ms > end_ms) & (sorted_.times_ms != NO_TIME)
        )
        for row, column in zip(late_rows.tolist(), late_columns.tolist(), strict=True):
            sorted_.times_ms[row, column] = NO_TIME
            sorted_.values.view(np.uint64)[sorted_.rows == row, column] = ABSENT_BITS
        return cls._of(ExaminedSeries.examine(sorted_), read.labels, order)

    @classmethod
    def unsorted(cls, read: AlignedSeries) -> "SettledPart":
        """Build from series in the order in which they were read."""
        return cls._of(read, read.labels, np.arange(len(read.labels)))

    @classmethod
    def _of(
        cls, series: AlignedSeries, labels: tuple[Labels, ...], order: NDArray[np.intp]
    ) -> "SettledPart":
        times = series.times_ms
        return cls(series, labels, order, times.min(axis=0), times.max(axis=0))

    def between(self, start_ms: int, end_ms: int) -> AlignedSeries | None:
        """Return a view of a range, with a few samples more at either end; None if empty."""
        low = int(self.latest.searchsorted(start_ms, "left"))
        high = int(self.earliest.searchsorted(end_ms, "right"))
        if low >= high:
            return None
        return self.series.columns(low, high)

    def fit(
        self, read: Sequence[AlignedSeries]
    ) -> tuple[AlignedSeries, list[AlignedSeries]] | None:
        """Split a later read into the series of this part, in its order, and all others.

        Series that the later read lacks have no samples in the result. Returns None if a
        source of this part is several sources in the later read.
        """
        own = self.series
        width = max((part.values.shape[1] for part in read), default=0)
        times = np.full((len(own.times_ms), width), NO_TIME, np.int64)
        values = absent_matrix(len(own.labels), width)
        rest = []
        for part in read:
            places = self._places(part)
            known = np.flatnonzero(places >= 0)
            if not len(known):
                rest.append(part)
                continue
            targets, sources = places[known], part.rows[known]
            rows, first = np.unique(own.rows[targets], return_index=True)
            expected = sources[first][rows.searchsorted(own.rows[targets])]
            if (expected != sources).any() or (times[rows] != NO_TIME).any():
                return None
            length = part.values.shape[1]
            times[rows, :length] = part.times_ms[sources[first]]
            values[targets, :length] = part.values[known]
            if len(known) < len(places):
                rest.append(part.take(np.flatnonzero(places < 0)))
        fitted = AlignedSeries(labels=own.labels, times_ms=times, values=values, rows=own.rows)
        return fitted, rest

    def _places(self, read: AlignedSeries) -> NDArray[np.intp]:
        """Return for each series of a read its place in this part, -1 if it has none."""
        if read.labels == self.labels:
            return self.order.argsort()
        places = {labels: place for place, labels in enumerate(self.series.labels)}
        return np.array([places.get(labels, -1) for labels in read.labels], np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """The series that a selector matches between two times, both included; immutable."""

    start_ms: int
    end_ms: int
    parts: Sequence[SettledPart]

    @classmethod
    def of(
        cls,
        start_ms: int,
        end_ms: int,
        read: Iterable[AlignedSeries],
        budget: WorkBudget | None = None,
        *,
        trimmed: bool = True,
    ) -> "Settled":
        """Build from a read; `trimmed` cuts it where all sources have equally many samples."""
        read = tuple(read)
        even_ms = _even_end(read, end_ms) if trimmed else end_ms
        cut = (SettledPart.unsorted(part).between(start_ms, even_ms) for part in read)
        parts = [SettledPart.of(part, even_ms, budget) for part in cut if part is not None]
        return cls(start_ms, even_ms, parts)

    @classmethod
    def unsorted(cls, start_ms: int, end_ms: int, read: Iterable[AlignedSeries]) -> "Settled":
        """Build from a read without sorting it, for a single use."""
        return cls(start_ms, end_ms, [SettledPart.unsorted(one) for one in read])

    @property
    def size_bytes(self) -> int:
        """Memory held, approximately."""
        wholes = [part.series for part in self.parts]
        return sum(whole.values.nbytes + whole.times_ms.nbytes for whole in wholes)

    def between(self, start_ms: int, end_ms: int) -> list[AlignedSeries]:
        """Return views of a range, with a few samples more at either end."""
        parts = (part.between(start_ms, end_ms) for part in self.parts)
        return [part for part in parts if part is not None]

    def continued(
        self, start_ms: int, after: Sequence[AlignedSeries]
    ) -> list[AlignedSeries] | None:
        """Return the samples from a time on, followed by those of a later read.

        Either may have series that the other lacks. Returns None if the two cannot be put
        together by copying.
        """
        result = []
        rest = list(after)
        for part in self.parts:
            known = part.between(start_ms, self.end_ms)
            fitted = part.fit(rest)
            if fitted is None:
                return None
            end, rest = fitted
            has_end = bool((end.times_ms != NO_TIME).any())
            if known is not None:
                result.append(_end_to_end(known, end) if has_end else known)
            elif has_end:
                result.append(end)
        return result + rest


def _even_end(parts: Sequence[AlignedSeries], end_ms: int) -> int:
    """Return the latest time up to which all rows of each part have equally many samples.

    Hosts are scraped at different moments, so at any time some have one sample more than
    others. Rows that lack more than one are ignored. Returns `end_ms` if there is no such
    time.
    """
    even_ms = end_ms
    rows: list[Times] = []
    for part in parts:
        missing = (part.times_ms == NO_TIME).sum(axis=1)
        rows.append(part.times_ms[missing <= 1])
        if (missing == 1).any():
            even_ms = min(even_ms, int(part.times_ms[missing == 0, -1].min()) - 1)
    for times in rows:
        counts = (times <= even_ms).sum(axis=1)
        if not counts.all() or (counts != counts[:1]).any():
            return end_ms
    return even_ms


def _end_to_end(before: AlignedSeries, after: AlignedSeries) -> AlignedSeries:
    times: Times = np.concatenate([before.times_ms, after.times_ms], axis=1)
    values = np.concatenate([before.values, after.values], axis=1)
    padded = before.times_ms[:, -1] == NO_TIME
    if padded.any():
        # Move the padding between the two halves to the end.
        order = times[padded].argsort(axis=1, kind="stable")
        times[padded] = np.take_along_axis(times[padded], order, axis=1)
        moved = np.flatnonzero(padded[before.rows])
        places = (padded.cumsum() - 1)[before.rows[moved]]
        values[moved] = np.take_along_axis(values[moved], order[places], axis=1)
    whole = AlignedSeries(labels=before.labels, times_ms=times, values=values, rows=before.rows)
    if not isinstance(before, ExaminedSeries):
        return whole
    # From the last sample of `before` on, because the value may fall between the two.
    first = before.values.shape[1] - 1
    tail = ExaminedSeries.examine(whole.columns(first, times.shape[1]))
    gaps, falls = before.gaps | tail.gaps, before.falls | tail.falls
    if padded.any():
        again = ExaminedSeries.examine(whole.take(moved))
        gaps[moved], falls[moved] = again.gaps, again.falls
    return ExaminedSeries.of(whole, gaps, falls)
