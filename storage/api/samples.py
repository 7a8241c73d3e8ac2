"""Samples: sources append vectors, readers select aligned series.

A *source* is whatever appends vectors: a scrape target, a pushing device, a remote-write
sender, a rule group. Its *layout* is the ordered list of its series; a *vector* is one
scrape of it. Equal layouts are one object, so 400 hosts with the same exporter share one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from storage.api.sample_stats import StoreStats


@dataclass(frozen=True, slots=True)
class Source:
    """A sender of vectors, such as a scrape target.

    Attributes:
        id: the store's number for it, stable across restarts.
        labels: the target's own labels; each series adds its labels on top.
        stream: distinguishes sources with equal labels; "" for most.
    """

    id: int
    labels: Labels
    stream: str = ""

    def __str__(self) -> str:
        """Render for messages: the labels, and the stream unless it is ""."""
        return f"{self.labels}/{self.stream}" if self.stream else str(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The series of a vector's columns; made by `SampleAppender.layout`, compared by identity.

    Attributes:
        id: the store's number for it, stable across restarts.
        series: the labels of each column, `__name__` included, the source's own labels
            excluded. A label here overrides the source's label of that name.
    """

    id: int
    series: tuple[Labels, ...]


ELSEWHERE = -(2**63)
"""Stands in for a start time: another source has the series now."""


@dataclass(frozen=True, slots=True, eq=False)
class StartTimes:
    """The start times of counters (OpenMetrics `_created`) that changed with a vector.

    Attributes:
        columns: shape (C,), uint32, ascending; None if `times_ms` gives every column.
        times_ms: shape (C,) or (len(layout.series),), int64; 0 where unknown, ELSEWHERE
            where another source with the same labels has the series and its start time now.
    """

    columns: NDArray[np.uint32] | None
    times_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """One scrape of one source, as the changes since the vector before it.

    Attributes:
        time_ms: Unix milliseconds.
        layout: the series of the columns: the last vector's layout, one that appends
            columns to it, or any other if `columns` is None.
        columns: shape (C,), uint32, ascending, the columns that `values` gives; None if
            it gives all.
        values: shape (C,) or (len(layout.series),). A column that is not given keeps its
            value. STALE ends a series with a staleness marker, ABSENT without one; both
            last until the column gets a value again. A new column that is not given is
            ABSENT.
        starts: the start times that changed, None if none did. A column keeps its start
            time until it gets another one, even after its series has ended. A layout that
            does not extend the last one resets all to unknown.
    """

    time_ms: int
    layout: Layout
    columns: NDArray[np.uint32] | None
    values: NDArray[np.float64]
    starts: StartTimes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LastVector:
    """The last vector of a source, with all columns.

    Attributes:
        time_ms: Unix milliseconds.
        layout: the series of the columns.
        values: shape (len(layout.series),), ABSENT for a series that has no sample in the
            vector or ends with it.
        starts_ms: shape (len(layout.series),), the start times, 0 where unknown; None if
            all are unknown.
    """

    time_ms: int
    layout: Layout
    values: NDArray[np.float64]
    starts_ms: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectHints:
    """How a query will use the series that it selects, as Prometheus's `SelectHints`.

    A store may read or send less because of a hint, but the query's result must stay the
    same. `SqliteSampleStore` heeds `newest`; a remote store can evaluate the function or
    the aggregation itself.

    Attributes:
        step_ms: the interval between two evaluation steps, 0 for an instant query.
        range_ms: the length of a range selector, 0 for an instant selector.
        function: the function or aggregation that the selector is an argument of, "" if it
            is none.
        grouping: the labels of the aggregation over the selector or over `function`.
        by: whether `grouping` lists the labels to keep (`by`) or to drop (`without`).
        newest: whether only the newest sample of each series in the range is used.
    """

    step_ms: int = 0
    range_ms: int = 0
    function: str = ""
    grouping: tuple[str, ...] = ()
    by: bool = False
    newest: bool = False


