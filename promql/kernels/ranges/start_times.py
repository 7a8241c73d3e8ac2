"""Counter restarts found by the start times of samples.

A counter that restarted and passed its old value before the next sample shows no drop in
its values, but a new start time. Delta samples, each counted from the one before, are
counters that restart at every sample.

Source: Prometheus's feature flag `use-start-timestamps`; OpenTelemetry metrics data
model, "Resets and gaps".
"""

import numpy as np
from numpy.typing import NDArray

from promql.kernels.arrays import Floats, Mask
from promql.kernels.ranges.samples import GaplessSamples
from promql.kernels.ranges.windows import Windows

Times = NDArray[np.int64]


def is_restart(before_start: Times, before_ms: Times, start_ms: Times, time_ms: Times) -> Mask:
    """Return which pairs of samples have a restart between them, by their start times.

    A start time equal to the time of the earlier sample is a restart only if the earlier
    sample has a start time before its own time. (A sender that does not know the start of
    a series uses the time of its first sample.)

    All arrays have one shape. `before_start` and `before_ms` are the start time and the time
    of the earlier samples, `start_ms` and `time_ms` those of the later ones; 0 is unknown.
    """
    valid = (start_ms != 0) & (start_ms < time_ms)
    known = (before_start != 0) & (before_start < before_ms)
    restart: Mask = valid & ((start_ms > before_ms) | ((start_ms == before_ms) & known))
    return restart


def _neighbours(samples: GaplessSamples) -> tuple[Times, Times, Times, Times] | None:
    """Return the start time and time of every sample and of its successor: (N, T - 1) each."""
    starts = samples.starts_ms
    if starts is None:
        return None
    times = samples.expand(samples.times_ms)
    return starts[:, :-1], times[:, :-1], starts[:, 1:], times[:, 1:]


def restarts(samples: GaplessSamples) -> Mask | None:
    """Return which samples but the first follow a restart.

    Returns:
        Shape (N, T - 1); None if no start time is known.
    """
    pairs = _neighbours(samples)
    return None if pairs is None else is_restart(*pairs)


def overlaps(samples: GaplessSamples) -> Mask | None:
    """Return which samples have a new start time that lies before the previous sample.

    Returns:
        Shape (N, T - 1); None if no start time is known.
    """
    pairs = _neighbours(samples)
    if pairs is None:
        return None
    before_start, before_ms, start_ms, _ = pairs
    found: Mask = (start_ms != 0) & (start_ms < before_ms) & (start_ms != before_start)
    return found


def since_start(windows: Windows, growth: Floats, oldest: Floats, to_end: Floats) -> Floats:
    """Return the growth of counters that started inside of their windows, NaN for others.

    Such a counter was zero at its start time. Nothing is extrapolated back from there, and
    one sample is enough.

    Args:
        windows: windows of samples with start times.
        growth: shape (N, S), from each window's first sample to its last.
        oldest: shape (N, S), the first sample's value.
        to_end: shape (G, S), the seconds to extrapolate to the window's end.
    """
    samples = windows.samples
    started = samples.pick_starts(windows.first_columns())
    first_ms = samples.expand(samples.pick_times(windows.first_columns()))
    last_ms = samples.expand(samples.pick_times(windows.last_columns()))
    inside = (started != 0) & (started > windows.starts_ms) & (started < first_ms)
    sampled = (last_ms - started) / 1000
    grown = (growth + oldest) * ((sampled + samples.expand(to_end)) / sampled)
    return np.where(inside & windows.holding(1), grown, np.nan)
