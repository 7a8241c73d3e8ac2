"""A snapshot of the store's files, read while a server may be writing them."""

from pathlib import Path

import structlog

from storage.api.errors import CorruptDataError
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.catalog.sources import Sources
from storage.samples.catalog.tables import CatalogRows, read_catalog
from storage.samples.deletion.tombstones import TOMBSTONES, Tombstones
from storage.samples.head.heads import Heads
from storage.samples.head.recent import RecentWindow
from storage.samples.journal.file import JournalSnapshot
from storage.samples.journal.replay import Replay
from storage.samples.reading.query import Query
from storage.samples.reading.read_threads import ReadThreads
from storage.samples.settings import StoreSettings
from storage.samples.windows.window_set import WindowSet

log = structlog.get_logger(__name__)


class StoreSnapshot:
    """Reads all samples that were committed when it was opened, and changes nothing.

    Attributes:
        query: selects samples and labels.
    """

    def __init__(self, directory: Path) -> None:
        settings = StoreSettings()
        self._journal = JournalSnapshot(directory / "journal.db")
        self._metrics = MetricNames()
        self._sources = Sources()
        self._layouts = Layouts(Interner(), self._metrics)
        self._windows = WindowSet(directory / "samples", settings.window_ms, self._metrics)
        self._heads = Heads(
            self._windows.end_of,
            RecentWindow(0),
            lambda _time_ms: None,
            settings.chunk_vectors,
            settings.chunk_age_ms,
        )
        # One thread: commands read the samples in order.
        self._threads = ReadThreads(1)
        self._tombstones = Tombstones(directory / TOMBSTONES)
        self.query = Query(
            self._heads,
            self._windows,
            self._sources,
            self._layouts,
            self._metrics,
            self._threads,
            tombstones=self._tombstones,
        )
        self._damaged_rows = 0

    @property
    def damaged_items(self) -> int:
        """The number of rows, chunks and files that could not be read so far."""
        return self._damaged_rows + self._windows.damaged_items + self.query.damaged_items

    def open(self) -> None:
        """Read journal and catalogs; blocks.

        Raises:
            StorageError: a file cannot be read.
        """
        self._damaged_rows += self._tombstones.open(read_only=True)
        # The journal first: a chunk that is sealed meanwhile is found in both and counts once.
        if self._journal.path.exists():
            try:
                self._journal.run(self._replay)
            except CorruptDataError as exc:
                self._damaged_rows += 1
                log.warning("journal_damaged", file=self._journal.path.name, error=str(exc))
        self._damaged_rows += self._journal.is_damaged
        self._windows.open_read_only()
        for window in self._windows:
            self._register(window.take_catalog())

    def _replay(self) -> None:
        catalog = self._journal.read(read_catalog)
        self._damaged_rows += catalog.damaged_rows
        self._register(catalog)
        replay = Replay(self._journal, self._sources, self._layouts, self._heads)
        replay.run()
        self._damaged_rows += replay.corrupt_items

    def _register(self, catalog: CatalogRows) -> None:
        for source in catalog.sources:
            self._sources.register(source)
        self._layouts.register(catalog.digests)

    def close(self) -> None:
        """Close the files; blocks."""
        self._threads.close()
        self._windows.close()
