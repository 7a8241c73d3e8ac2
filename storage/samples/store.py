"""The sample store: head, journal and windows behind `storage.api.samples`."""

from collections.abc import Sequence
from pathlib import Path

from model.clock import Clock
from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from storage.api.errors import StoreClosedError
from storage.api.samples import Layout, ReadBudget, Source, StoreStats, Vector
from storage.samples.catalog import Sources, read_digests, read_sources
from storage.samples.heads import Heads
from storage.samples.interning import Interner
from storage.samples.journal import Journal
from storage.samples.layouts import Layouts, MetricNames, StoredLayout
from storage.samples.query import Query
from storage.samples.replay import Replay
from storage.samples.sealing import Sealer
from storage.samples.settings import StoreSettings, milliseconds
from storage.samples.stats import store_stats
from storage.samples.window_set import WindowSet
from storage.samples.worker import Worker

# Closed chunks wait so long, in memory and in the journal, to be written together.
_SEALING_INTERVAL_S = 5.0


class SqliteSampleStore:
    """`SampleStore` in SQLite files below one directory.

    `journal.db` holds the journal and the catalog, `samples/` one file of chunks for
    each window of time. `append`, `source`, `layout` and `commit` are called on one
    thread, the event loop's; the reading half on any other.
    """

    def __init__(
        self, directory: Path, settings: StoreSettings | None = None, *, clock: Clock
    ) -> None:
        settings = settings or StoreSettings()
        self._directory, self._clock = directory, clock
        self._chunk_age_ms = milliseconds(settings.chunk_age)
        self._metrics = MetricNames()
        self._sources = Sources()
        self._layouts = Layouts(Interner(), self._metrics)
        self._windows = WindowSet(
            directory / "samples", milliseconds(settings.window), self._metrics
        )
        self._heads = Heads(self._windows, settings.chunk_vectors, self._chunk_age_ms)
        self._journal = Journal(directory / "journal.db", settings.commit_interval.total_seconds())
        self._sealer = Sealer(self._heads, self._windows, self._journal)
        self._worker = Worker("samples", _SEALING_INTERVAL_S, self._work)
        self._query = Query(self._heads, self._windows, self._sources, self._layouts, self._metrics)
        self._replay = Replay(self._journal, self._sources, self._layouts, self._heads)
        self._is_open = False

    def open(self) -> None:
        """Open the files, made where missing, and rebuild the head; blocks.

        Raises:
            StorageError: the directory or the journal cannot be used.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._windows.open()
        self._journal.open()
        for source in self._journal.read(read_sources):
            self._sources.know(source)
        for layout_id, digest in self._journal.read(read_digests):
            self._layouts.know(layout_id, digest)
        for window in self._windows:
            for source in window.sources:
                self._sources.know(source)
            for layout_id, digest in window.digests:
                self._layouts.know(layout_id, digest)
            self._heads.start_after(window.ends)
        self._replay.run()
        self._journal.start()
        self._worker.start()
        self._is_open = True

    def close(self) -> None:
        """Commit what is pending, end the background work and close the files; blocks."""
        self._is_open = False
        self._worker.stop()
        self._journal.close()
        self._windows.close()

    def _work(self) -> None:
        self.maintain(self._clock())

    def maintain(self, now_ms: int) -> None:
        """Do the background work that is due; blocks. The store's own thread calls it."""
        self._heads.close_older_than(now_ms - self._chunk_age_ms)
        self._sealer.seal()
        self._layouts.sweep()

    def source(self, labels: Labels, stream: str = "") -> Source:
        """See `SampleAppender.source`."""
        return self._sources.of(labels, stream)

    def layout(self, series: Sequence[Labels]) -> Layout:
        """See `SampleAppender.layout`."""
        return self._layouts.of(series)

    def append(self, source: Source, vector: Vector) -> None:
        """See `SampleAppender.append`."""
        if not self._is_open:
            raise StoreClosedError("the sample store is not open")
        layout = vector.layout
        if not isinstance(layout, StoredLayout):
            layout = self._layouts.of(layout.series)
        self._journal.append(self._heads.append(source, vector, layout))

    async def commit(self) -> None:
        """See `SampleAppender.commit`."""
        if not self._is_open:
            raise StoreClosedError("the sample store is not open")
        await self._journal.commit()

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
    ) -> list[AlignedSeries]:
        """See `SampleReader.select`."""
        return self._query.select(matchers, start_ms, end_ms, budget)

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """See `SampleReader.series`."""
        return self._query.series(selectors, start_ms, end_ms, limit)

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """See `SampleReader.label_names`."""
        return self._query.label_names(selectors, start_ms, end_ms, limit)

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        """See `SampleReader.label_values`."""
        return self._query.label_values(name, selectors, start_ms, end_ms, limit)

    def stats(self) -> StoreStats:
        """See `SampleReader.stats`."""
        return store_stats(
            self._heads,
            self._windows,
            self._metrics,
            self._journal.path,
            layouts=len(self._layouts),
            failed_writes=self._journal.failed_commits + self._sealer.failed_runs,
            corrupt_items=self._windows.unreadable_files
            + self._replay.corrupt_items
            + self._query.corrupt_chunks,
        )
