"""Extrapolation of changes from a window's first and last sample to the window's ends.

Source: Prometheus documentation, "Query functions", `rate`, `increase` and `delta`;
Prometheus, promql/functions.go (extrapolatedRate).
"""

from dataclasses import dataclass

import numpy as np

from model.series import Times
from promql.kernels.arrays import Floats, Indices
from promql.kernels.ranges.samples import GaplessSamples
from promql.kernels.ranges.windows import Windows


@dataclass(frozen=True, slots=True, eq=False)
class Extrapolation:
    """The seconds by which each window is extrapolated; shapes (G, S).

    Attributes:
        sampled: from the first sample to the last.
        to_start, to_end: from the first sample back, and from the last sample on.
    """

    sampled: Floats
    to_start: Floats
    to_end: Floats

    def factor(self, to_start: Floats) -> Floats:
        """Return the factor by which a change grows, given the extrapolation to the start."""
        # In Prometheus's order, so that the last digit is the same.
        factor: Floats = (self.sampled + to_start + self.to_end) / self.sampled
        return factor

    def largest_share(self) -> float:
        """Return the largest ratio of `to_start` to `sampled`."""
        shares = np.where(self.sampled > 0, self.to_start / self.sampled, 0.0)
        return float(shares.max(initial=0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """The times of windows and of their samples, once for all series that share them.

    Attributes:
        starts_ms, ends_ms: shape (S,), of the windows.
        first_ms, last_ms: shape (G, S), of each window's first and last sample.
        count: shape (G, S) or (1, S), the number of samples in each window.
    """

    starts_ms: Times
    ends_ms: Times
    first_ms: Times
    last_ms: Times
    count: Indices

    @classmethod
    def of(cls, windows: Windows, first: Indices, last: Indices) -> "Spans":
        pick = windows.samples.pick_times
        return cls(windows.starts_ms, windows.ends_ms, pick(first), pick(last), windows.count)

    def steps(self, some: Indices) -> "Spans":
        """Return the spans of the given steps only."""
        return Spans(
            self.starts_ms[some],
            self.ends_ms[some],
            self.first_ms[:, some],
            self.last_ms[:, some],
            self.count[:, some],
        )

    def of_rows(self, rows: Indices) -> "Spans":
        """Return one span per series, where `rows` names each series' row of times."""
        count = Windows.of_rows(self.count, rows)
        first_ms, last_ms = self.first_ms[rows], self.last_ms[rows]
        return Spans(self.starts_ms, self.ends_ms, first_ms, last_ms, count)

    def extrapolation(self) -> Extrapolation:
        """Return how far to extrapolate.

        To the window's end if the nearest sample is within 1.1 average intervals of it, else by
        half an interval.
        """
        sampled = (self.last_ms - self.first_ms) / 1000
        to_start = (self.first_ms - self.starts_ms) / 1000
        to_end = (self.ends_ms - self.last_ms) / 1000
        average = sampled / np.maximum(self.count - 1, 1)
        half, most = average / 2, average * 1.1
        return Extrapolation(
            sampled,
            np.where(to_start >= most, half, to_start),
            np.where(to_end >= most, half, to_end),
        )


def growth_factor(
    windows: Windows, spans: Spans, first: Indices, last: Indices
) -> tuple[Floats, float]:
    """Return the extrapolation factor, (G, S), and an upper bound of the largest share.

    If no scrape was missed, the samples of all windows reach to within an interval of both
    ends. The earliest and latest time of each column prove that for all rows at once; then
    every change is extrapolated to the window's ends.
    """
    if len(first) != 1 or len(spans.first_ms) == 1:
        extrapolation = spans.extrapolation()
        return extrapolation.factor(extrapolation.to_start), extrapolation.largest_share()
    earliest, latest = windows.samples.column_ends
    # As doubles, because int64 differences with NO_TIME wrap around.
    first_ms = latest[first[0]].astype(np.float64)
    last_ms = earliest[last[0]].astype(np.float64)
    count, sampled_ms = windows.count[0], last_ms - first_ms
    to_start_ms, to_end_ms = first_ms - windows.starts_ms, windows.ends_ms - last_ms
    near_ms = sampled_ms / np.maximum(count - 1, 1) * 1.1
    even = np.maximum(to_start_ms, to_end_ms) < near_ms
    shares = np.divide(to_start_ms, sampled_ms, where=even, out=np.zeros(len(even)))
    share = float(shares.max(initial=0.0))
    # The sum is the range, but rounded as in Prometheus, so that the last digit is the same.
    sampled = (spans.last_ms - spans.first_ms) / 1000
    factor: Floats = (spans.first_ms - spans.starts_ms) / 1000
    factor += sampled
    factor += (spans.ends_ms - spans.last_ms) / 1000
    factor /= sampled
    # Windows with fewer than two samples have no rate.
    odd = np.flatnonzero(~even & (count >= 2))
    if len(odd):
        extrapolation = spans.steps(odd).extrapolation()
        factor[:, odd] = extrapolation.factor(extrapolation.to_start)
        share = max(share, extrapolation.largest_share())
    return factor, share


def limited_at_zero(
    factor: Floats,
    growth: Floats,
    oldest: Floats,
    share: float,
    spans: Spans,
    samples: GaplessSamples,
) -> Floats:
    """Return the factor for counters, which are extrapolated back to zero at most.

    Args:
        factor: shape (N, S) or (1, S), the factor without this limit.
        growth: shape (N, S), from each window's first sample to its last.
        oldest: shape (N, S), the first sample's value.
        share: an upper bound of `Extrapolation.largest_share`.
        spans: the times of the windows and their samples.
        samples: the series of the windows.
    """
    # Most counters are far from zero: one comparison finds the few that may not be.
    near = np.flatnonzero((oldest < growth * share).any(axis=1))
    if not len(near):
        return factor
    extrapolation = spans.of_rows(samples.rows[near]).extrapolation()
    to_zero = oldest[near] / growth[near] * extrapolation.sampled
    is_closer = (to_zero < extrapolation.to_start) & (growth[near] > 0) & (oldest[near] >= 0)
    factor = np.array(np.broadcast_to(factor, growth.shape))
    factor[near] = np.where(is_closer, extrapolation.factor(to_zero), factor[near])
    return factor
