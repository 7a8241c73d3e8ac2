"""The functions that measure change over a range: `rate`, `increase`, `delta`, `irate`, ….

Source: Prometheus documentation, "Query functions"; PROM-52 for `anchored` and
`smoothed` ranges.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from model.series import Times
from promql.folding import exact_sum, fold
from promql.over_time import Kernel, Result
from promql.samples import Samples
from promql.start_times import is_restart, restarts, since_start
from promql.vectors import Floats, Indices
from promql.windows import Windows

# Resets a series up to which one by one is faster than folding them all.
_FEW_RESETS: Final = 2


def rate(windows: Windows) -> Result:
    """How fast a counter grows, per second, extrapolated to the range's ends."""
    growth, present = _extrapolated(windows, counter=True)
    return growth / windows.range_s, present


def increase(windows: Windows) -> Result:
    """How much a counter grew, extrapolated to the range's ends."""
    return _extrapolated(windows, counter=True)


def delta(windows: Windows) -> Result:
    """How much a gauge changed, extrapolated to the range's ends."""
    return _extrapolated(windows, counter=False)


def _extrapolated(windows: Windows, *, counter: bool) -> Result:
    samples = windows.samples
    first, last = windows.first_columns(), windows.last_columns()
    oldest, growth = samples.pick(first), samples.pick(last)
    growth -= oldest
    if counter:
        lost = lost_to_resets(windows)
        if lost is not None:
            growth += lost
    stretch = _Stretch.of(windows, first, last)
    if not counter:
        growth *= samples.expand(stretch.factor())
        return growth, windows.holding(2)
    begun = None
    if samples.starts_ms is not None:
        begun = since_start(windows, growth, oldest, stretch.to_end)
    _extrapolate_above_zero(growth, oldest, stretch, samples)
    if begun is None:
        return growth, windows.holding(2)
    known = ~np.isnan(begun)
    return np.where(known, begun, growth), windows.holding(2) | known


@dataclass(frozen=True, slots=True, eq=False)
class _Stretch:
    """How far each window's samples reach, in seconds.

    All that depends on times alone is done once for all series that share them.

    Attributes:
        starts_ms, ends_ms: shape (S,), the windows' ends.
        count: shape (G, S) or (1, S), how many samples each window holds.
        first_ms, last_ms: shape (G, S), when each window's first and last sample was taken.
        sampled: shape (G, S), how long that is.
        odd: the steps at which some window may not reach near both of its ends.
        even_share: how far the start is extrapolated at the others, of what is sampled,
            at most.
    """

    starts_ms: Times
    ends_ms: Times
    count: Indices
    first_ms: Times
    last_ms: Times
    sampled: Floats
    odd: Indices | slice
    even_share: float

    @classmethod
    def of(cls, windows: Windows, first: Indices, last: Indices) -> "_Stretch":
        samples = windows.samples
        first_ms, last_ms = samples.pick_times(first), samples.pick_times(last)
        sampled = (last_ms - first_ms) / 1000
        found = _even_steps(windows, first, last)
        starts_ms, ends_ms = windows.starts_ms, windows.ends_ms
        return cls(starts_ms, ends_ms, windows.count, first_ms, last_ms, sampled, *found)

    @property
    def to_start(self) -> Floats:
        """How far to extrapolate to the start: shape (G, S)."""
        return self._bounded((self.first_ms - self.starts_ms) / 1000)

    @property
    def to_end(self) -> Floats:
        """How far to extrapolate to the end: shape (G, S)."""
        return self._bounded((self.ends_ms - self.last_ms) / 1000)

    def _bounded(self, reach: Floats) -> Floats:
        """Extrapolate half an interval where samples do not reach near the range's end."""
        sampled, some = self.sampled[:, self.odd], reach[:, self.odd]
        average = sampled / np.maximum(self.count[:, self.odd] - 1, 1)
        reach[:, self.odd] = np.where(some >= average * 1.1, average / 2, some)
        return reach

    def factor(self) -> Floats:
        """Return what a change grows by: shape (G, S)."""
        # Even windows are extrapolated to both of their ends.
        factor: Floats = float(self.ends_ms[0] - self.starts_ms[0]) / 1000 / self.sampled
        odd = self.steps(self.odd)
        factor[:, self.odd] = (odd.to_start + (odd.sampled + odd.to_end)) / odd.sampled
        return factor

    def most_share(self) -> float:
        """Return how far the start is extrapolated at most, of what is sampled."""
        odd = self.steps(self.odd)
        shares = np.where(odd.sampled > 0, odd.to_start / odd.sampled, 0.0)
        return max(self.even_share, float(shares.max(initial=0.0)))

    def steps(self, some: Indices | slice) -> "_Stretch":
        """Return it for some steps, all of them looked at one by one."""
        return _Stretch(
            self.starts_ms[some],
            self.ends_ms[some],
            self.count[:, some],
            self.first_ms[:, some],
            self.last_ms[:, some],
            self.sampled[:, some],
            slice(None),
            0.0,
        )

    def of_rows(self, rows: Indices) -> "_Stretch":
        """Return it for some rows of times: shape (len(rows), S)."""
        return replace(
            self,
            count=Windows.of_rows(self.count, rows),
            first_ms=self.first_ms[rows],
            last_ms=self.last_ms[rows],
            sampled=self.sampled[rows],
        )


