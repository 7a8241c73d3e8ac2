"""Settled reads: what has been decoded from disk, kept for whoever asks again.

A dashboard asks for the same hours every half minute. All of them but the end is on
disk and will not change: it is decoded once, and only the end is read anew.

Up to a time everything is settled where no chunk in memory begins before it. A chunk
that begins there later (a host that sends what it had kept back) ends what is known
from its time on.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.matchers import Matcher
from model.series import ABSENT_BITS, NO_TIME, AlignedSeries, Times, Traits, absent_matrix

Matchers = tuple[Matcher, ...]

_LARGE = 0.75
_MOST_UNFIT = 1000


@dataclass(frozen=True, slots=True, eq=False)
class SettledPart:
    """Some of what is settled.

    Attributes:
        series: sorted by the moment in the interval at which they are scraped, so that
            whatever a later query's range cuts off is cut off of neighbours.
        labels: their label sets in the order in which they were read.
        order: shape (N,), for each series its place in that order.
        earliest, latest: shape (T,), the first and the last time in each column.
    """

    series: AlignedSeries
    labels: tuple[Labels, ...]
    order: NDArray[np.intp]
    earliest: Times
    latest: Times

    @classmethod
    def of(cls, read: AlignedSeries, end_ms: int) -> "SettledPart":
        """Sort series, up to a time, and look once at what every query would look at again."""
        ranks = np.empty(len(read.times_ms), np.intp)
        ranks[read.times_ms[:, 0].argsort(kind="stable")] = np.arange(len(ranks))
        order = ranks[read.rows].argsort(kind="stable")
        sorted_ = AlignedSeries(
            tuple([read.labels[place] for place in order.tolist()]),
            read.times_ms[ranks.argsort()],
            read.values[order],
            ranks[read.rows][order],
        )
        late_rows, late_columns = np.nonzero(
            (sorted_.times_ms > end_ms) & (sorted_.times_ms != NO_TIME)
        )
        for row, column in zip(late_rows.tolist(), late_columns.tolist(), strict=True):
            sorted_.times_ms[row, column] = NO_TIME
            sorted_.values.view(np.uint64)[sorted_.rows == row, column] = ABSENT_BITS
        return cls._of(replace(sorted_, traits=sorted_.find_traits()), read.labels, order)

    @classmethod
    def unsorted(cls, read: AlignedSeries) -> "SettledPart":
        """Take series as they were read."""
        return cls._of(read, read.labels, np.arange(len(read.labels)))

    @classmethod
    def _of(
        cls, series: AlignedSeries, labels: tuple[Labels, ...], order: NDArray[np.intp]
    ) -> "SettledPart":
        times = series.times_ms
        return cls(series, labels, order, times.min(axis=0), times.max(axis=0))

    def between(self, start_ms: int, end_ms: int) -> AlignedSeries | None:
        """Return a view of what is between two times, a few samples more at either end."""
        low = int(self.latest.searchsorted(start_ms, "left"))
        high = int(self.earliest.searchsorted(end_ms, "right"))
        if low >= high:
            return None
        return self.series.columns(low, high)

    def fit(
        self, read: Sequence[AlignedSeries]
    ) -> tuple[AlignedSeries, list[AlignedSeries]] | None:
        """Return what of a later read is of the same series, in their order, and the rest.

        Hosts come and go: those that the read lacks have no samples there. None where one
        source here is several there.
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
        return AlignedSeries(own.labels, times, values, own.rows), rest

    def _places(self, read: AlignedSeries) -> NDArray[np.intp]:
        """Return where series of a read stand here, -1 for those that do not."""
        if read.labels == self.labels:
            return self.order.argsort()
        places = {labels: place for place, labels in enumerate(self.series.labels)}
        return np.array([places.get(labels, -1) for labels in read.labels], np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What a selector means between two times, both included; nothing in it changes."""

    start_ms: int
    end_ms: int
    parts: Sequence[SettledPart]

    @classmethod
    def of(
        cls, start_ms: int, end_ms: int, read: Iterable[AlignedSeries], *, trimmed: bool = True
    ) -> "Settled":
        """Build from what was read; `trimmed` leaves a ragged end to the read that follows."""
        read = tuple(read)
        even_ms = _even_end(read, end_ms) if trimmed else end_ms
        cut = (SettledPart.unsorted(part).between(start_ms, even_ms) for part in read)
        parts = [SettledPart.of(part, even_ms) for part in cut if part is not None]
        return cls(start_ms, even_ms, parts)

    @classmethod
    def unsorted(cls, start_ms: int, end_ms: int, read: Iterable[AlignedSeries]) -> "Settled":
        """Build as it was read, to be used once."""
        return cls(start_ms, end_ms, [SettledPart.unsorted(one) for one in read])

    @property
    def size_bytes(self) -> int:
        """Memory held, about."""
        wholes = [part.series for part in self.parts]
        return sum(whole.values.nbytes + whole.times_ms.nbytes for whole in wholes)

    def between(self, start_ms: int, end_ms: int) -> list[AlignedSeries]:
        """Return views of what is between two times, a few samples more at either end."""
        parts = (part.between(start_ms, end_ms) for part in self.parts)
        return [part for part in parts if part is not None]

    def continued(
        self, start_ms: int, after: Sequence[AlignedSeries]
    ) -> list[AlignedSeries] | None:
        """Return what is known from a time on, with what follows; some series are in either.

        None where putting them together takes more than a copy.
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
    """Return the latest time up to which the rows of each part are of equal length.

    Hosts are scraped at different moments: at any time some have a sample more than
    others. Rows that lack more than that stay behind. Where there is no such time the
    end stays where it is.
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


class SettledCache:
    """Keeps what selectors were answered with from disk; any thread.

    Attributes:
        until_ms: what is older is settled.
        version: grows whenever something may have become wrong.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Matchers, Settled] = OrderedDict()
        self._size_bytes = 0
        self._unfit: set[Matchers] = set()
        self._lock = threading.Lock()
        self.until_ms = -NO_TIME
        self.version = 0

    def advance(self, first_unsettled_ms: Callable[[], int]) -> None:
        """Find out anew up to when everything is settled."""
        version = self.version
        until_ms = first_unsettled_ms() - 1
        with self._lock:
            if version == self.version:
                self.until_ms = until_ms

    def fits(self, matchers: Matchers) -> bool:
        """Whether a selector's answers can be put together from two reads."""
        return not self._unfit or matchers not in self._unfit

    def refuse(self, matchers: Matchers) -> None:
        """Keep nothing of a selector: its sources differ too much."""
        with self._lock:
            self._drop(matchers)
            if len(self._unfit) >= _MOST_UNFIT:
                self._unfit.clear()
            self._unfit.add(matchers)

    def get(self, matchers: Matchers, start_ms: int) -> Settled | None:
        """Return what is known of a selector from a time on, None if nothing is."""
        with self._lock:
            known = self._entries.get(matchers)
            if known is None or not known.start_ms <= start_ms <= known.end_ms:
                return None
            self._entries.move_to_end(matchers)
            return known

    def takes(self, size_bytes: int) -> bool:
        """Tell whether something may be kept: what is large would drive out all else."""
        return size_bytes <= self._most_bytes * _LARGE

    def put(self, matchers: Matchers, settled: Settled, version: int) -> None:
        """Keep what was read while the version was this; it may not be changed any more."""
        for part in settled.parts:
            series = part.series
            series.values.flags.writeable = series.times_ms.flags.writeable = False
        with self._lock:
            if version != self.version:
                return
            self._drop(matchers)
            self._entries[matchers] = settled
            self._size_bytes += settled.size_bytes
            while self._size_bytes > self._most_bytes:
                self._drop(next(iter(self._entries)))

    def _drop(self, matchers: Matchers) -> None:
        known = self._entries.pop(matchers, None)
        self._size_bytes -= 0 if known is None else known.size_bytes

    def chunk_begins(self, time_ms: int) -> None:
        """Forget what is known of a time, for something else is known now."""
        with self._lock:
            self.version += 1
            self.until_ms = min(self.until_ms, time_ms - 1)
            for matchers in [key for key, one in self._entries.items() if one.end_ms >= time_ms]:
                self._drop(matchers)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.version += 1
            self._entries.clear()
            self._size_bytes = 0


