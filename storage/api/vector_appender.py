"""Appends the vectors of one source, for callers that know only some of its columns.

A scrape target and a pushed metric group use it over any `SampleAppender`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import STALE, absent_vector, is_absent, is_stale
from storage.api.rewinding import RewindingSource
from storage.api.samples import Layout, SampleAppender, StartTimes, Vector

# Columns of ended series are removed if they outnumber the others and this number.
_FEW: Final = 16

Columns = NDArray[np.int32]
Values = NDArray[np.float64]


class VectorAppender:
    """Appends one source's vectors and keeps the last value of each column.

    Attributes:
        values: shape (columns,), the last values; STALE for a series that has ended.
        alive: shape (columns,), bool, False for series that have ended or not begun.
        last_ms: time of the last vector, None before the first.
    """

    def __init__(
        self,
        appender: SampleAppender,
        labels: Labels,
        stream: str = "",
        *,
        follows_clock: bool = True,
    ) -> None:
        self.values: Values = np.empty(0)
        self.alive: NDArray[np.bool_] = np.empty(0, np.bool_)
        self.last_ms: int | None = None
        self._appender = appender
        self._source = RewindingSource(appender, labels, stream, follows_clock=follows_clock)
        self._layout: Layout | None = None
        self._next_is_full = True

    @property
    def overtaken_ms(self) -> int:
        """See `RewindingSource.overtaken_ms`."""
        return self._source.overtaken_ms

    @property
    def series(self) -> tuple[Labels, ...]:
        """The series of the current layout; sources with the same layout share the tuple."""
        return self._layout.series if self._layout else ()

    def follow_clock(self) -> None:
        """Accept earlier times again: the last vector is from a clock that was wrong."""
        self.last_ms, self._source.follows_clock = None, True

    def grow(self, count: int) -> None:
        """Extend to `count` columns; new columns are ABSENT."""
        missing = count - len(self.values)
        if missing > 0:
            self.values = np.concatenate([self.values, absent_vector(missing)])
            self.alive = np.concatenate([self.alive, np.zeros(missing, np.bool_)])

    def prepare(self, series: Sequence[Labels]) -> Layout:
        """Return the layout of `series`, a new one if columns were added; any thread."""
        if self._layout is None or len(self._layout.series) != len(series):
            self._layout = self._appender.layout(series, self._layout)
        return self._layout

    def changed(self, columns: Columns, values: Values) -> tuple[Columns, Values]:
        """Return the columns whose value differs from the last one, and their values."""
        same = self.values[columns].view(np.uint64) == values.view(np.uint64)
        differs = ~(same & self.alive[columns])
        return columns[differs], values[differs]

    def append(
        self,
        time_ms: int,
        series: Sequence[Labels],
        columns: Columns,
        values: Values,
        starts: StartTimes | None = None,
    ) -> None:
        """Append one vector.

        Args:
            time_ms: later than `last_ms`, unless the clock was set back.
            series: the series of all columns; new columns follow the known ones.
            columns: int32, distinct, in any order.
            values: one value per column; STALE ends a series.
            starts: changed start times.

        Raises:
            StorageError: the store refused the vector. The next one gives every column.
        """
        self.grow(len(series))
        self.values[columns] = values
        self.alive[columns] = True
        # Both markers are NaNs, and few vectors contain any NaN.
        if np.isnan(values).any():
            self.alive[columns] = ~(is_stale(values) | is_absent(values))
        layout = self.prepare(series)
        if self._next_is_full:
            vector = Vector(time_ms, layout, None, self.values.copy(), starts)
        else:
            order = columns.argsort()
            changed = columns[order].view(np.uint32)
            vector = Vector(time_ms, layout, changed, values[order], starts)
        self._next_is_full = True

        def whole() -> Vector | None:
            if starts is not None and starts.columns is not None:
                return None
            return Vector(time_ms, layout, None, self.values.copy(), starts)

        self._source.append(vector, whole)
        self._next_is_full, self.last_ms = False, time_ms

    def end(self, time_ms: int) -> None:
        """End every live series; does nothing unless `time_ms` is after the last vector."""
        alive = np.flatnonzero(self.alive).astype(np.int32)
        if len(alive) and (self.last_ms is None or time_ms > self.last_ms):
            self.append(time_ms, self.series, alive, np.full(len(alive), STALE))

    def compact(self, keep: NDArray[np.bool_]) -> None:
        """Drop the columns that are False in `keep`; the next vector has a new layout."""
        self.values, self.alive = self.values[keep], self.alive[keep]
        self._layout, self._next_is_full = None, True


class SeriesAppender:
    """Appends the vectors of one source, given the value of every series."""

    def __init__(self, appender: SampleAppender, labels: Labels, stream: str) -> None:
        self._vectors = VectorAppender(appender, labels, stream)
        self._columns: dict[Labels, int] = {}

    def append(self, time_ms: int, series: Mapping[Labels, float]) -> None:
        """Append the values of all series; series that are missing end.

        Raises:
            StorageError: the store refused them; the next call appends everything.
        """
        vectors = self._vectors
        for labels in series:
            self._columns.setdefault(labels, len(self._columns))
        vectors.grow(len(self._columns))
        columns = np.array([self._columns[labels] for labels in series], np.int32)
        vanished = vectors.alive.copy()
        vanished[columns] = False
        ended = np.flatnonzero(vanished).astype(np.int32)
        columns, values = vectors.changed(columns, np.array(list(series.values()), np.float64))
        vectors.append(
            time_ms,
            tuple(self._columns),
            np.concatenate([columns, ended]),
            np.concatenate([values, np.full(len(ended), STALE)]),
        )
        self._compact()

    def _compact(self) -> None:
        """Remove the columns of ended series if they are the majority."""
        alive = self._vectors.alive
        if len(alive) - alive.sum() > max(_FEW, alive.sum()):
            self._vectors.compact(alive.copy())
            living = [labels for labels, column in self._columns.items() if alive[column]]
            self._columns = {labels: column for column, labels in enumerate(living)}

    def end(self, time_ms: int) -> None:
        """End every series."""
        self._vectors.end(time_ms)
