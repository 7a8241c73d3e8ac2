"""The size of a result, before it is written."""

from collections.abc import Sequence
from typing import Final

from model.labels import Labels
from model.series import AlignedSeries
from promql.api import InstantVector, Scalar, String
from promql.kernels.interruption import interruptible

_SAMPLE_BYTES: Final = 28
"""A sample as JSON, `[1700000000,"0.123456789"],`."""
_PAIR_BYTES: Final = 6
"""Quotes, colon and comma of a label."""
_SERIES_BYTES: Final = 24
"""The rest of a series: `{"metric":{},"values":[]}`."""
_MOST_MEASURED: Final = 100
"""Label sets that are measured; of more, every so many-th. Reading those of 400 series would
take a twentieth of their query. What a query makes itself is counted exactly
(`Guard.make_label`)."""


def size_bytes(labels: Sequence[Labels]) -> int:
    """Return the size of the names and values of all label sets."""
    return sum(len(name) + len(value) for each in interruptible(labels) for name, value in each)


def result_bytes(value: Scalar | String | InstantVector | AlignedSeries) -> int:
    """Return about how many bytes a result has as JSON."""
    if isinstance(value, Scalar):
        return _SAMPLE_BYTES
    if isinstance(value, String):
        return len(value.value)
    series = len(value.labels)
    if not series:
        return 0
    samples = series if isinstance(value, InstantVector) else value.sample_slots
    measured = value.labels[:: -(-series // _MOST_MEASURED)]
    pairs = sum(map(len, measured))
    of_labels = (size_bytes(measured) + pairs * _PAIR_BYTES) * series // len(measured)
    return samples * _SAMPLE_BYTES + of_labels + series * _SERIES_BYTES
