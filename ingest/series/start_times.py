"""Start times of a lane's columns: what the store knows, and what to tell it next."""

import numpy as np
from numpy.typing import NDArray

from ingest.series.streams import Columns
from storage.api.samples import ELSEWHERE, StartTimes


class LaneStarts:
    """Knows since when columns count; nothing is kept until one tells."""

    def __init__(self, times_ms: Columns | None = None) -> None:
        """Args: what the store knows, by column; 0 where it does not."""
        self._times_ms = times_ms

    def change(
        self, columns: Columns, told_ms: Columns, owned: NDArray[np.bool_], *, whole: bool
    ) -> StartTimes | None:
        """Return what the store does not know yet, None if it knows all.

        Args:
            columns: those with samples, which told `told_ms`.
            told_ms: their start times, 0 for none.
            owned: shape (columns,), which columns' series are not in another lane now;
                what this one knew of those is not to stand beside what that one says.
            whole: whether to tell everything.
        """
        known_ms = self._times_ms
        if known_ms is None:
            if not told_ms.any():
                return None
            known_ms, whole = np.zeros(len(owned), np.int64), True
        new_ms = np.where(owned | (known_ms == 0), known_ms, ELSEWHERE)
        new_ms[columns] = told_ms
        if whole:
            return StartTimes(None, new_ms)
        changed = np.flatnonzero(new_ms != known_ms)
        return StartTimes(changed.astype(np.uint32), new_ms[changed]) if len(changed) else None

    def note(self, change: StartTimes | None) -> None:
        """Take over what the store was told."""
        if change is None:
            return
        if change.columns is None or self._times_ms is None:
            self._times_ms = change.times_ms.copy()
        else:
            self._times_ms[change.columns] = change.times_ms

    def grow(self, count: int) -> None:
        """Have more columns."""
        if self._times_ms is not None:
            self._times_ms = np.concatenate([self._times_ms, np.zeros(count, np.int64)])

    def compact(self, keep: NDArray[np.bool_]) -> None:
        """Do without the columns that are not kept."""
        if self._times_ms is not None:
            self._times_ms = self._times_ms[keep]
