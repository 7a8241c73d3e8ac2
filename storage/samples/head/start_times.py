"""Appends start times of counters: each source's go to a hidden companion source.

The start time of a counter hardly ever changes, so it is not stored with each sample. A
source whose series have start times has a companion (`SourceKind.START_TIMES`) with the
same layouts, whose values are start times in milliseconds. The companion gets a vector when
a start time changes and when a chunk of the source begins. Readers therefore find the start
time of a sample in the companion's last vector that is not newer than the sample, at most a
chunk's age earlier. Sources without start times have no companion.
"""

import numpy as np

from model.series import ABSENT_BITS, Times, Values, absent_vector
from storage.api.samples import ELSEWHERE, Source, StartTimes, Vector
from storage.samples.catalog.kinds import SourceKind
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.catalog.sources import Sources
from storage.samples.head.heads import Heads
from storage.samples.head.journal_records import AppendedVector


class StartTimeAppender:
    """Appends the start times of each source to its companion; used by the appending thread."""

    def __init__(self, sources: Sources, heads: Heads) -> None:
        self._sources, self._heads = sources, heads
        # The sources that sent start times since the store was opened. The start times of
        # all others date from an earlier run and are dropped with the next chunk.
        self._active: set[int] = set()

    def append(self, source: Source, vector: Vector, layout: StoredLayout) -> AppendedVector | None:
        """Append the start times that came with a vector, or repeat the known ones.

        Call it when a vector has start times or begins a chunk, and before the last vector
        is amended.

        Returns:
            The vector for the journal; None if there is nothing to store.

        Raises:
            OutOfOrderError: the companion's last vector can no longer be amended.
        """
        if vector.starts is None:
            companion = self._sources.find_companion(source, SourceKind.START_TIMES)
            if companion is None:
                return None
        else:
            companion = self._sources.companion(source, SourceKind.START_TIMES)
            self._active.add(source.id)
        head = self._heads.get(companion.id)
        known = absent_vector(len(layout.series))
        follows = head is not None and layout.extends(head.layout)
        if head is not None and follows and source.id in self._active:
            known[: len(head.last)] = head.last
        values = known.copy()
        if vector.starts is not None:
            _write(values, vector.starts)
        elif head is not None and not (_any_known(values) or _any_known(head.last)):
            return None
        if head is None or head.last_ms != vector.time_ms:
            whole = Vector(vector.time_ms, layout, None, values)
            return self._heads.append(companion, whole, layout)
        changed = np.flatnonzero(values.view(np.uint64) != known.view(np.uint64))
        more = Vector(vector.time_ms, layout, changed.astype(np.uint32), values[changed])
        return self._heads.amend(companion, more, layout) if len(changed) else None

    def resume(self, source: Source) -> Times | None:
        """Return a source's start times after a restart, and keep them from now on.

        Returns:
            One for each column of its last vector, 0 where unknown; None if all are unknown.
        """
        companion = self._sources.find_companion(source, SourceKind.START_TIMES)
        head = None if companion is None else self._heads.get(companion.id)
        samples = self._heads.get(source.id)
        if head is None or samples is None or not samples.layout.extends(head.layout):
            return None
        self._active.add(source.id)
        known = np.flatnonzero(np.isfinite(head.last))
        times = np.zeros(len(samples.layout.series), np.int64)
        times[known] = head.last[known]
        return times


def _any_known(values: Values) -> bool:
    return bool((np.abs(values) > 0).any())


def check_starts(starts: StartTimes, width: int) -> None:
    """Check that start times fit a layout of `width` columns.

    Raises:
        ValueError: they do not fit.
    """
    columns, times = starts.columns, starts.times_ms
    if times.dtype != np.int64 or times.ndim != 1:
        raise ValueError("start times must be one row of int64")
    if columns is None:
        if len(times) != width:
            raise ValueError(f"{len(times)} start times for {width} columns")
    elif columns.dtype != np.uint32 or columns.shape != times.shape:
        raise ValueError(f"{len(columns)} columns (uint32) for {len(times)} start times")
    elif len(columns) and columns.max() >= width:
        raise ValueError(f"start time of column {columns.max()} in a layout of {width}")


def _write(values: Values, starts: StartTimes) -> None:
    """Write start times into the values of a whole vector."""
    times = starts.times_ms
    places = np.arange(len(values)) if starts.columns is None else starts.columns
    # Most columns never have a start time: they stay absent and take no space on disk.
    kept = (times != 0) | ~np.isnan(values[places])
    values[places[kept]] = times[kept]
    values.view(np.uint64)[places[times == ELSEWHERE]] = ABSENT_BITS
