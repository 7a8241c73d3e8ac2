"""Samples: sources append vectors, readers select aligned series.

A *source* is whatever appends aligned vectors: a scrape target, a pushing device, a
remote-write sender, a rule group. Its *layout* is the ordered list of series it
yields; a *vector* is one scrape of it. Layouts are hash-consed, so that 400 hosts
with the same exporter share one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries


@dataclass(frozen=True, slots=True)
class Source:
    """Who appends.

    Attributes:
        id: the store's number for it, stable across restarts.
        labels: the target's own labels, laid under those of each series.
        stream: tells sources with equal labels apart, "" for the usual one.
    """

    id: int
    labels: Labels
    stream: str = ""

    def __str__(self) -> str:
        """Render for messages: the labels, and the stream where it has a name."""
        return f"{self.labels}/{self.stream}" if self.stream else str(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What one vector's columns are; made by `SampleStore.layout`, compared by identity.

    Attributes:
        id: the store's number for it, stable across restarts.
        series: for each column its labels, `__name__` among them and the source's
            own labels not. A label here wins over the source's label of that name.
    """

    id: int
    series: tuple[Labels, ...]


ELSEWHERE = -(2**63)
"""Instead of a start time: another source has the series now."""


@dataclass(frozen=True, slots=True, eq=False)
class StartTimes:
    """Since when series have counted (OpenMetrics `_created`), as what changed.

    Attributes:
        columns: shape (C,), uint32, ascending; None if `times_ms` gives every column.
        times_ms: shape (C,) or (len(layout.series),), int64, 0 where it is unknown,
            ELSEWHERE where another source of the same labels has the series now, and
            what that says counts.
    """

    columns: NDArray[np.uint32] | None
    times_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """One scrape of one source, as what changed since the vector before it.

    Attributes:
        time_ms: when, Unix milliseconds.
        layout: what the columns are. It may be the last vector's layout, one that
            extends it at its end, or any other if `columns` is None.
        columns: shape (C,), uint32, ascending, the columns whose values are given;
            None if `values` gives every column.
        values: shape (C,) or (len(layout.series),). A column not given keeps its
            value; STALE ends a series, and it stays ended until given a value again;
            ABSENT suspends one without a mark: it has no sample until given a value
            again. New columns of an extended layout that are not given are ABSENT.
        starts: start times that changed; None where none did. A column keeps its own
            until given another, also while its series is ended; all are unknown when
            a layout was replaced.
    """

    time_ms: int
    layout: Layout
    columns: NDArray[np.uint32] | None
    values: NDArray[np.float64]
    starts: StartTimes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LastVector:
    """What a source's series were last.

    Attributes:
        time_ms: when, Unix milliseconds.
        layout: what the columns are.
        values: shape (len(layout.series),), ABSENT for a series without a sample then,
            and for one that ended then.
        starts_ms: shape (len(layout.series),), the start times, which stay, 0 where
            unknown; None if all are.
    """

    time_ms: int
    layout: Layout
    values: NDArray[np.float64]
    starts_ms: NDArray[np.int64] | None = None


class ReadBudget(Protocol):
    """Bounds a read: the engine's query limits, seen from the store."""

    def spend(self, samples: int) -> None:
        """Count samples about to be decoded; raise to stop the read.

        Called often (each chunk), so that a time-out or a vanished client ends the
        work within milliseconds. What it raises passes through the store unchanged.
        """

    def check(self) -> None:
        """Raise to stop the read; let others go on for a moment. Any thread."""

    def expect_wait(self) -> None:
        """Be told that a read from disk or a look through new labels comes next.

        Either may take long. Raise to stop the read.
        """


