"""The labels that say what a metric is, and how they are dropped."""

from collections.abc import Sequence
from typing import Final

from model.labels import METRIC_NAME, Labels
from promql.kernels.arrays import Mask
from promql.kernels.interruption import interruptible

RESERVED: Final = frozenset({METRIC_NAME, "__type__", "__unit__"})
"""Labels that describe the metric itself; a computed value is no longer that metric."""
_LAST_RESERVED: Final = max(RESERVED)


def without_reserved(labels: Sequence[Labels], rows: Mask) -> list[Labels]:
    """Return the label sets, without reserved labels where `rows` is True."""
    return [
        drop_reserved(each) if drop else each
        for each, drop in zip(interruptible(labels), rows.tolist(), strict=True)
    ]


def drop_reserved(labels: Labels) -> Labels:
    """Return the label set without `RESERVED`; names are sorted, so this is usually one slice."""
    if not labels or labels[0][0] > _LAST_RESERVED:
        return labels
    if labels[0][0] == METRIC_NAME:
        rest = labels[1:]
        if not rest or not rest[0][0].startswith("__"):
            return Labels(rest)
    return labels.drop(RESERVED)
