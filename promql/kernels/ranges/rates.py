"""The functions that measure change over a range: `rate`, `increase`, `delta`, `irate`, ….

Source: Prometheus documentation, "Query functions"; PROM-52 for `anchored` and
`smoothed` ranges.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from promql.kernels.arrays import Floats, Indices
from promql.kernels.ranges.extrapolation import Spans, growth_factor, limited_at_zero
from promql.kernels.ranges.folding import exact_sum, fold
from promql.kernels.ranges.over_time import Kernel, Result
from promql.kernels.ranges.samples import GaplessSamples
from promql.kernels.ranges.start_times import is_restart, restarts, since_start
from promql.kernels.ranges.windows import Windows

# Up to this many resets for each series, adding them one by one is faster than a fold.
_FEW_RESETS: Final = 2


def rate(windows: Windows) -> Result:
    """How fast a counter grows, per second, extrapolated to the range's ends."""
    return _extrapolated(windows, counter=True, per_second=True)


def increase(windows: Windows) -> Result:
    """How much a counter grew, extrapolated to the range's ends."""
    return _extrapolated(windows, counter=True)


def delta(windows: Windows) -> Result:
    """How much a gauge changed, extrapolated to the range's ends."""
    return _extrapolated(windows, counter=False)


def _extrapolated(windows: Windows, *, counter: bool, per_second: bool = False) -> Result:
    samples = windows.samples
    first, last = windows.first_columns(), windows.last_columns()
    oldest, growth = samples.pick(first), samples.pick(last)
    growth -= oldest
    if counter:
        lost = lost_to_resets(windows)
        if lost is not None:
            growth += lost
    spans = Spans.of(windows, first, last)
    begun = None
    if counter and samples.starts_ms is not None:
        begun = since_start(windows, growth, oldest, spans.extrapolation().to_end)
    factor, share = growth_factor(windows, spans, first, last)
    factor = samples.expand(factor)
    if counter:
        factor = limited_at_zero(factor, growth, oldest, share, spans, samples)
    if per_second:
        # As in Prometheus, the factor is divided, not the growth: the last digit may differ.
        factor = factor / windows.range_s
    growth *= factor
    if begun is None:
        return growth, windows.holding(2)
    known = ~np.isnan(begun)
    if per_second:
        begun /= windows.range_s
    return np.where(known, begun, growth), windows.holding(2) | known


def lost_to_resets(windows: Windows) -> Floats | None:
    """Return the growth that resets hide in each window, None if there are no resets."""
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
    # A drop counts at the later sample of a pair, so a window's first sample has none.
    lost[suspects[some]] = window_sums(windows, suspects[some], drops)
    return lost


def _add_each(lost: Floats, windows: Windows, series: Indices, before: Indices) -> None:
    """Add each reset to the windows that contain it; for few resets.

    Args:
        lost: shape (N, S), changed in place.
        windows: the windows.
        series: the series of each reset.
        before: the column of the last sample before each reset.
    """
    drops = windows.samples.values[series, before]
    rows, after = windows.samples.rows[series], (before + 1)[:, np.newaxis]
    # The windows that contain a reset are consecutive, because both their ends ascend.
    begins = (windows.of_rows(windows.stop, rows) <= after).sum(axis=1)
    ends = (windows.of_rows(windows.first, rows) < after).sum(axis=1)
    for index, drop, begin, end in zip(
        series.tolist(), drops.tolist(), begins.tolist(), ends.tolist(), strict=True
    ):
        lost[index, begin:end] += drop


def window_sums(windows: Windows, series: Indices, values: Floats) -> Floats:
    """Sum `values` of some series over each window, the window's first sample excluded."""
    samples = windows.samples
    some = GaplessSamples(
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
    """Return each window's last value, the value before it, and the seconds between them."""
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
"""Kernels by function name."""
