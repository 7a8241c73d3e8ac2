"""The functions that measure change over a range: `rate`, `increase`, `delta`, `irate`, ….

Source: Prometheus documentation, "Query functions"; PROM-52 for `anchored` and
`smoothed` ranges.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from promql.kernels.extrapolation import Spans, not_below_zero, stretch
from promql.kernels.folding import exact_sum, fold
from promql.kernels.over_time import Kernel, Result
from promql.kernels.samples import Samples
from promql.kernels.start_times import is_restart, restarts, since_start
from promql.kernels.vectors import Floats, Indices
from promql.kernels.windows import Windows

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
    spans = Spans.of(windows, first, last)
    begun = None
    if counter and samples.starts_ms is not None:
        begun = since_start(windows, growth, oldest, spans.reach().to_end)
    factor, share = stretch(windows, spans, first, last)
    factor = samples.expand(factor)
    if counter:
        factor = not_below_zero(factor, growth, oldest, share, spans, samples)
    growth *= factor
    if begun is None:
        return growth, windows.holding(2)
    known = ~np.isnan(begun)
    return np.where(known, begun, growth), windows.holding(2) | known


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