class ReadBudget(Protocol):
    """The query limits of the engine, as the store checks them while it reads."""

    def spend(self, samples: int) -> None:
        """Count samples before they are decoded; raise to stop the read.

        The store calls it for each chunk, so that a timeout or a disconnected client stops
        the read within milliseconds. The store does not catch the exception.
        """

    def check(self) -> None:
        """Give way to other threads; raise to stop the read. Called on any thread."""


class SampleAppender(Protocol):
    """The writing half of the sample store; called on the event loop."""

    def source(self, labels: Labels, stream: str = "") -> Source:
        """Return the source with these labels; create it on first use. Any thread."""

    def layout(self, series: Sequence[Labels], before: Layout | None = None) -> Layout:
        """Return the one layout with these series in this order.

        May be called on any thread: a new layout of 100,000 series takes half a second.
        If it extends the layout `before`, only the series that it adds take time.
        """

    def append(self, source: Source, vector: Vector) -> None:
        """Add a vector to the head and to the journal's queue.

        It is readable at once and durable within a second; `commit` waits for that. The
        caller must not change the arrays any more. The first vector of a source after the
        store was opened, or after a day without vectors, must give every column, and every
        start time if any is known.

        Raises:
            OutOfOrderError: it is not newer than the source's last vector.
            ValueError: layout, columns and values (or start times) do not fit together.
            StoreClosedError: the store is not open.
        """

    async def commit(self) -> None:
        """Return once everything appended before the call is durable.

        Raises:
            StorageError: the disk refused the write (full, read-only); the vectors stay in
                memory and the next commit retries them.
        """


class AmendingAppender(SampleAppender, Protocol):
    """An appender for vectors that arrive in parts: remote write cuts scrapes anywhere."""

    def amend(self, source: Source, vector: Vector) -> None:
        """Merge values into the last vector of a source, as if it had been appended with them.

        `vector` has the time of the last vector and names its columns; a layout that
        extends the last one adds columns. A new value replaces a sample that is there
        already. Start times work as in `append`.

        Raises:
            OutOfOrderError: the last vector has another time, or its chunk is closed and
                about to be written to disk.
            ValueError: layout, columns and values do not fit together.
            StoreClosedError: the store is not open.
        """

    def last_vector(self, source: Source) -> LastVector | None:
        """Return the last vector of a source, None if the store has none in memory.

        Ingestion continues from it after a restart.
        """


class SampleRemover(Protocol):
    """Deletes samples; it blocks, and any thread may call it."""

    def delete_series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> None:
        """Delete the samples of series that match any selector, ends of the range included.

        Readers do not see them any more, also after a crash; they leave the disk when
        their files are merged or cleaned. Samples later than now are kept.

        Raises:
            StorageError: the disk refused the write, or there are too many deletions.
        """

    def clean_tombstones(self) -> None:
        """Remove deleted samples from the disk, but those that are not sealed into files yet.

        Raises:
            StorageError: the disk refused the write.
        """


class SampleAdministration(SampleRemover, Protocol):
    """Deletes samples and copies the store; it blocks, and any thread may call it."""

    def snapshot(self, *, skip_head: bool) -> str:
        """Copy all samples into a new directory beside the store, and return its name.

        `skip_head` leaves out those that are not sealed into files yet.

        Raises:
            StorageError: a file cannot be read, or the disk refused the write.
        """


class SampleReader(Protocol):
    """The reading half of the sample store; it blocks, and any thread may call it."""

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        """Return every matching series with its samples in the range, ends included.

        Each label set occurs once. Staleness markers are kept. Series without a sample in
        the range are left out; a few samples just outside the range may be included. The
        caller must not change the arrays, because other readers share them.

        Args:
            matchers: the conditions on the label sets.
            start_ms: the first time of the range.
            end_ms: the last time of the range.
            budget: limits the read; None for no limit.
            starts: whether to return `AlignedSeries.starts_ms` if any are known.
            hints: how the result will be used.
        """

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """Return the label sets that match any selector, sorted; limit 0 means all.

        The range is checked by chunk: a series may be listed whose samples are all just
        outside the range.
        """

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """Return the sorted label names of matching series; without a selector, of all."""

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        """Return the sorted values of one label in the matching series."""

    def stats(self) -> StoreStats:
        """Return the current state of the store."""
