"""Compaction: decides which runs are merged when, into hours first and then into days."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, count
from weakref import WeakSet

import structlog

from storage.api.errors import CorruptDataError, StorageError
from storage.damage import FREE_SPACE
from storage.samples.catalog.layouts import Layouts
from storage.samples.deletion.masking import Erasure
from storage.samples.head.heads import Heads
from storage.samples.upkeep.merging import Merge
from storage.samples.windows import numbers
from storage.samples.windows.runs import Run
from storage.samples.windows.window import Window
from storage.samples.windows.window_set import WindowSet

log = structlog.get_logger(__name__)

_HOUR_MS = 3_600_000
# The runs of a level are merged once they cover this much time.
_SPAN_MS = {numbers.SEALED: 4 * _HOUR_MS, numbers.HOURS: 24 * _HOUR_MS}


def due_runs(window: Window, *, is_over: bool) -> tuple[Sequence[Run], int] | None:
    """Return the runs to merge now, and the level to merge them to; None if none are due.

    With `is_over` no more chunks will be sealed into the window, and all runs are merged to
    the highest level.
    """
    by_level: list[list[Run]] = [[] for _ in range(numbers.LEVELS)]
    for run in sorted(window.runs.values(), key=lambda run: run.start_ms):
        by_level[run.level].append(run)
    if is_over:
        rest = _in_one_run(by_level[numbers.SEALED] + by_level[numbers.HOURS])
        return (rest, numbers.DAYS) if rest else None
    for level, span_ms in _SPAN_MS.items():
        some = _in_one_run(by_level[level])
        if some and max(run.end_ms for run in some) - min(run.start_ms for run in some) >= span_ms:
            return some, level + 1
    return None


def _in_one_run(candidates: Sequence[Run]) -> list[Run]:
    """Return the first runs of some, as many as one run has chunk numbers for."""
    chunks = accumulate(run.chunks for run in candidates)
    return [
        run for run, total in zip(candidates, chunks, strict=True) if total <= numbers.MOST_CHUNKS
    ]


class Compactor:
    """Merges the runs that are due, a few steps at a time; used by one thread."""

    def __init__(
        self,
        windows: WindowSet,
        heads: Heads,
        layouts: Layouts,
        erasure_in: Callable[[int, int], Erasure],
        chunk_age_ms: int,
    ) -> None:
        """Merge without deleted samples; `erasure_in` finds those in a range of time."""
        self._windows, self._heads, self._layouts = windows, heads, layouts
        self._erasure_in, self._chunk_age_ms = erasure_in, chunk_age_ms
        self._merge: Merge | None = None
        self._steps: Iterator[None] = iter(())
        self._shrunk = WeakSet[Window]()
        self.corrupt_pieces = 0
        self.failed_merges = 0

    def run(self, now_ms: int, most_steps: int | None = None) -> None:
        """Start or continue to merge the runs that are due; blocks.

        Stops after `most_steps`, if given. A merge that the disk refuses starts again at
        the next call.
        """
        steps = count() if most_steps is None else range(most_steps)
        for _ in steps:
            merge = self._merge or self._begin(now_ms)
            if merge is None:
                return
            try:
                next(self._steps)
            except StopIteration:
                self._merge = None
                self.corrupt_pieces += merge.corrupt_pieces
            except StorageError as exc:
                self._merge = None
                self.failed_merges += 1
                file = merge.window.path.name
                log.warning("merge_failed", file=file, error=str(exc), fix=FREE_SPACE)
                return

    def merge_all(self) -> None:
        """Merge all runs of each window into one, whether due or not; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        for window in self._windows:
            if window.is_damaged:
                continue
            live = list(window.runs.values())
            if len(live) > 1 or any(run.level < numbers.DAYS for run in live):
                merge = Merge(window, live, numbers.DAYS, self._layouts, self._erasure(window))
                for _ in merge.steps():
                    pass
                self.corrupt_pieces += merge.corrupt_pieces
            window.shrink()
            window.release_writer()

    def erase(self, window: Window, erasure: Erasure | None = None) -> None:
        """Rewrite the runs of a window that hold deleted samples, or others; blocks.

        Raises:
            StorageError: the disk refused the write.
        """
        given, erasure = erasure, erasure or self._erasure(window)
        if window.is_damaged or not self._holds_any(window, erasure):
            return
        if self._merge is not None and self._merge.window is window:
            # Its inputs are about to be replaced; it begins again later.
            self._merge = None
        for run in list(window.runs.values()):
            if given is None and not self._erasure_in(run.start_ms, run.end_ms):
                continue
            merge = Merge(window, [run], run.level, self._layouts, erasure)
            for _ in merge.steps():
                pass
            self.corrupt_pieces += merge.corrupt_pieces
        window.shrink()
        window.release_writer()

    def _erasure(self, window: Window) -> Erasure:
        return self._erasure_in(window.start_ms, window.end_ms)

    def _holds_any(self, window: Window, erasure: Erasure) -> bool:
        if not erasure:
            return False
        for (source_id, layout_id), span in window.spans.items():
            try:
                layout = self._layouts.get(layout_id, window.series_of)
            except CorruptDataError:
                continue
            if erasure.concerns(source_id, layout, span.start_ms, span.end_ms):
                return True
        return False

    def _begin(self, now_ms: int) -> Merge | None:
        for window in self._windows:
            if window.is_damaged:
                continue
            is_over = self._is_over(window, now_ms)
            due = due_runs(window, is_over=is_over)
            if due is not None:
                self._merge = Merge(window, *due, self._layouts, self._erasure(window))
                self._steps = self._merge.steps()
                return self._merge
            if is_over and window not in self._shrunk:
                self._shrunk.add(window)
                window.shrink()
                window.release_writer()
        return None

    def _is_over(self, window: Window, now_ms: int) -> bool:
        if now_ms < window.end_ms + self._chunk_age_ms:
            return False
        return all(
            chunk.times_ms[0] >= window.end_ms
            for head in self._heads
            for chunk in head.chunks_in_memory()
        )
