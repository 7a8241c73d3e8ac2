"""The functions that measure change over a range: `rate`, `increase`, `delta`, `irate`, ….

Source: Prometheus documentation, "Query functions"; PROM-52 for `anchored` and
`smoothed` ranges.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

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
        growth *= samples.expand(stretch.factor(stretch.to_start))
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
    """How far each window's samples reach, in seconds; shape (G, S).

    All that depends on times alone is done once for all series that share them.

    Attributes:
        sampled: from the first sample to the last.
        to_start, to_end: how far to extrapolate to either side.
    """

    sampled: Floats
    to_start: Floats
    to_end: Floats

    @classmethod
    def of(cls, windows: Windows, first: Indices, last: Indices) -> "_Stretch":
        samples = windows.samples
        # Milliseconds are whole numbers in doubles too, which divide faster.
        first_ms = samples.pick_times(first).astype(np.float64)
        last_ms = samples.pick_times(last).astype(np.float64)
        sampled = (last_ms - first_ms) / 1000
        first_ms -= windows.starts_ms
        np.subtract(windows.ends_ms, last_ms, out=last_ms)
        to_start = np.divide(first_ms, 1000, out=first_ms)
        to_end = np.divide(last_ms, 1000, out=last_ms)
        average = sampled / np.maximum(windows.count - 1, 1)
        most = average.min(initial=np.inf) * 1.1
        # Scraped without a miss, samples reach to within an interval of both ends.
        if not max(to_start.max(initial=0.0), to_end.max(initial=0.0)) < most:
            half, most = average / 2, average * 1.1
            to_start = np.where(to_start >= most, half, to_start)
            to_end = np.where(to_end >= most, half, to_end)
        return cls(sampled, to_start, to_end)

    def of_series(self, rows: Indices) -> "_Stretch":
        """Return it for some series by their rows of times: shape (len(rows), S)."""
        return _Stretch(self.sampled[rows], self.to_start[rows], self.to_end[rows])

    def factor(self, to_start: Floats) -> Floats:
        """Return what a change grows by."""
        factor: Floats = (to_start + (self.sampled + self.to_end)) / self.sampled
        return factor


def _extrapolate_above_zero(
    growth: Floats, oldest: Floats, stretch: _Stretch, samples: Samples
) -> None:
    """Extrapolate counters in place; to the start no further than to where they are zero."""
    factor = samples.expand(stretch.factor(stretch.to_start))
    share = np.where(stretch.sampled > 0, stretch.to_start / stretch.sampled, 0.0)
    # Most counters are far from zero: one comparison finds those that may not be.
    near = np.flatnonzero((oldest < growth * share.max(initial=0.0)).any(axis=1))
    if len(near):
        own = stretch.of_series(samples.rows[near])
        to_zero = oldest[near] / growth[near] * own.sampled
        is_closer = (to_zero < own.to_start) & (growth[near] > 0) & (oldest[near] >= 0)
        cut = own.factor(np.where(is_closer, to_zero, own.to_start))
        factor = np.array(np.broadcast_to(factor, growth.shape))
        factor[near] = cut
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
