"""Samples of the future: what a clock that was wrong has stored.

Their sources have gone on as other streams (`storage.api.rewinding`), and queries about the
present do not see them. They only take memory and space, until their time comes.
"""

import threading
from typing import Final
from weakref import WeakSet

import structlog

from model.clock import Clock, SteadyClock
from storage.samples.catalog.sources import Sources
from storage.samples.deletion.masking import Erasure
from storage.samples.deletion.tombstones import Tombstone
from storage.samples.head.heads import Heads
from storage.samples.journal.journal import Journal
from storage.samples.upkeep.compaction import Compactor
from storage.samples.upkeep.sealing import Sealer
from storage.samples.windows.window import Window
from storage.samples.windows.window_set import LATEST_MS, WindowSet

log = structlog.get_logger(__name__)

MONTH_MS: Final = 30 * 86_400_000
AHEAD_MS: Final = 15 * 60_000
"""Later samples are from a clock that was wrong: a push may be ten minutes ahead."""


_HOUR_MS: Final = 3_600_000


def retention_clock(clock: Clock, newest_ms: int | None) -> Clock:
    """Return the clock for retention, which believes in a jump only after a day.

    A wrong clock must not delete all samples. It may be wrong when the server starts, which
    shows by the time of the newest sample: a server is rarely off for a month.
    """
    now_ms = clock()
    is_doubtful = newest_ms is not None and now_ms - newest_ms > MONTH_MS
    return SteadyClock(
        clock,
        step_ms=_HOUR_MS,
        hold_ms=24 * _HOUR_MS,
        begin_ms=newest_ms if is_doubtful else now_ms,
    )


class FutureSamples:
    """Finds, sets aside and deletes what is later than now; any thread may call it."""

    def __init__(
        self,
        heads: Heads,
        windows: WindowSet,
        journal: Journal,
        sealer: Sealer,
        compactor: Compactor,
        sources: Sources,
        maintaining: threading.Lock,
        clock: Clock,
    ) -> None:
        self._heads, self._windows, self._journal = heads, windows, journal
        self._sealer, self._compactor, self._sources = sealer, compactor, sources
        self._maintaining, self._clock = maintaining, clock
        self._cleaned = WeakSet[Window]()
        self._retention_clock: Clock | None = None

    def believed_ms(self) -> int:
        """Return the time for retention, see `retention_clock`; blocks at the first call."""
        if self._retention_clock is None:
            self._retention_clock = retention_clock(self._clock, self.newest_ms())
        return min(self._clock(), self._retention_clock())

    def newest_ms(self) -> int | None:
        """Return the time of the newest sample before a month without any; blocks.

        Samples after such a gap may be of a clock that was wrong. None without samples.
        """
        spans = [
            (span.start_ms, span.end_ms) for one in self._windows for span in one.spans.values()
        ]
        for head in self._heads.visible():
            spans += [(chunk.times_ms[0], chunk.times_ms[-1]) for chunk in head.chunks_in_memory()]
        newest_ms: int | None = None
        for start_ms, end_ms in sorted(spans):
            if newest_ms is not None and start_ms > newest_ms + MONTH_MS:
                break
            newest_ms = end_ms if newest_ms is None else max(newest_ms, end_ms)
        return newest_ms

    def set_aside(self, now_ms: int) -> None:
        """Close the chunks of the future, so that they leave memory like all others.

        The caller holds the lock of maintenance.
        """
        self._heads.close_later_than(now_ms + AHEAD_MS)

    def count(self) -> int:
        """Return how many sources have samples later than now; blocks."""
        since_ms = self._clock() + AHEAD_MS
        sources = {
            head.source.id
            for head in self._heads.visible()
            if any(chunk.times_ms[-1] > since_ms for chunk in head.chunks_in_memory())
        }
        for window in self._windows:
            if window.end_ms > since_ms and window not in self._cleaned:
                sources |= {
                    source
                    for (source, _), span in list(window.spans.items())
                    if span.end_ms > since_ms
                }
        return len(sources)

    def drop(self) -> int:
        """Delete every sample later than now; return the number of sources; blocks.

        Raises:
            StorageError: the disk refused the write; the samples that are left stay.
        """
        with self._maintaining:
            return self._drop(self._clock())

    def _drop(self, now_ms: int) -> int:
        since_ms = now_ms + AHEAD_MS
        # Everything leaves the journal, or its replay would bring the samples back.
        self._sealer.rescue()
        self._journal.truncate(self._heads.first_row(self._journal.next_row))
        dropped = self.count()
        everything = Tombstone((), since_ms + 1, LATEST_MS)
        for window in list(self._windows):
            if window.start_ms > since_ms:
                self._windows.remove(window)
            elif window.end_ms > since_ms:
                self._compactor.erase(window, Erasure([everything], self._sources))
                # The times of the vectors stay, without a sample.
                self._cleaned.add(window)
        self._heads.forget_silent(-LATEST_MS, since_ms)
        self._heads.accept_from(now_ms)
        if dropped:
            log.warning("future_samples_dropped", sources=dropped)
        return dropped
