"""Ranks the series of a host by how unlike themselves they were around a moment."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import NO_TIME, AlignedSeries, is_absent, is_stale
from web.hosts.changes.two_windows import compare, share_of_chance

BASELINE_WINDOWS: Final = 4
"""The time before is so many times as long as the time around the moment."""

POINTS: Final = 60
"""The points of a series' small chart."""

_ROWS: Final = 1000
"""Series that are compared at a time, which bounds the memory."""

_COUNTERS: Final = ("_total", "_count", "_sum", "_bucket")


@dataclass(frozen=True, slots=True)
class ComparedWindows:
    """The time around a moment, and the time before it.

    Attributes:
        start_ms: where the time before begins.
        split_ms: where it ends, and the time around the moment begins.
        end_ms: where that ends.
    """

    start_ms: int
    split_ms: int
    end_ms: int

    @classmethod
    def around(cls, time_ms: int, window_ms: int) -> "ComparedWindows":
        """Return the windows around a moment, which lies in the middle of its own."""
        split_ms = time_ms - window_ms // 2
        return cls(split_ms - BASELINE_WINDOWS * window_ms, split_ms, split_ms + window_ms)


@dataclass(frozen=True, slots=True, eq=False)
class ChangedSeries:
    """A series, how unlike itself it was, and its course.

    Attributes:
        is_rate: whether the values are rates of a counter.
        course: `POINTS` means over the time of both windows; NaN where there is no sample.
        distance, chance, share_of_chance, shift: see `two_windows`.
    """

    labels: Labels
    is_rate: bool
    distance: float
    chance: float
    share_of_chance: float
    shift: float
    median_before: float
    median_after: float
    course: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The series that changed most, and how many there were.

    Attributes:
        compared: the series with enough samples in both windows, which is the number of
            comparisons that chance is judged by.
        too_few: those without.
        constant: of the compared, those that never changed.
    """

    changes: tuple[ChangedSeries, ...]
    compared: int
    too_few: int
    constant: int


def rank(
    series: AlignedSeries, counters: Collection[str], windows: ComparedWindows, most: int
) -> Ranking:
    """Return the series that changed most, those first; blocks.

    Args:
        series: the raw samples of both windows.
        counters: the metrics that are counters, beside those whose name says so.
        windows: the windows.
        most: how many to return.
    """
    is_rate = np.array([_is_counter(labels.metric, counters) for labels in series.labels])
    parts = [
        _compared(series, is_rate, part, windows)
        for part in np.array_split(np.arange(len(is_rate)), len(is_rate) // _ROWS + 1)
    ]
    distance, chance, shift, before, after = np.concatenate(parts, axis=1)
    shares = share_of_chance(chance)
    known = np.isfinite(distance)
    order = np.lexsort((-np.abs(shift), -distance))
    order = order[known[order] & (distance[order] > 0)][:most]
    changes = tuple(
        ChangedSeries(
            labels=series.labels[place],
            is_rate=bool(is_rate[place]),
            distance=float(distance[place]),
            chance=float(chance[place]),
            share_of_chance=float(shares[place]),
            shift=float(shift[place]),
            median_before=float(before[place]),
            median_after=float(after[place]),
            course=_course(series, place, is_rate, windows),
        )
        for place in order.tolist()
    )
    compared = int(known.sum())
    constant = int((distance[known] == 0).sum())
    return Ranking(changes, compared, len(known) - compared, constant)


def _is_counter(metric: str, counters: Collection[str]) -> bool:
    return metric in counters or metric.endswith(_COUNTERS)


def _samples(
    series: AlignedSeries, places: NDArray[np.intp], is_rate: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the times and values of some series, shape (N, T); rates in place of counters.

    A value is NaN where there is no sample, or none before it to build a rate with.
    """
    times_ms = series.times_ms[series.rows[places]]
    values = series.values[places].copy()
    values[is_absent(values) | is_stale(values) | (times_ms == NO_TIME)] = np.nan
    values[~np.isfinite(values)] = np.nan
    counters = np.flatnonzero(is_rate[places])
    if len(counters):
        values[counters] = _rates(times_ms[counters], values[counters])
    return times_ms, values


def _rates(times_ms: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the increase a second since the sample before; NaN at a restart and at the first."""
    columns = np.arange(values.shape[1])
    known = np.where(np.isfinite(values), columns, -1)
    # The last column with a sample before each one.
    earlier = np.maximum.accumulate(known, axis=1)
    earlier = np.concatenate([np.full((len(values), 1), -1), earlier[:, :-1]], axis=1)
    place = earlier.clip(0)
    passed_s = (times_ms - np.take_along_axis(times_ms, place, axis=1)) / 1000
    increase = values - np.take_along_axis(values, place, axis=1)
    fits = (earlier >= 0) & (passed_s > 0) & (increase >= 0)
    rates: NDArray[np.float64] = np.full(values.shape, np.nan)
    return np.divide(increase, passed_s, out=rates, where=fits)


def _compared(
    series: AlignedSeries,
    is_rate: NDArray[np.bool_],
    places: NDArray[np.intp],
    windows: ComparedWindows,
) -> NDArray[np.float64]:
    """Return D, chance, shift and both medians of some series, shape (5, N)."""
    times_ms, values = _samples(series, places, is_rate)
    is_before = (times_ms >= windows.start_ms) & (times_ms < windows.split_ms)
    is_after = (times_ms >= windows.split_ms) & (times_ms <= windows.end_ms)
    before = np.where(is_before, values, np.nan)[:, is_before.any(axis=0)]
    after = np.where(is_after, values, np.nan)[:, is_after.any(axis=0)]
    found = compare(before, after)
    return np.stack(
        [found.distance, found.chance, found.shift, found.median_before, found.median_after]
    )


def _course(
    series: AlignedSeries, place: int, is_rate: NDArray[np.bool_], windows: ComparedWindows
) -> NDArray[np.float64]:
    times_ms, values = _samples(series, np.array([place]), is_rate)
    length_ms = windows.end_ms - windows.start_ms
    bins = (times_ms[0] - windows.start_ms) * POINTS // (length_ms + 1)
    inside = np.isfinite(values[0]) & (bins >= 0) & (bins < POINTS)
    totals = np.bincount(bins[inside], values[0][inside], POINTS)
    counts = np.bincount(bins[inside], minlength=POINTS)
    means: NDArray[np.float64] = np.full(POINTS, np.nan)
    return np.divide(totals, counts, out=means, where=counts > 0)
