"""What the start times of samples tell about a counter: restarts, and where it was zero.

A counter that restarted and overtook its old value before the next sample shows no drop;
its start time does. Delta samples, each counting from the one before, are counters that
restart at every sample.

Source: Prometheus's feature flag `use-start-timestamps`; OpenTelemetry metrics data
model, "Resets and gaps".
"""

import numpy as np
from numpy.typing import NDArray

from promql.kernels.samples import Samples
from promql.kernels.vectors import Floats, Mask
from promql.kernels.windows import Windows

Times = NDArray[np.int64]


def is_restart(before_start: Times, before_ms: Times, start_ms: Times, time_ms: Times) -> Mask:
    """Tell whether a counter restarted between two samples, by their start times.

    A start at the very time of the sample before is a restart only if that one's own
    start is known and lies before it: a series of unknown start says so by starting at
    its first sample.

    All arrays have one shape; `before_start` and `before_ms` are start and time of the
    earlier samples, `start_ms` and `time_ms` of the later ones. 0 is no start.
    """
    valid = (start_ms != 0) & (start_ms < time_ms)
    known = (before_start != 0) & (before_start < before_ms)
    restart: Mask = valid & ((start_ms > before_ms) | ((start_ms == before_ms) & known))
    return restart


def _neighbours(samples: Samples) -> tuple[Times, Times, Times, Times] | None:
    """Return start and time of each sample but the last and each but the first: (N, T - 1)."""
    starts = samples.starts_ms
    if starts is None:
        return None
    times = samples.expand(samples.times_ms)
    return starts[:, :-1], times[:, :-1], starts[:, 1:], times[:, 1:]


def restarts(samples: Samples) -> Mask | None:
    """Tell for each sample but the first whether the counter restarted before it.

    Returns:
        Shape (N, T - 1); None where no start time is known.
    """
    pairs = _neighbours(samples)
    return None if pairs is None else is_restart(*pairs)


def overlaps(samples: Samples) -> Mask | None:
    """Tell which samples claim a start of their own before the sample ahead of them.

    Returns:
        Shape (N, T - 1); None where no start time is known.
    """
    pairs = _neighbours(samples)
    if pairs is None:
        return None
    before_start, before_ms, start_ms, _ = pairs
    found: Mask = (start_ms != 0) & (start_ms < before_ms) & (start_ms != before_start)
    return found


def since_start(windows: Windows, growth: Floats, oldest: Floats, to_end: Floats) -> Floats:
    """Return how much counters grew that began inside of their windows, NaN for others.

    They were zero at the start time of their first sample: nothing is extrapolated to
    that side, and one sample is enough.

    Args:
        windows: of samples with start times.
        growth: shape (N, S), from each window's first sample to its last.
        oldest: shape (N, S), the first sample's value.
        to_end: shape (G, S), seconds to extrapolate to the other side.
    """
    samples = windows.samples
    started = samples.pick_starts(windows.first_columns())
    first_ms = samples.expand(samples.pick_times(windows.first_columns()))
    last_ms = samples.expand(samples.pick_times(windows.last_columns()))
    inside = (started != 0) & (started > windows.starts_ms) & (started < first_ms)
    sampled = (last_ms - started) / 1000
    grown = (growth + oldest) * ((sampled + samples.expand(to_end)) / sampled)
    return np.where(inside & windows.holding(1), grown, np.nan)