def _end_to_end(before: AlignedSeries, after: AlignedSeries) -> AlignedSeries:
    times: Times = np.concatenate([before.times_ms, after.times_ms], axis=1)
    values = np.concatenate([before.values, after.values], axis=1)
    padded = before.times_ms[:, -1] == NO_TIME
    if padded.any():
        # Padding belongs at the end.
        order = times[padded].argsort(axis=1, kind="stable")
        times[padded] = np.take_along_axis(times[padded], order, axis=1)
        moved = np.flatnonzero(padded[before.rows])
        places = (padded.cumsum() - 1)[before.rows[moved]]
        values[moved] = np.take_along_axis(values[moved], order[places], axis=1)
    whole = AlignedSeries(before.labels, times, values, before.rows)
    if before.traits is None:
        return whole
    # The last sample before the end is looked at once more, with the first one of it.
    seen = before.values.shape[1] - 1
    tail = replace(whole, times_ms=times[:, seen:], values=values[:, seen:])
    found = tail.find_traits()
    gaps, falls = before.traits.gaps | found.gaps, before.traits.falls | found.falls
    if padded.any():
        again = whole.take(moved).find_traits()
        gaps[moved], falls[moved] = again.gaps, again.falls
    return replace(whole, traits=Traits(gaps, falls))
