"""Replay: rebuilds the heads from the journal when the store opens."""

import structlog

from storage.api.errors import CorruptDataError
from storage.damage import RESTORE
from storage.samples.catalog.layouts import Layouts, StoredLayout
from storage.samples.catalog.sources import Sources
from storage.samples.head.heads import Heads
from storage.samples.journal.file import JournalFile
from storage.samples.journal.format import decode_records

log = structlog.get_logger(__name__)


class Replay:
    """Restores every committed vector that is in no window file; skips damaged ones."""

    def __init__(
        self, journal: JournalFile, sources: Sources, layouts: Layouts, heads: Heads
    ) -> None:
        self._journal, self._sources = journal, sources
        self._layouts, self._heads = layouts, heads
        # Keeps the layouts in memory until the replay ends.
        self._loaded: dict[int, StoredLayout | None] = {}
        self.vectors = 0
        self.lost_vectors = 0
        self.corrupt_items = 0

    def run(self) -> None:
        """Read the whole journal; blocks.

        Raises:
            CorruptDataError: the journal cannot be read at all.
        """
        for row, data in self._journal.rows():
            self._read_row(row, data)
        if self.lost_vectors:
            log.warning(
                "journal_vectors_lost",
                file=self._journal.path.name,
                vectors=self.lost_vectors,
                corrupt_rows=self.corrupt_items,
                fix=RESTORE,
            )

    def _read_row(self, row: int, data: bytes) -> None:
        try:
            for record in decode_records(data):
                source = self._sources.get(record.source_id)
                layout = self._layout(record.layout_id)
                if source is None or layout is None:
                    self.lost_vectors += 1
                elif self._heads.restore(source, layout, record, row):
                    self.vectors += 1
                else:
                    self.lost_vectors += 1
        except CorruptDataError as exc:
            self.corrupt_items += 1
            file = self._journal.path.name
            log.warning("journal_row_corrupt", file=file, row=row, error=str(exc), fix=RESTORE)

    def _layout(self, layout_id: int) -> StoredLayout | None:
        if layout_id not in self._loaded:
            try:
                self._loaded[layout_id] = self._layouts.get(layout_id, self._journal.series_of)
            except CorruptDataError as exc:
                self._loaded[layout_id] = None
                self.corrupt_items += 1
                log.warning(
                    "journal_layout_lost",
                    file=self._journal.path.name,
                    layout=layout_id,
                    error=str(exc),
                    fix=RESTORE,
                )
        return self._loaded[layout_id]
