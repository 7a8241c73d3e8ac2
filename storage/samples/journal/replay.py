"""Replay: rebuilds the heads from the journal when the store opens."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

import structlog

from storage.api.errors import CorruptDataError, StoreClosedError
from storage.damage import RESTORE
from storage.samples.catalog.layouts import Layouts, StoredLayout
from storage.samples.catalog.sources import Sources
from storage.samples.catalog.tables import read_layout
from storage.samples.head.heads import Heads
from storage.samples.head.journal_records import JournalRecord
from storage.samples.journal.file import JournalFile
from storage.samples.journal.format import decode_records

log = structlog.get_logger(__name__)

# Layouts are read together, because each read waits for the thread that owns the file
# (100 us). A vector's layout may have many series, so there must not be too many.
_LAYOUTS_READ_AT_ONCE = 256


class Replay:
    """Restores every committed vector that is in no window file; skips damaged ones.

    In memory stay the heads with their last layouts, and the layouts of some hundred
    vectors: an earlier layout of a source that has grown is freed when it is passed.
    """

    def __init__(
        self, journal: JournalFile, sources: Sources, layouts: Layouts, heads: Heads
    ) -> None:
        self._journal, self._sources = journal, sources
        self._layouts, self._heads = layouts, heads
        self._lost: set[int] = set()
        self._stopped = threading.Event()
        self.vectors = 0
        self.lost_vectors = 0
        self.corrupt_items = 0

    def stop(self) -> None:
        """End a running replay within moments; any thread. The files are not changed."""
        self._stopped.set()

    def run(self) -> None:
        """Read the whole journal; blocks.

        Raises:
            CorruptDataError: the journal cannot be read at all.
            StoreClosedError: `stop` was called.
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
            for records in _parts(decode_records(data)):
                self._restore(records, row)
        except CorruptDataError as exc:
            self.corrupt_items += 1
            file = self._journal.path.name
            log.warning("journal_row_corrupt", file=file, row=row, error=str(exc), fix=RESTORE)

    def _restore(self, records: Sequence[JournalRecord], row: int) -> None:
        layouts = self._layouts_of(records)
        for record in records:
            source = self._sources.get(record.source_id)
            layout = layouts.get(record.layout_id)
            if source is None or layout is None:
                self.lost_vectors += 1
            elif self._heads.restore(source, layout, record, row):
                self.vectors += 1
            else:
                self.lost_vectors += 1

    def _layouts_of(self, records: Sequence[JournalRecord]) -> dict[int, StoredLayout]:
        """Return the layouts of some records by number, without those that are lost."""
        wanted = sorted({record.layout_id for record in records} - self._lost)
        known = {one: self._layouts.loaded(one) for one in wanted}
        found = {one: layout for one, layout in known.items() if layout is not None}
        missing = [one for one in wanted if one not in found]
        if missing:
            # If SQLite finds a damaged page, every layout is read on its own below.
            with suppress(CorruptDataError):
                self._journal.read(partial(self._load, missing, found))
        for layout_id in missing:
            if layout_id not in found:
                self._load_or_lose(layout_id, found)
        self._check()
        return found

    def _load(
        self,
        layout_ids: Sequence[int],
        found: dict[int, StoredLayout],
        connection: sqlite3.Connection,
    ) -> None:
        # The rows of layouts that this one extends are not decoded again.
        load = partial(read_layout, connection, loaded=self._layouts.loaded)
        for layout_id in layout_ids:
            self._check()
            found[layout_id] = self._layouts.get_once(layout_id, load)

    def _load_or_lose(self, layout_id: int, found: dict[int, StoredLayout]) -> None:
        try:
            self._journal.read(partial(self._load, [layout_id], found))
        except CorruptDataError as exc:
            self._lost.add(layout_id)
            self.corrupt_items += 1
            log.warning(
                "journal_layout_lost",
                file=self._journal.path.name,
                layout=layout_id,
                error=str(exc),
                fix=RESTORE,
            )

    def _check(self) -> None:
        if self._stopped.is_set():
            raise StoreClosedError("the start of the sample store was stopped")


def _parts(records: Iterator[JournalRecord]) -> Iterator[Sequence[JournalRecord]]:
    """Yield the records of a row in parts that use a bounded number of layouts."""
    part: list[JournalRecord] = []
    layouts: set[int] = set()
    for record in records:
        layouts.add(record.layout_id)
        part.append(record)
        if len(layouts) >= _LAYOUTS_READ_AT_ONCE:
            yield part
            part, layouts = [], set()
    if part:
        yield part
