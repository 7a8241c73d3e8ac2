"""How far changes over a window are extrapolated beyond its first and last sample.

Source: Prometheus documentation, "Query functions", `rate`, `increase` and `delta`;
Prometheus, promql/functions.go (extrapolatedRate).
"""

from dataclasses import dataclass

import numpy as np

from model.series import Times
from promql.kernels.samples import Samples
from promql.kernels.vectors import Floats, Indices
from promql.kernels.windows import Windows


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How far windows' samples reach, in seconds; shape (G, S).

    Attributes:
        sampled: from the first sample to the last.
        to_start, to_end: how far to extrapolate to either side.
    """

    sampled: Floats
    to_start: Floats
    to_end: Floats

    def factor(self, to_start: Floats) -> Floats:
        """Return what a change grows by."""
        factor: Floats = (to_start + (self.sampled + self.to_end)) / self.sampled
        return factor

    def most_share(self) -> float:
        """Return how far the start is extrapolated at most, of what is sampled."""
        shares = np.where(self.sampled > 0, self.to_start / self.sampled, 0.0)
        return float(shares.max(initial=0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Where windows begin and end, and their samples.

    All that depends on times alone is done once for all series that share them.

    Attributes:
        starts_ms, ends_ms: shape (S,), of the windows.
        first_ms, last_ms: shape (G, S), of each window's samples.
        count: shape (G, S) or (1, S), how many these are.
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
        """Return those of some steps."""
        return Spans(
            self.starts_ms[some],
            self.ends_ms[some],
            self.first_ms[:, some],
            self.last_ms[:, some],
            self.count[:, some],
        )

    def of_rows(self, rows: Indices) -> "Spans":
        """Return those of some rows of times."""
        count = Windows.of_rows(self.count, rows)
        first_ms, last_ms = self.first_ms[rows], self.last_ms[rows]
        return Spans(self.starts_ms, self.ends_ms, first_ms, last_ms, count)

    def reach(self) -> Reach:
        """Look at each window: half an interval where it does not reach near its end."""
        sampled = (self.last_ms - self.first_ms) / 1000
        to_start = (self.first_ms - self.starts_ms) / 1000
        to_end = (self.ends_ms - self.last_ms) / 1000
        average = sampled / np.maximum(self.count - 1, 1)
        half, most = average / 2, average * 1.1
        return Reach(
            sampled,
            np.where(to_start >= most, half, to_start),
            np.where(to_end >= most, half, to_end),
        )


def stretch(windows: Windows, spans: Spans, first: Indices, last: Indices) -> tuple[Floats, float]:
    """Return what changes grow by, (G, S), and `Reach.most_share` or a little more.

    Scraped without a miss, all windows' samples reach to within an interval of both ends,
    as a look at each column's first and last time shows: they are extrapolated to these.
    """
    if len(first) != 1 or len(spans.first_ms) == 1:
        reach = spans.reach()
        return reach.factor(reach.to_start), reach.most_share()
    earliest, latest = windows.samples.column_ends
    # In doubles, whose differences with NO_TIME do not wrap around.
    first_ms = latest[first[0]].astype(np.float64)
    last_ms = earliest[last[0]].astype(np.float64)
    count, sampled_ms = windows.count[0], last_ms - first_ms
    to_start_ms, to_end_ms = first_ms - windows.starts_ms, windows.ends_ms - last_ms
    near_ms = sampled_ms / np.maximum(count - 1, 1) * 1.1
    even = np.maximum(to_start_ms, to_end_ms) < near_ms
    shares = np.divide(to_start_ms, sampled_ms, where=even, out=np.zeros(len(even)))
    share = float(shares.max(initial=0.0))
    factor: Floats = windows.range_s * 1000 / (spans.last_ms - spans.first_ms)
    # In windows with fewer samples there is no rate.
    odd = np.flatnonzero(~even & (count >= 2))
    if len(odd):
        reach = spans.steps(odd).reach()
        factor[:, odd] = reach.factor(reach.to_start)
        share = max(share, reach.most_share())
    return factor, share


def not_below_zero(
    factor: Floats,
    growth: Floats,
    oldest: Floats,
    share: float,
    spans: Spans,
    samples: Samples,
) -> Floats:
    """Extrapolate counters to the start no further than to where they are zero.

    Args:
        factor: shape (N, S) or (1, S), what they would grow by.
        growth: shape (N, S), from each window's first sample to its last.
        oldest: shape (N, S), the first sample's value.
        share: how far the start is extrapolated at most, of what is sampled.
        spans: where their samples are.
        samples: which row of times each has.
    """
    # Most counters are far from zero: one comparison finds those that may not be.
    near = np.flatnonzero((oldest < growth * share).any(axis=1))
    if not len(near):
        return factor
    reach = spans.of_rows(samples.rows[near]).reach()
    to_zero = oldest[near] / growth[near] * reach.sampled
    is_closer = (to_zero < reach.to_start) & (growth[near] > 0) & (oldest[near] >= 0)
    factor = np.array(np.broadcast_to(factor, growth.shape))
    factor[near] = np.where(is_closer, reach.factor(to_zero), factor[near])
    return factor
