"""The state of the sample store in numbers, for its status page and metrics."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class MetricSize:
    """The share of one metric in the store."""

    metric: str
    series: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class WindowStats:
    """One window file."""

    name: str
    start_ms: int
    end_ms: int
    size_bytes: int
    samples: int


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The state of the store.

    Attributes:
        series: active series in the head.
        sources: sources with a head.
        layouts: distinct layouts in memory.
        head_samples, head_bytes: samples in memory that are not sealed yet, and their size.
        journal_bytes: size of the journal file.
        samples_total: samples appended since the start.
        oldest_ms, newest_ms: the first and last time stored, None while empty.
        windows: the window files, oldest first.
        metrics: the metrics with the most series, largest first.
        heaviest: the metrics with the most bytes on disk, largest first.
        dropped_vectors: scrapes and pushes that were dropped since the start, because the
            disk refused writes until the memory for them was full.
        failed_writes: writes that the disk refused since the start; each is retried.
        corrupt_items: chunks, journal rows and files found damaged since the start.
    """

    series: int
    sources: int
    layouts: int
    head_samples: int
    head_bytes: int
    journal_bytes: int
    samples_total: int
    oldest_ms: int | None
    newest_ms: int | None
    windows: tuple[WindowStats, ...] = ()
    metrics: tuple[MetricSize, ...] = field(default=())
    failed_writes: int = 0
    dropped_vectors: int = 0
    corrupt_items: int = 0
    heaviest: tuple[MetricSize, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Cardinality:
    """The label cardinality of the active series, as Prometheus's TSDB status reports it.

    Each list has the largest entry first.

    Attributes:
        series: active series in the head.
        label_pairs: distinct pairs of label name and value.
        chunks: chunks in memory.
        oldest_ms, newest_ms: the first and last time in memory, None while empty.
        series_by_metric: metric names with their number of series.
        values_by_label: label names with their number of values.
        bytes_by_label: label names with the total length of their values over all series.
        series_by_pair: `name=value` pairs with their number of series.
    """

    series: int
    label_pairs: int
    chunks: int
    oldest_ms: int | None
    newest_ms: int | None
    series_by_metric: tuple[tuple[str, int], ...] = ()
    values_by_label: tuple[tuple[str, int], ...] = ()
    bytes_by_label: tuple[tuple[str, int], ...] = ()
    series_by_pair: tuple[tuple[str, int], ...] = ()
