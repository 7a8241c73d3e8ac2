"""The samples of an instant selector at each step.

Source: Prometheus documentation, "Querying basics", instant vector selectors, staleness.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from model.series import Times, is_stale
from promql.kernels.arrays import Floats, Indices, Mask
from promql.kernels.ranges.samples import GaplessSamples
from promql.kernels.step_matrix import StepMatrix, any_step, concatenated
from promql.kernels.steps import Steps


@dataclass(frozen=True, slots=True, eq=False)
class InstantSelection:
    """The samples that an instant selector selects.

    Attributes:
        vector: the newest sample of each series at each step.
        times_ms: shape (G, S), the times of these samples.
        rows: shape (N,), the row of each series in `times_ms`.
        starts_s: shape (N, S), their start times, 0 if unknown; None if all are unknown.
    """

    vector: StepMatrix
    times_ms: Times
    rows: Indices
    starts_s: Floats | None = None

    @property
    def times_s(self) -> Floats:
        """The time of each sample: shape (N, S); computed on demand."""
        times: Floats = self.times_ms[self.rows] / 1000
        return times

    @property
    def started_s(self) -> Floats:
        """`starts_s`, as zeros if it is None."""
        shape = self.vector.values.shape
        return np.zeros(shape) if self.starts_s is None else self.starts_s


def joined(blocks: Iterable[InstantSelection], steps: int) -> InstantSelection:
    """Join blocks of series into one selection."""
    found = list(blocks)
    if len(found) == 1:
        return found[0]
    vector = concatenated([each.vector for each in found], steps)
    if not found:
        nothing = np.empty(0, dtype=np.intp)
        return InstantSelection(vector, np.empty((0, steps), dtype=np.int64), nothing)
    starts = None
    if any(each.starts_s is not None for each in found):
        starts = np.concatenate([each.started_s for each in found])
    times = np.concatenate([each.times_ms[each.rows] for each in found])
    return InstantSelection(vector, times, np.arange(len(times)), starts)


def _present_series(
    samples: GaplessSamples,
    values: Floats,
    present: Mask,
    times_ms: Times,
    one_name: bool,
    starts: Floats | None = None,
) -> InstantSelection:
    """Return a selection of the series that are present at any step."""
    vector = StepMatrix(samples.labels, values, present, None, one_name)
    # Times of shape (1, S) are shared by all series.
    own = samples.rows if len(times_ms) > 1 else np.zeros_like(samples.rows)
    if present.all():
        return InstantSelection(vector, times_ms, own, starts)
    rows = any_step(present)
    starts = None if starts is None else starts[rows]
    return InstantSelection(vector.take(rows), times_ms, own[rows], starts)


def newest(
    samples: GaplessSamples, steps: Steps, lookback_ms: int, one_name: bool
) -> InstantSelection:
    """Return the newest sample of each series at each step, within the lookback."""
    columns = samples.counts(steps.times_ms) - 1
    inside = np.maximum(columns, 0)
    times = samples.pick_times(inside)
    fresh = (columns >= 0) & (times > steps.times_ms - lookback_ms)
    values = samples.pick(inside)
    present = np.array(np.broadcast_to(samples.expand(fresh), values.shape))
    nan = np.isnan(values)
    if nan.any():
        present &= ~is_stale(values)
    starts = None if samples.starts_ms is None else samples.pick_starts(inside) / 1000
    return _present_series(samples, values, present, times, one_name, starts)


def interpolated(
    samples: GaplessSamples, steps: Steps, lookback_ms: int, one_name: bool
) -> InstantSelection:
    """Return the values on straight lines between the samples around each step."""
    after = samples.counts(steps.times_ms)
    before = np.maximum(after - 1, 0)
    width = samples.values.shape[1]
    following = np.minimum(after, width - 1)
    times, next_times = samples.pick_times(before), samples.pick_times(following)
    now = steps.times_ms
    fresh = (after > 0) & (times > now - lookback_ms)
    between = fresh & (times < now) & (after < width) & (next_times <= now + lookback_ms)
    span = np.where(between, next_times - times, 1)
    share = np.where(between, (now - times) / span, 0.0)
    values, next_values = samples.pick(before), samples.pick(following)
    line = values + (next_values - values) * samples.expand(share)
    values = np.where(samples.expand(between), line, values)
    present = np.array(np.broadcast_to(samples.expand(fresh), values.shape))
    return _present_series(samples, values, present, np.broadcast_to(now, times.shape), one_name)