def _even_steps(windows: Windows, first: Indices, last: Indices) -> tuple[Indices | slice, float]:
    """Find the steps at which all windows' samples reach to within an interval of both ends.

    Scraped without a miss they do, as a look at each column's first and last time shows.

    Returns:
        All other steps, and `_Stretch.even_share`.
    """
    if len(first) != 1:
        return slice(None), 0.0
    earliest, latest = windows.samples.column_ends
    # In doubles, whose differences with NO_TIME do not wrap around.
    first_ms = latest[first[0]].astype(np.float64)
    last_ms = earliest[last[0]].astype(np.float64)
    count, sampled_ms = windows.count[0], last_ms - first_ms
    to_start_ms, to_end_ms = first_ms - windows.starts_ms, windows.ends_ms - last_ms
    near_ms = sampled_ms / np.maximum(count - 1, 1) * 1.1
    even = np.maximum(to_start_ms, to_end_ms) < near_ms
    share = np.divide(to_start_ms, sampled_ms, where=even, out=np.zeros(len(even)))
    # In windows with fewer samples there is no rate.
    least = 2 if windows.samples.starts_ms is None else 1
    return np.flatnonzero(~even & (count >= least)), float(share.max(initial=0.0))


def _extrapolate_above_zero(
    growth: Floats, oldest: Floats, stretch: _Stretch, samples: Samples
) -> None:
    """Extrapolate counters in place; to the start no further than to where they are zero."""
    factor = samples.expand(stretch.factor())
    # Most counters are far from zero: one comparison finds those that may not be.
    near = np.flatnonzero((oldest < growth * stretch.most_share()).any(axis=1))
    if len(near):
        own = stretch.of_rows(samples.rows[near])
        to_start, sampled = own.to_start, own.sampled
        to_zero = oldest[near] / growth[near] * sampled
        is_closer = (to_zero < to_start) & (growth[near] > 0) & (oldest[near] >= 0)
        cut = (to_zero + (sampled + own.to_end)) / sampled
        factor = np.array(np.broadcast_to(factor, growth.shape))
        factor[near] = np.where(is_closer, cut, factor[near])
    growth *= factor


def lost_to_resets(windows: Windows) -> Floats | None:
    """Return what resets took from each window, None if there was no reset at all."""
    samples = windows.samples
    restarted = restarts(samples)
    if samples.falls is None or restarted is not None:
        suspects = np.arange(len(samples))
    else:
        suspects = np.flatnonzero(samples.falls)
    if not len(suspects):
        return None
    values = samples.values if len(suspects) == len(samples) else samples.values[suspects]
    fell = values[:, 1:] < values[:, :-1]
    if restarted is not None:
        fell |= restarted
    resets = np.count_nonzero(fell)
    if not resets:
        return None
    lost = np.zeros(windows.shape)
    if resets <= _FEW_RESETS * len(samples):
        rows, before = np.nonzero(fell)
        _add_each(lost, windows, suspects[rows], before)
        return lost
    some = np.flatnonzero(fell.any(axis=1))
    drops = np.zeros((len(some), values.shape[1]))
    np.copyto(drops[:, 1:], values[some, :-1], where=fell[some])
    # A drop belongs to the pair that ends in it: the window's first sample has none.
    lost[suspects[some]] = window_sums(windows, suspects[some], drops)
    return lost


def _add_each(lost: Floats, windows: Windows, series: Indices, before: Indices) -> None:
    """Add what was lost to resets that are so few that each is worth a look of its own.

    Args:
        lost: shape (N, S), changed in place.
        windows: the samples, and where they are looked at.
        series: which series fell.
        before: the column from which each did.
    """
    drops = windows.samples.values[series, before]
    rows, after = windows.samples.rows[series], (before + 1)[:, np.newaxis]
    # The windows that hold one lie next to each other, as both their ends ascend.
    begins = (windows.of_rows(windows.stop, rows) <= after).sum(axis=1)
    ends = (windows.of_rows(windows.first, rows) < after).sum(axis=1)
    for index, drop, begin, end in zip(
        series.tolist(), drops.tolist(), begins.tolist(), ends.tolist(), strict=True
    ):
        lost[index, begin:end] += drop


def window_sums(windows: Windows, series: Indices, values: Floats) -> Floats:
    """Sum `values` (of some series) over each window but its first sample."""
    samples = windows.samples
    some = Samples(
        [samples.labels[index] for index in series.tolist()],
        samples.times_ms,
        values,
        samples.rows[series],
    )
    part = replace(windows, samples=some, first=windows.first + 1)
    total, error = fold(part, (values, np.broadcast_to(0.0, values.shape)), exact_sum)
    filled = some.expand(part.count > 0)
    summed = np.where(np.isfinite(total), total + error, total)
    return np.where(filled, summed, 0.0)


def _last_two(windows: Windows) -> tuple[Floats, Floats, Floats]:
    """Return each window's last value, the one before, and the seconds between."""
    samples = windows.samples
    last = windows.last_columns()
    before = windows.inside(windows.stop - 2)
    interval = (samples.pick_times(last) - samples.pick_times(before)) / 1000
    return samples.pick(last), samples.pick(before), interval


def irate(windows: Windows) -> Result:
    """How fast a counter grew between its last two samples, per second."""
    newest, before, interval = _last_two(windows)
    fell = newest < before
    samples = windows.samples
    if samples.starts_ms is not None:
        late, early = windows.last_columns(), windows.inside(windows.stop - 2)
        fell |= is_restart(
            samples.pick_starts(early),
            samples.expand(samples.pick_times(early)),
            samples.pick_starts(late),
            samples.expand(samples.pick_times(late)),
        )
    growth = np.where(fell, newest, newest - before)
    return growth / windows.samples.expand(interval), windows.holding(2)


def idelta(windows: Windows) -> Result:
    """How much a gauge changed between its last two samples."""
    newest, before, _ = _last_two(windows)
    return newest - before, windows.holding(2)


KERNELS: Final[dict[str, Kernel]] = {
    "delta": delta,
    "idelta": idelta,
    "increase": increase,
    "irate": irate,
    "rate": rate,
}
"""Kernels by function."""
