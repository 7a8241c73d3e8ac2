"""The functions that measure change over a range: `rate`, `increase`, `delta`, `irate`, ….

Source: Prometheus documentation, "Query functions"; PROM-52 for `anchored` and
`smoothed` ranges.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from promql.folding import exact_sum, fold
from promql.over_time import Kernel, Result
from promql.samples import Samples, Windows
from promql.vectors import Floats, Indices, Mask

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
    oldest = samples.pick(first)
    growth = samples.pick(last) - oldest
    if counter:
        lost = lost_to_resets(windows)
        if lost is not None:
            growth += lost
    # All that depends on times alone is done once for all series that share them.
    first_ms, last_ms = samples.pick_times(first), samples.pick_times(last)
    sampled = (last_ms - first_ms) / 1000
    average = sampled / np.maximum(windows.count - 1, 1)
    to_start = (first_ms - windows.starts_ms) / 1000
    to_end = (windows.ends_ms - last_ms) / 1000
    to_start = np.where(to_start >= average * 1.1, average / 2, to_start)
    to_end = np.where(to_end >= average * 1.1, average / 2, to_end)
    if not counter:
        factor = (sampled + to_start + to_end) / sampled
        return growth * samples.expand(factor), windows.holding(2)
    sampled, to_start, to_end = (samples.expand(each) for each in (sampled, to_start, to_end))
    # A counter does not start below zero: extrapolate no further than to there.
    reach = oldest / growth
    reach *= sampled
    falls_short = (reach < to_start) & (growth > 0) & (oldest >= 0)
    np.copyto(reach, to_start, where=~falls_short)
    reach += sampled + to_end
    reach /= sampled
    growth *= reach
    return growth, windows.holding(2)


def lost_to_resets(windows: Windows) -> Floats | None:
    """Return what resets took from each window, None if there was no reset at all."""
    values = windows.samples.values
    fell = values[:, 1:] < values[:, :-1]
    if not fell.any():
        return None
    if np.count_nonzero(fell) <= _FEW_RESETS * len(values):
        return _lost_to_few(windows, fell)
    series = np.flatnonzero(fell.any(axis=1))
    drops = np.zeros((len(series), values.shape[1]))
    np.copyto(drops[:, 1:], values[series, :-1], where=fell[series])
    lost = np.zeros(windows.shape)
    # A drop belongs to the pair that ends in it: the window's first sample has none.
    lost[series] = window_sums(windows, series, drops)
    return lost


def _lost_to_few(windows: Windows, fell: Mask) -> Floats:
    """Return the same where resets are so few that each is worth a look of its own."""
    values, rows = windows.samples.values, windows.samples.rows
    lost = np.zeros(windows.shape)
    series, before = np.nonzero(fell)
    for index, column, drop in zip(
        series.tolist(), (before + 1).tolist(), values[series, before].tolist(), strict=True
    ):
        # The windows that hold it lie next to each other, as both their ends ascend.
        row = rows[index]
        begin = windows.stop[row].searchsorted(column, "right")
        end = windows.first[row].searchsorted(column, "left")
        lost[index, begin:end] += drop
    return lost


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
    growth = np.where(newest < before, newest, newest - before)
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
