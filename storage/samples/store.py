"""The sample store: head, journal and windows behind `storage.api.samples`."""

import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from model.clock import Clock
from model.conditions import SAMPLES_DAMAGED, Conditions
from model.labels import Labels
from model.matchers import Matcher
from model.series import AlignedSeries
from storage.api.errors import CorruptDataError, StorageError, StoreClosedError
from storage.api.sample_stats import Cardinality, StoreStats
from storage.api.samples import LastVector, Layout, ReadBudget, SelectHints, Source, Vector
from storage.damage import FREE_SPACE, RESTORE
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.kinds import SourceKind
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.catalog.sources import Sources
from storage.samples.catalog.tables import CatalogRows, read_catalog
from storage.samples.deletion.masking import Erasure
from storage.samples.deletion.tombstones import TOMBSTONES, Tombstone, Tombstones
from storage.samples.head.heads import Heads
from storage.samples.head.recent import RecentWindow
from storage.samples.head.start_times import StartTimeAppender, check_starts
from storage.samples.journal.journal import Journal
from storage.samples.journal.replay import Replay
from storage.samples.reading.cardinality import cardinality
from storage.samples.reading.query import Query
from storage.samples.reading.read_threads import ReadThreads
from storage.samples.reading.settled_cache import SettledCache
from storage.samples.reading.start_times import LOOKBACK_MS
from storage.samples.reading.stats import store_stats
from storage.samples.settings import StoreSettings
from storage.samples.tools.backfilling.backfill import Backfill
from storage.samples.upkeep.compaction import Compactor
from storage.samples.upkeep.future import AHEAD_MS, FutureSamples
from storage.samples.upkeep.repair import replace_journal
from storage.samples.upkeep.retention import retain
from storage.samples.upkeep.sealing import Sealer
from storage.samples.windows.window_set import WindowSet
from storage.worker import Worker

log = structlog.get_logger(__name__)

# Maintenance runs at this interval, and merges at most this many batches each time, so that
# closed chunks do not wait long to be sealed.
_MAINTENANCE_INTERVAL_S = 5.0
_MERGE_STEPS = 20

# Decoding holds the GIL for a third of its time: more threads gain nothing.
_MOST_THREADS_A_READ = 3

# The head of a source that has appended nothing for this long is freed. If the source
# returns, its first vector must give every column.
_SILENCE_MS = 24 * 3_600_000

# The recent window of such a source holds samples from a little before that.
_RECENT_MS = 3_600_000

# Cached selectors are kept at least this long: dashboards and rules repeat theirs within
# a minute or two.
_AGE_INTERVAL_MS = 120_000


