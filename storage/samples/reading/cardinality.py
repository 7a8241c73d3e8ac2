"""Label cardinality of the active series, counted on request.

The series of a layout are counted once for all its sources: 400 hosts that share a layout
take little longer than one.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.labels import METRIC_NAME
from model.series import ABSENT_BITS
from storage.api.sample_stats import Cardinality
from storage.samples.head.source_head import SourceHead

if TYPE_CHECKING:
    from storage.samples.catalog.layouts import StoredLayout

Pair = tuple[str, str]
K = TypeVar("K")


def cardinality(heads: Iterable[SourceHead], limit: int) -> Cardinality:
    """Return the cardinality of all series of some heads; blocks.

    Args:
        heads: the heads.
        limit: the most entries of each list.
    """
    heads = list(heads)
    pairs = _pairs(heads)
    metrics = {value: count for (name, value), count in pairs.items() if name == METRIC_NAME}
    values = Counter(name for name, _ in pairs)
    lengths: Counter[str] = Counter()
    for (name, value), count in pairs.items():
        lengths[name] += count * len(value)
    chunks = [chunk for head in heads for chunk in head.chunks_in_memory()]
    return Cardinality(
        series=sum(metrics.values()),
        label_pairs=len(pairs),
        chunks=len(chunks),
        oldest_ms=min((chunk.times_ms[0] for chunk in chunks), default=None),
        newest_ms=max((chunk.times_ms[-1] for chunk in chunks), default=None),
        series_by_metric=_largest(metrics, limit),
        values_by_label=_largest(values, limit),
        bytes_by_label=_largest(lengths, limit),
        series_by_pair=tuple(
            (f"{name}={value}", count) for (name, value), count in _largest(pairs, limit)
        ),
    )


def _pairs(heads: Iterable[SourceHead]) -> Counter[Pair]:
    """Return the number of active series that have each label pair."""
    pairs: Counter[Pair] = Counter()
    users: Counter[StoredLayout] = Counter()
    for head in heads:
        layout, absent = head.layout, _absent(head)
        users[layout] += 1
        for column in absent.tolist():
            pairs.subtract(layout.series[column])
        for pair in head.source.labels:
            pairs[pair] += len(layout.series) - len(absent)
            if pair[0] in layout.label_names:
                # The label of a series overrides the source's label of that name.
                own = {i for i, labels in enumerate(layout.series) if labels.get(pair[0])}
                pairs[pair] -= len(own.difference(absent.tolist()))
    for layout, count in users.items():
        for pair, series in Counter(pair for labels in layout.series for pair in labels).items():
            pairs[pair] += count * series
    return +pairs


def _absent(head: SourceHead) -> NDArray[np.intp]:
    """Return the columns of a head's layout that have no value now."""
    # Another thread may be extending layout and values: a column that only one has is absent.
    last, size = head.last.view(np.uint64), len(head.layout.series)
    active = np.zeros(size, np.bool_)
    active[: len(last)] = last[:size] != ABSENT_BITS
    return np.flatnonzero(~active)


def _largest(
    counts: Iterable[K] | dict[K, int] | Counter[K], limit: int
) -> tuple[tuple[K, int], ...]:
    return tuple(Counter(counts).most_common(limit))