@dataclass(frozen=True, slots=True)
class MetricSize:
    """One metric's share of the store."""

    metric: str
    series: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class WindowStats:
    """One file of chunks."""

    name: str
    start_ms: int
    end_ms: int
    size_bytes: int
    samples: int


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The store's own state, for its status page and metrics.

    Attributes:
        series: active series in the head.
        sources: sources with a head.
        layouts: distinct layouts in memory.
        head_samples, head_bytes: what waits in memory to be sealed.
        journal_bytes: size of the journal file.
        samples_total: samples appended since the start.
        oldest_ms, newest_ms: the range of time held, None while empty.
        windows: oldest first.
        metrics: the largest by series, first.
        heaviest: the largest by bytes on disk, first.
        failed_writes: writes the disk refused since the start; they are tried again.
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
    corrupt_items: int = 0
    heaviest: tuple[MetricSize, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Cardinality:
    """What the active series are made of; each list is the largest first.

    Attributes:
        series: active series in the head.
        label_pairs: distinct pairs of label name and value among them.
        chunks: chunks in memory.
        oldest_ms, newest_ms: the range of time in memory, None while empty.
        series_by_metric: metric names with their series.
        values_by_label: label names with how many values they have.
        bytes_by_label: label names with the length of their values, over all series.
        series_by_pair: `name=value` with the series that have it.
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


class SampleAppender(Protocol):
    """The writing half of the sample store; called on the event loop."""

    def source(self, labels: Labels, stream: str = "") -> Source:
        """Return the source with these labels, made known on first use; any thread."""

    def layout(self, series: Sequence[Labels]) -> Layout:
        """Return the one layout with these series in this order.

        May be called on any thread: a new one of a hundred thousand series takes half
        a second.
        """

    def append(self, source: Source, vector: Vector) -> None:
        """Take a vector into the head and hand it to the journal.

        It is readable at once and durable within a second; `commit` waits for that.
        The arrays are the store's from now on: the caller must not change them. A
        source's first vector after the store was opened, or after a day of silence,
        gives every column, and every start time if it knows any.

        Raises:
            OutOfOrderError: it is not newer than the source's last vector.
            ValueError: layout, columns and values (or start times) do not fit together.
            StoreClosedError: the store is not open.
        """

    async def commit(self) -> None:
        """Return when everything appended before the call is durable.

        Raises:
            StorageError: the disk refused it (full, read-only); it stays in memory
                and is tried again with the next commit.
        """


class AmendingAppender(SampleAppender, Protocol):
    """For senders whose vectors come in parts: remote write cuts scrapes anywhere."""

    def amend(self, source: Source, vector: Vector) -> None:
        """Put values into a source's last vector, as if it had been appended with them.

        `vector` has the last vector's time, and the columns that are given; a layout
        that extends the last one brings new ones. Of a column that had a sample
        already the new value counts. Start times count as those of an appended vector.

        Raises:
            OutOfOrderError: the last vector has another time, or cannot be changed any
                more because it is about to be written to disk.
            ValueError: layout, columns and values do not fit together.
            StoreClosedError: the store is not open.
        """

    def last_vector(self, source: Source) -> LastVector | None:
        """Return a source's last vector, None where the store holds none in memory.

        A sender goes on with it after a restart.
        """


class SampleReader(Protocol):
    """The reading half of the sample store; blocking, thread-safe: call it in a thread."""

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
    ) -> list[AlignedSeries]:
        """Return every matching series with its samples in the range, ends included.

        Each label set occurs once; staleness markers are kept; series without a
        sample in the range are left out. There may be a few samples just outside of
        the range. The arrays are not the caller's: others read them too. `starts`
        asks for `AlignedSeries.starts_ms`, where any are known.
        """

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """Return the label sets that match any selector, sorted; limit 0 means all.

        The range is honoured to the chunk: a series may be listed that has samples
        only just outside of it.
        """

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """Return the sorted label names of matching series; no selector means all series."""

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        """Return the sorted values of one label among matching series."""

    def stats(self) -> StoreStats:
        """Return the store's state now."""


class SampleStore(AmendingAppender, SampleReader, Protocol):
    """Both halves."""


def column_array(columns: Iterable[int]) -> NDArray[np.uint32]:
    """Return `columns` in the type a `Vector` takes."""
    return np.fromiter(columns, dtype=np.uint32)
