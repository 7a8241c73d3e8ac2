"""Hides deleted samples in what was read, and finds them in what is merged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.series import ABSENT_BITS, NO_TIME, AlignedSeries, Times
from storage.samples.catalog.layouts import StoredLayout
from storage.samples.catalog.sources import Sources
from storage.samples.deletion.tombstones import Tombstone

Rows = NDArray[np.intp]


def without_deleted(part: AlignedSeries, tombstones: Sequence[Tombstone]) -> AlignedSeries:
    """Return series without deleted samples; the arrays of `part` do not change."""
    values: NDArray[np.uint64] | None = None
    if not part.times_ms.size:
        return part
    first_ms = int(part.times_ms.min())
    last_ms = int(part.times_ms.max(initial=first_ms, where=part.times_ms != NO_TIME))
    for tombstone in tombstones:
        if not tombstone.overlaps(first_ms, last_ms):
            continue
        inside = _inside(part.times_ms, tombstone)
        if not inside.any():
            continue
        rows = [row for row, labels in enumerate(part.labels) if tombstone.matches(labels)]
        if not rows:
            continue
        if values is None:
            # As integers: a signalling NaN must not pass through floating-point arithmetic.
            values = part.values.view(np.uint64).copy()
        some = values[rows]
        some[inside[part.rows[rows]]] = ABSENT_BITS
        values[rows] = some
    if values is None:
        return part
    # An `AlignedSeries` also if `part` has flags, which gaps make wrong.
    return AlignedSeries(
        labels=part.labels,
        times_ms=part.times_ms,
        values=values.view(np.float64),
        rows=part.rows,
        starts_ms=part.starts_ms,
    )


def _inside(times_ms: Times, tombstone: Tombstone) -> NDArray[np.bool_]:
    return (times_ms >= tombstone.start_ms) & (times_ms <= tombstone.end_ms)


class Erasure:
    """Finds the deleted samples of chunks."""

    def __init__(self, tombstones: Sequence[Tombstone], sources: Sources) -> None:
        self._tombstones, self._sources = tombstones, sources
        self._columns: dict[tuple[int, int, int], NDArray[np.bool_]] = {}

    def __bool__(self) -> bool:
        return bool(self._tombstones)

    def concerns(self, source_id: int, layout: StoredLayout, start_ms: int, end_ms: int) -> bool:
        """Return whether any sample of a source with this layout may be deleted in a range."""
        return any(
            each.overlaps(start_ms, end_ms) and self._matching(number, source_id, layout).any()
            for number, each in enumerate(self._tombstones)
        )

    def mask(
        self, source_id: int, layout: StoredLayout, code: int, times_ms: Times
    ) -> NDArray[np.bool_] | None:
        """Return where samples of one metric are deleted, shape (series, times).

        Returns None if none is.
        """
        found: NDArray[np.bool_] | None = None
        columns: Rows | None = None
        for number, tombstone in enumerate(self._tombstones):
            if not tombstone.overlaps(int(times_ms[0]), int(times_ms[-1])):
                continue
            if columns is None:
                columns = layout.columns_of(code)
            rows = self._matching(number, source_id, layout)[columns]
            if rows.any():
                deleted = rows[:, None] & _inside(times_ms, tombstone)
                found = deleted if found is None else found | deleted
        return found

    def _matching(self, number: int, source_id: int, layout: StoredLayout) -> NDArray[np.bool_]:
        """Return for each column of a layout whether a tombstone matches its series."""
        key = number, source_id, layout.id
        known = self._columns.get(key)
        if known is None:
            source, tombstone = self._sources.get(source_id), self._tombstones[number]
            if source is None or source_id in self._sources.hidden:
                matching = [False] * len(layout.series)
            else:
                own = source.labels
                matching = [tombstone.matches(own.overlaid(labels)) for labels in layout.series]
            known = self._columns[key] = np.array(matching, np.bool_)
        return known
