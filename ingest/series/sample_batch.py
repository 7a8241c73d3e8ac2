"""A batch of samples: one decoded request, whatever its protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.metadata import MetricMetadata

SeriesKey = bytes | tuple[str, ...]
"""How a request identifies a series.

Remote write 1.0: the bytes of the labels. 2.0: label names and values by turns.
"""

FindSeries = Callable[[SeriesKey], int | None]
"""Returns the number of a known series."""

SAMPLE = np.dtype([("series", "i8"), ("time_ms", "i8"), ("value", "f8"), ("start_ms", "i8")])
"""A sample: the number of its series, its timestamp, its value and its start time.

Both times are Unix milliseconds; a start time of 0 is unknown.
"""

Samples = NDArray[np.void]
"""Shape (N,), of `SAMPLE`."""


@dataclass(frozen=True, slots=True, eq=False)
class Deltas:
    """Samples that hold what was added in a stretch of time, and not a total.

    Attributes:
        rows: shape (N,), which samples of the batch these are.
        starts_ns, times_ns: shape (N,), the stretch of each; a start of 0 is unknown.
    """

    rows: NDArray[np.int64]
    starts_ns: NDArray[np.int64]
    times_ns: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SampleBatch:
    """The samples of one request.

    Attributes:
        samples: in any order; the series number -1 - k stands for `unknown[k]`.
        unknown: the keys of series that have no number yet.
        exemplars: how many the request has; they are not stored.
        histograms: how many native histograms the request has.
        derived: how many of the samples stand for these histograms.
        metadata: by metric family.
        deltas: which samples become totals before they are stored, None if none do.
    """

    samples: Samples
    unknown: tuple[SeriesKey, ...]
    exemplars: int = 0
    histograms: int = 0
    derived: int = 0
    metadata: Mapping[str, MetricMetadata] = field(default_factory=dict)
    deltas: Deltas | None = None


def split_by_time(samples: Samples) -> Sequence[Samples]:
    """Return the samples of each time, oldest first."""
    times_ms = samples["time_ms"]
    if not len(times_ms) or (times_ms == times_ms[0]).all():
        return [samples] if len(samples) else []
    order = times_ms.argsort(kind="stable")
    cuts = np.flatnonzero(np.diff(times_ms[order])) + 1
    # `take`, because indexing copies field by field and is 20 times slower.
    return np.split(samples.take(order), cuts)
