"""One source's vectors: what each column last was, and what to append next."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import ABSENT_BITS, STALE, is_absent, is_stale
from storage.api.samples import Layout, SampleAppender, Source, StartTimes, Vector

Columns = NDArray[np.int32]
Values = NDArray[np.float64]


class VectorStream:
    """Appends one source's vectors and knows the state of its columns.

    Attributes:
        values: shape (columns,), each column's last value, STALE once it ended.
        alive: shape (columns,), bool, whether it has samples now.
        last_ms: the time of the last vector, None before the first.
    """

    def __init__(self, appender: SampleAppender, labels: Labels, stream: str = "") -> None:
        self.values: Values = np.empty(0)
        self.alive: NDArray[np.bool_] = np.empty(0, np.bool_)
        self.last_ms: int | None = None
        self._appender = appender
        self._source: Source = appender.source(labels, stream)
        self._layout: Layout | None = None
        self._whole = True

    @property
    def series(self) -> tuple[Labels, ...]:
        """The layout's series; shared by every source with the same ones."""
        return self._layout.series if self._layout else ()

    def grow(self, count: int) -> None:
        """Make room for `count` columns; the new ones have no sample yet."""
        missing = count - len(self.values)
        if missing > 0:
            absent = np.full(missing, ABSENT_BITS, np.uint64).view(np.float64)
            self.values = np.concatenate([self.values, absent])
            self.alive = np.concatenate([self.alive, np.zeros(missing, np.bool_)])

    def prepare(self, series: Sequence[Labels]) -> Layout:
        """Return the layout that a vector of these columns needs; may run in a thread."""
        if self._layout is None or len(self._layout.series) != len(series):
            self._layout = self._appender.layout(series)
        return self._layout

    def changed(self, columns: Columns, values: Values) -> tuple[Columns, Values]:
        """Return those columns that are not what they were."""
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
            time_ms: later than `last_ms`.
            series: what the columns are; those known so far, and new ones at the end.
            columns: int32, distinct, in any order.
            values: their values, STALE to end a series.
            starts: start times that changed.

        Raises:
            StorageError: the store refused it. The next vector gives every column.
        """
        self.grow(len(series))
        self.values[columns] = values
        # Neither marker is a number, and few vectors hold anything but numbers.
        self.alive[columns] = True
        if np.isnan(values).any():
            self.alive[columns] = ~(is_stale(values) | is_absent(values))
        layout = self.prepare(series)
        if self._whole:
            vector = Vector(time_ms, layout, None, self.values.copy(), starts)
        else:
            order = columns.argsort()
            changed = columns[order].view(np.uint32)
            vector = Vector(time_ms, layout, changed, values[order], starts)
        self._whole = True
        self._appender.append(self._source, vector)
        self._whole, self.last_ms = False, time_ms

    def end(self, time_ms: int) -> None:
        """End every series, if the time allows it and any is alive."""
        alive = np.flatnonzero(self.alive).astype(np.int32)
        if len(alive) and (self.last_ms is None or time_ms > self.last_ms):
            self.append(time_ms, self.series, alive, np.full(len(alive), STALE))

    def compact(self, keep: NDArray[np.bool_]) -> None:
        """Forget the columns that `keep` leaves out; the next vector has a new layout."""
        self.values, self.alive = self.values[keep], self.alive[keep]
        self._layout, self._whole = None, True
