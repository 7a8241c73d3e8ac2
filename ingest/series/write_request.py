"""A decoded remote-write request, of either version."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SeriesKey = bytes | tuple[str, ...]
"""How a request names a series: the bytes of its labels in 1.0, names and values in 2.0."""

FindSeries = Callable[[SeriesKey], int | None]
"""Returns the number of a known series."""

SAMPLE = np.dtype([("series", "i8"), ("time_ms", "i8"), ("value", "f8"), ("start_ms", "i8")])
"""A sample: the number of its series, when it was taken, and since when it has counted,
Unix milliseconds; no start is 0."""

Samples = NDArray[np.void]
"""Shape (N,), of `SAMPLE`."""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What one request may hold."""

    series: int = 50_000
    samples: int = 200_000
    labels: int = 128
    label_bytes: int = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class WriteRequest:
    """A decoded request.

    Attributes:
        samples: in any order; series -1 - k is `unknown[k]`.
        unknown: the series without a number.
        exemplars, histograms: how many there are; they are not kept.
    """

    samples: Samples
    unknown: tuple[SeriesKey, ...]
    exemplars: int = 0
    histograms: int = 0
