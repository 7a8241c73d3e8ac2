"""Start times of the columns of a lane."""

import numpy as np
from numpy.typing import NDArray

from ingest.series.push_stream import Columns
from storage.api.samples import ELSEWHERE, StartTimes


class LaneStarts:
    """The start times that the store has; empty until a sample brings one."""

    def __init__(self, times_ms: Columns | None = None) -> None:
        """Args: the start time of each column, 0 where unknown; None if all are."""
        self._times_ms = times_ms

    def change(
        self, columns: Columns, starts_ms: Columns, owned: NDArray[np.bool_], *, whole: bool
    ) -> StartTimes | None:
        """Return the start times that the store lacks, None if it lacks none.

        Args:
            columns: the columns with samples.
            starts_ms: the start times of these samples, 0 for none.
            owned: shape (columns,), whether the column's series is in this lane. The
                start time of a series that moved away becomes ELSEWHERE, so that it
                does not contradict the one in its new lane.
            whole: whether to return every column.
        """
        known_ms = self._times_ms
        if known_ms is None:
            if not starts_ms.any():
                return None
            known_ms, whole = np.zeros(len(owned), np.int64), True
        new_ms = np.where(owned | (known_ms == 0), known_ms, ELSEWHERE)
        new_ms[columns] = starts_ms
        if whole:
            return StartTimes(None, new_ms)
        changed = np.flatnonzero(new_ms != known_ms)
        return StartTimes(changed.astype(np.uint32), new_ms[changed]) if len(changed) else None

    def note(self, change: StartTimes | None) -> None:
        """Record a change that the store has taken."""
        if change is None:
            return
        if change.columns is None or self._times_ms is None:
            self._times_ms = change.times_ms.copy()
        else:
            self._times_ms[change.columns] = change.times_ms

    def grow(self, count: int) -> None:
        """Append columns."""
        if self._times_ms is not None:
            self._times_ms = np.concatenate([self._times_ms, np.zeros(count, np.int64)])

    def compact(self, keep: NDArray[np.bool_]) -> None:
        """Remove the columns that are not kept."""
        if self._times_ms is not None:
            self._times_ms = self._times_ms[keep]
