"""The functions of `anchored` and `smoothed` ranges, which do not extrapolate.

An anchored range includes the last sample before its start. A smoothed range interpolates
the values at both ends between the samples on either side.

Source: Prometheus proposal PROM-52, extended range selectors.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from promql.api import EvaluationError
from promql.kernels.arrays import Floats, Indices, Mask
from promql.kernels.ranges import over_time
from promql.kernels.ranges.over_time import Kernel, Result
from promql.kernels.ranges.rates import lost_to_resets
from promql.kernels.ranges.samples import GaplessSamples
from promql.kernels.ranges.windows import Windows
from promql.syntax.functions import ANCHORED, SMOOTHED
from promql.syntax.nodes import VectorSelector


def kernel_for(function: str, selector: VectorSelector, lookback_ms: int) -> Kernel | None:
    """Return the kernel for a range with a modifier, None for one without.

    Raises:
        EvaluationError: the function does not accept the modifier.
    """
    if not (selector.anchored or selector.smoothed):
        return None
    modifier = "smoothed" if selector.smoothed else "anchored"
    allowed = SMOOTHED if selector.smoothed else ANCHORED
    if function not in allowed:
        raise EvaluationError(
            f"{modifier} modifier can only be used with: {', '.join(allowed)} - not with {function}"
        )
    if function in ("changes", "resets"):
        return partial(_counted, over_time.KERNELS[function], lookback_ms)
    way = _SMOOTHED if selector.smoothed else _ANCHORED
    return partial(way[function], lookback_ms)


def _reached(windows: Windows, lookback_ms: int) -> Mask:
    """Return which windows have a sample before their start, within the lookback: (G, S)."""
    before = windows.samples.pick_times(windows.inside(windows.first - 1))
    return (windows.first > 0) & (before > windows.starts_ms - lookback_ms)


def _anchored_windows(windows: Windows, lookback_ms: int) -> Windows:
    """Extend every window that is not empty by the sample before its start."""
    back = _reached(windows, lookback_ms) & (windows.count > 0)
    return windows.with_bounds(windows.first - back, windows.stop)


def _counted(kernel: Kernel, lookback_ms: int, windows: Windows) -> Result:
    values, _ = kernel(_anchored_windows(windows, lookback_ms))
    return values, windows.holding(1)


def _anchored(
    lookback_ms: int, windows: Windows, *, counter: bool = True, per_second: bool = False
) -> Result:
    reaching = _anchored_windows(windows, lookback_ms)
    samples = windows.samples
    growth = samples.pick(reaching.last_columns()) - samples.pick(reaching.first_columns())
    lost = lost_to_resets(reaching) if counter else None
    if lost is not None:
        growth += lost
    if per_second:
        growth /= windows.range_s
    return growth, windows.holding(1)


@dataclass(frozen=True, slots=True, eq=False)
class _Edge:
    """A point between two columns, at `share` of the way; all of shape (G, S)."""

    left: Indices
    right: Indices
    share: Floats

    def value(self, samples: GaplessSamples, *, counter: bool) -> Floats:
        """Return the interpolated values; a counter that fell is taken to start at zero."""
        before, after = samples.pick(self.left), samples.pick(self.right)
        start = np.where(after < before, 0.0, before) if counter else before
        share = samples.expand(self.share)
        between = start + (after - start) * share
        return np.where(share > 0, between, before)


def _edge(windows: Windows, left: Indices, right: Indices, at_ms: Indices, use: Mask) -> _Edge:
    """Return the point of `at_ms` between two columns; if `use` is False, the left column."""
    left, right = windows.inside(left), windows.inside(right)
    times, after = windows.samples.pick_times(left), windows.samples.pick_times(right)
    span = np.where(use & (after > times), after - times, 1)
    share = np.where(use, (at_ms - times) / span, 0.0)
    return _Edge(left, right, share)


def _smoothed(
    lookback_ms: int, windows: Windows, *, counter: bool = True, per_second: bool = False
) -> Result:
    samples, first, stop = windows.samples, windows.first, windows.stop
    back = _reached(windows, lookback_ms)
    following = samples.pick_times(windows.inside(stop))
    ahead = (stop < samples.values.shape[1]) & (following <= windows.ends_ms + lookback_ms)
    filled = windows.count > 0
    start = _edge(windows, first - back, first, windows.starts_ms, back & (filled | ahead))
    end = _edge(windows, stop - 1, stop, windows.ends_ms, ahead)
    right = end.value(samples, counter=counter)
    growth = right - start.value(samples, counter=counter)
    if counter:
        lost = lost_to_resets(windows)
        if lost is not None:
            growth += lost
        last = samples.pick(end.left)
        growth += np.where(samples.expand(filled) & (right < last), last, 0.0)
    if per_second:
        growth /= windows.range_s
    usable = samples.expand((filled | ahead) & (filled | back))
    return growth, np.broadcast_to(usable, growth.shape)


_ANCHORED: Final[dict[str, Kernel]] = {
    "delta": partial(_anchored, counter=False),
    "increase": _anchored,
    "rate": partial(_anchored, per_second=True),
}
_SMOOTHED: Final[dict[str, Kernel]] = {
    "delta": partial(_smoothed, counter=False),
    "increase": _smoothed,
    "rate": partial(_smoothed, per_second=True),
}
