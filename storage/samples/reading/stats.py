"""The state of the store in numbers, counted on request."""

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.series import ABSENT_BITS
from storage.api.sample_stats import MetricSize, StoreStats, WindowStats
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.head.heads import Heads
from storage.samples.head.source_head import SourceHead
from storage.samples.windows.window_set import WindowSet

_LARGEST_METRICS = 100


def active_by_metric(heads: Heads, metrics: MetricNames) -> Counter[int]:
    """Return the number of series that have a value now, by metric code."""
    counts = np.zeros(len(metrics), np.intp)
    for head in heads.visible():
        codes = _active_codes(head)
        if len(codes):
            found = np.bincount(codes)
            # A metric name may have been added since the counting began.
            counts.resize(max(len(counts), len(found)), refcheck=False)
            counts[: len(found)] += found
    present = np.flatnonzero(counts)
    return Counter(dict(zip(present.tolist(), counts[present].tolist(), strict=True)))


def _active_codes(head: SourceHead) -> NDArray[np.int32]:
    # Another thread may be extending layout and values: take the columns that both have.
    last, codes = head.last.view(np.uint64), head.layout.codes
    count = min(len(last), len(codes))
    active: NDArray[np.int32] = codes[:count][last[:count] != ABSENT_BITS]
    return active


def store_stats(
    heads: Heads,
    windows: WindowSet,
    metrics: MetricNames,
    journal: Path,
    *,
    layouts: int,
    failed_writes: int,
    dropped_vectors: int,
    corrupt_items: int,
) -> StoreStats:
    """Return the current state of the store; blocks while it reads file sizes."""
    chunks = [chunk for head in heads for chunk in head.chunks_in_memory()]
    visible = heads.visible()
    series = active_by_metric(heads, metrics)
    sizes: Counter[int] = Counter()
    for window in windows:
        sizes.update(window.metric_bytes)
    starts = [chunk.times_ms[0] for chunk in chunks]
    starts += [span.start_ms for window in windows for span in window.spans.values()]
    ends = [chunk.times_ms[-1] for chunk in chunks]
    ends += [span.end_ms for window in windows for span in window.spans.values()]
    codes = set(series) | set(sizes)
    largest = sorted(codes, key=lambda code: (-series[code], -sizes[code]))
    heaviest = sorted(codes, key=lambda code: (-sizes[code], -series[code]))

    def named(some: list[int]) -> tuple[MetricSize, ...]:
        some = some[:_LARGEST_METRICS]
        return tuple(MetricSize(metrics.name(code), series[code], sizes[code]) for code in some)

    return StoreStats(
        series=series.total(),
        sources=len(visible),
        layouts=layouts,
        head_samples=sum(
            len(chunk.times_ms) * len(chunk.layout.series)
            for head in visible
            for chunk in head.chunks_in_memory()
        ),
        head_bytes=sum(chunk.size_bytes for chunk in chunks),
        journal_bytes=_size(journal) + _size(journal.with_name(journal.name + "-wal")),
        samples_total=heads.samples_total,
        oldest_ms=min(starts, default=None),
        newest_ms=max(ends, default=None),
        windows=tuple(
            WindowStats(
                window.path.name, window.start_ms, window.end_ms, window.size_bytes, window.samples
            )
            for window in windows
        ),
        metrics=named(largest),
        heaviest=named(heaviest),
        failed_writes=failed_writes,
        dropped_vectors=dropped_vectors,
        corrupt_items=corrupt_items,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