class SqliteSampleStore:
    """An `AmendingAppender` and `SampleReader` over the SQLite files in one directory.

    `journal.db` holds the journal and the catalog, `samples/` the window files. Call
    `append`, `amend` and `commit` on one thread, the event loop's; everything else on any.
    `future` is what a wrong clock stored later than now, `journal_writing_s` times a write.
    """

    def __init__(
        self,
        directory: Path,
        settings: StoreSettings | None = None,
        *,
        clock: Clock,
        conditions: Conditions | None = None,
    ) -> None:
        settings, conditions = settings or StoreSettings(), conditions or Conditions(clock)
        self._directory, self._clock, self._conditions = directory, clock, conditions
        self._chunk_age_ms = settings.chunk_age_ms
        self._retention_age_ms = settings.retention_age_ms
        self._retention_bytes = settings.retention_bytes
        self._head_bytes = settings.head_bytes
        self._metrics = MetricNames()
        self._sources = Sources()
        self._layouts = Layouts(Interner(), self._metrics)
        self._windows = WindowSet(directory / "samples", settings.window_ms, self._metrics)
        self._settled = SettledCache(settings.decoded_bytes)
        self._heads = Heads(
            self._windows.end_of,
            RecentWindow(settings.recent_bytes),
            self._settled.chunk_begins,
            settings.chunk_vectors,
            self._chunk_age_ms,
        )
        self._starts = StartTimeAppender(self._sources, self._heads)
        self._journal = Journal(
            directory / "journal.db", settings.commit_interval_ms / 1000, conditions
        )
        self.journal_writing_s = lambda: self._journal.writing_s
        self._sealer = Sealer(self._heads, self._windows, self._journal, conditions)
        self._tombstones = Tombstones(directory / TOMBSTONES)
        self._compactor = Compactor(
            self._windows, self._heads, self._layouts, self._erasure_in, self._chunk_age_ms
        )
        self._maintaining = threading.Lock()
        self.future = FutureSamples(
            *(self._heads, self._windows, self._journal, self._sealer, self._compactor),
            self._sources,
            self._maintaining,
            clock,
        )
        self._worker = Worker("samples", _MAINTENANCE_INTERVAL_S, self._work)
        self._threads = ReadThreads(min(os.cpu_count() or 1, _MOST_THREADS_A_READ))
        self._query = Query(
            *(self._heads, self._windows, self._sources, self._layouts, self._metrics),
            self._threads,
            self._settled,
            max(LOOKBACK_MS, self._chunk_age_ms),
            self._tombstones,
        )
        self._replay = Replay(self._journal, self._sources, self._layouts, self._heads)
        self._aged_ms = 0
        self._is_open = False

    def open(self, *, serving: bool = True) -> None:
        """Open or create the files and rebuild the heads; blocks.

        Without `serving`, as `backfill` and `compact` need it, the store starts no
        background work and refuses vectors.

        Raises:
            StorageError: the directory or the journal cannot be used.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._replay.corrupt_items += self._tombstones.open()
        if self._replay.corrupt_items:
            self._conditions.add(SAMPLES_DAMAGED, TOMBSTONES)
        self._windows.open()
        if self._windows.unreadable_files:
            self._conditions.add(SAMPLES_DAMAGED, f"{self._windows.unreadable_files} window files")
        for window in self._windows:
            self._register(window.take_catalog())
            self._heads.start_after(window.ends)
        self._open_journal()
        self._settled.advance(self._heads.first_ms)
        if serving:
            self._journal.start()
            self._worker.start()
            self._is_open = True

    def _register(self, catalog: CatalogRows) -> None:
        self._sources.reserve(catalog.lost_sources)
        self._layouts.reserve(catalog.lost_layouts)
        for source in catalog.sources:
            self._sources.register(source)
        self._layouts.register(catalog.digests)

    def _open_journal(self) -> None:
        try:
            self._journal.open()
            catalog = self._journal.read(read_catalog)
            self._register(catalog)
            if catalog.damaged_rows:
                file, rows = self._journal.path.name, catalog.damaged_rows
                self._replay.corrupt_items += rows
                log.warning("journal_rows_damaged", file=file, rows=rows, fix=RESTORE)
            self._replay.run()
        except CorruptDataError as exc:
            self._journal.is_damaged = True
            log.warning("journal_damaged", file="journal.db", error=str(exc), fix=RESTORE)
        if self._journal.is_damaged:
            self._replace_journal()

    def _replace_journal(self) -> None:
        replace_journal(self._journal, self._sealer, self._conditions)
        self._replay.corrupt_items += 1

    def stop_opening(self) -> None:
        """End a running `open` within moments; any thread. `open` raises StoreClosedError."""
        self._replay.stop()

    def close(self) -> None:
        """Commit all pending vectors, stop the background work and close the files; blocks."""
        self._is_open = False
        self._worker.stop()
        self._journal.close()
        self._threads.close()
        self._windows.close()

    def _work(self) -> None:
        self.maintain(self._clock(), _MERGE_STEPS, self.future.believed_ms())

    def maintain(
        self, now_ms: int, most_steps: int | None = None, retention_now_ms: int | None = None
    ) -> None:
        """Seal, merge and delete what is due; blocks. The store's own thread calls it.

        `most_steps` is the most batches to merge, each about 50 ms; the next call merges
        the rest. None merges all. Retention goes by `retention_now_ms`, if given.
        """
        with self._maintaining:
            if self._journal.is_damaged:
                self._replace_journal()
            self._heads.close_older_than(now_ms - self._chunk_age_ms)
            self.future.set_aside(now_ms)
            self._sealer.seal(now_ms)
            self._sealer.shed(self._head_bytes)
            self._heads.forget_silent(now_ms - _SILENCE_MS, now_ms + AHEAD_MS)
            self._compactor.run(now_ms, most_steps)
            kept_ms = now_ms if retention_now_ms is None else retention_now_ms
            if retain(self._windows, kept_ms, self._retention_age_ms, self._retention_bytes):
                self._settled.clear()
            self._settled.advance(self._heads.first_ms)
            self._forget_tombstones(now_ms)
            self._windows.release_old()
            if not 0 <= now_ms - self._aged_ms < _AGE_INTERVAL_MS:
                self._aged_ms = now_ms
                self._query.age()
            self._layouts.sweep()

    def delete_series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> None:
        """See `SampleRemover.delete_series`."""
        end_ms = min(end_ms, self._clock())
        if start_ms <= end_ms:
            self._tombstones.add([Tombstone(tuple(one), start_ms, end_ms) for one in selectors])

    def clean_tombstones(self) -> None:
        """See `SampleRemover.clean_tombstones`."""
        # Before the windows: chunks that are sealed meanwhile keep their tombstones.
        first_ms = self._heads.first_ms()
        done = [one for one in self._tombstones if one.end_ms < first_ms and not one.is_cleaned]
        for window in list(self._windows):
            with self._maintaining:
                if window in list(self._windows):
                    self._compactor.erase(window)
        self._settled.clear()
        self._tombstones.replace(done, [replace(one, is_cleaned=True) for one in done])

    def _erasure_in(self, start_ms: int, end_ms: int) -> Erasure:
        return Erasure(self._tombstones.overlapping(start_ms, end_ms), self._sources)

    def _forget_tombstones(self, now_ms: int) -> None:
        """Remove the tombstones whose samples are in no file and in no memory any more."""
        oldest_ms = min((window.start_ms for window in self._windows), default=now_ms)
        remembered_ms = now_ms - _SILENCE_MS - _RECENT_MS
        gone = [
            one
            for one in self._tombstones
            if (one.is_cleaned or one.end_ms < oldest_ms) and one.end_ms < remembered_ms
        ]
        try:
            self._tombstones.replace(gone)
        except StorageError as exc:
            log.warning("tombstones_not_written", error=str(exc), fix=FREE_SPACE)

    def backfill(self, now_ms: int) -> Backfill:
        """Return a `Backfill` for samples of the past; only while not serving; blocks.

        Raises:
            StorageError: the vectors in memory cannot be written.
        """
        self._seal_everything()
        return Backfill(self._directory, self._windows, self._sources, self._layouts, now_ms)

    def compact(self) -> None:
        """Seal all vectors and merge each window into one run; only while not serving; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        self._seal_everything()
        self._compactor.merge_all()
        self._journal.shrink()

    def _seal_everything(self) -> None:
        self._sealer.rescue()
        self._journal.truncate(self._journal.next_row)

    def source(self, labels: Labels, stream: str = "") -> Source:
        """See `SampleAppender.source`."""
        kind = SourceKind.of_stream(stream)
        if kind is not SourceKind.SAMPLES:
            raise ValueError(f"a stream name must not begin with {kind.value!r}: {stream!r}")
        return self._sources.of(labels, stream)

    def layout(self, series: Sequence[Labels], before: Layout | None = None) -> Layout:
        """See `SampleAppender.layout`."""
        return self._layouts.of(series, before)

    def append(self, source: Source, vector: Vector) -> None:
        """See `SampleAppender.append`."""
        if not self._is_open:
            raise StoreClosedError("the sample store is not open")
        layout = self._layouts.stored(vector.layout)
        if vector.starts is not None:
            check_starts(vector.starts, len(layout.series))
        appended = self._heads.append(source, vector, layout)
        if vector.starts is not None or appended.ordinal == 0:
            starts = self._starts.append(source, vector, layout)
            if starts is not None:
                self._journal.append(starts)
        self._journal.append(appended)

    def amend(self, source: Source, vector: Vector) -> None:
        """See `AmendingAppender.amend`."""
        if not self._is_open:
            raise StoreClosedError("the sample store is not open")
        layout = self._layouts.stored(vector.layout)
        if vector.starts is not None:
            check_starts(vector.starts, len(layout.series))
            # First, because it may be refused: then the samples are refused as well.
            starts = self._starts.append(source, vector, layout)
            if starts is not None:
                self._journal.append(starts)
        self._journal.append(self._heads.amend(source, vector, layout))

    def last_vector(self, source: Source) -> LastVector | None:
        """See `AmendingAppender.last_vector`."""
        last = self._heads.last_vector(source.id)
        return last and replace(last, starts_ms=self._starts.resume(source))

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
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        """See `SampleReader.select`."""
        return self._query.select(matchers, start_ms, end_ms, budget, starts=starts, hints=hints)

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """See `SampleReader.series`."""
        return self._query.series(selectors, start_ms, end_ms, limit)

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """See `SampleReader.label_names`."""
        return self._query.labels.label_names(selectors, start_ms, end_ms, limit)

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        """See `SampleReader.label_values`."""
        return self._query.labels.label_values(name, selectors, start_ms, end_ms, limit)

    def cardinality(self, limit: int) -> Cardinality:
        """Return the cardinality of the active series, `limit` entries of each list; blocks."""
        return cardinality(self._heads.visible(), limit)

    def release_caches(self) -> None:
        """Free the decoded samples, which later queries decode again; any thread."""
        self._settled.clear()

    def stats(self) -> StoreStats:
        """See `SampleReader.stats`."""
        return store_stats(
            self._heads,
            self._windows,
            self._metrics,
            self._journal.path,
            layouts=len(self._layouts),
            failed_writes=self._journal.failed_commits
            + self._sealer.failed_runs
            + self._compactor.failed_merges,
            dropped_vectors=self._sealer.dropped_vectors,
            corrupt_items=self._windows.damaged_items
            + self._replay.corrupt_items
            + self._compactor.corrupt_pieces
            + self._query.damaged_items,
        )
