"""Sealing: encodes and writes closed chunks, then deletes their journal rows.

The order matters: after a crash in between, the journal still has vectors that a chunk
holds, and replay skips them.
"""

from collections import defaultdict
from collections.abc import Sequence

import structlog

from model.conditions import CHUNKS_UNWRITABLE, SAMPLES_DROPPED, Conditions
from model.series import NO_TIME
from storage.api.errors import StorageError
from storage.damage import FREE_SPACE
from storage.samples.head.heads import Heads
from storage.samples.head.open_chunk import OpenChunk
from storage.samples.journal.journal import Journal
from storage.samples.windows.chunks import EncodedChunk, encode_chunk
from storage.samples.windows.window import Window
from storage.samples.windows.window_set import WindowSet

log = structlog.get_logger(__name__)

# A run stores the chunks of one metric together, so large runs are faster to read. 64 chunks
# of 500 series take about 2.5 MB.
_RUN_CHUNKS = 64
# Closed chunks therefore wait until there are this many, but not longer than this.
_WORTH_A_RUN = 32
_LONGEST_WAIT_MS = 60_000


class Sealer:
    """Writes closed chunks to window files; used by one thread."""

    def __init__(
        self, heads: Heads, windows: WindowSet, journal: Journal, conditions: Conditions
    ) -> None:
        self._heads, self._windows, self._journal = heads, windows, journal
        self._conditions = conditions
        self._failing = False
        self.failed_runs = 0
        self.dropped_vectors = 0

    def seal(self, now_ms: int) -> None:
        """Write the closed chunks if there are enough, and truncate the journal; blocks.

        Chunks that the disk refuses stay in memory until the next call.
        """
        chunks = self._heads.closed()
        waiting_ms = now_ms - min((chunk.times_ms[-1] for chunk in chunks), default=now_ms)
        if len(chunks) < _WORTH_A_RUN and waiting_ms < _LONGEST_WAIT_MS:
            return
        try:
            self._write_all(chunks)
            self._journal.truncate(self._heads.first_row(self._journal.next_row))
        except StorageError as exc:
            self.failed_runs += 1
            self._conditions.set(CHUNKS_UNWRITABLE, str(exc))
            if not self._failing:
                log.warning(
                    "sealing_failed", error=str(exc), waiting_chunks=len(chunks), fix=FREE_SPACE
                )
            self._failing = True
            return
        if self._failing:
            log.info("sealing_again")
            self._conditions.clear(CHUNKS_UNWRITABLE)
            self._conditions.clear(SAMPLES_DROPPED)
        self._failing = False

    def shed(self, most_bytes: int) -> None:
        """Drop the oldest closed chunks beyond `most_bytes`, which wait for the disk."""
        vectors = self._heads.shed(most_bytes)
        if vectors:
            self.dropped_vectors += vectors
            self._conditions.set(SAMPLES_DROPPED, f"{self.dropped_vectors} scrapes or pushes ")

    def rescue(self) -> None:
        """Write all vectors in memory and leave the journal alone; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        self._heads.close_older_than(NO_TIME)
        self._write_all(self._heads.closed())

    def _write_all(self, chunks: Sequence[OpenChunk]) -> None:
        for at in range(0, len(chunks), _RUN_CHUNKS):
            self._write(chunks[at : at + _RUN_CHUNKS])

    def _write(self, chunks: Sequence[OpenChunk]) -> None:
        by_window = defaultdict[Window, list[tuple[OpenChunk, EncodedChunk]]](list)
        for chunk in chunks:
            view = chunk.view()
            window = self._windows.at(chunk.times_ms[0])
            encoded = encode_chunk(chunk.source, view.layout, view.times(), view.matrix())
            by_window[window].append((chunk, encoded))
        for window, pairs in by_window.items():
            window.add_run([encoded for _, encoded in pairs])
            for chunk, _ in pairs:
                self._heads.forget(chunk)
