"""Streams: how pushed vectors enter the store, each with only the series that came.

The store takes a source's vectors in order of time. What is pushed comes in any order:
a source has as many streams as that takes, and reading merges them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import ABSENT_BITS
from storage.api.samples import Layout, SampleAppender, Source

NEVER = -(2**63)

Columns = NDArray[np.int64]
Values = NDArray[np.float64]


class PushStream:
    """The columns of one stream, and how far it is.

    Attributes:
        series: what the columns are.
        last_ms: the time of the last vector as far as is known, NEVER before the first.
    """

    __slots__ = ("_appender", "_columns", "_layout", "_source", "last_ms", "series")

    def __init__(self, appender: SampleAppender, source: Source) -> None:
        self._appender, self._source = appender, source
        self.last_ms = NEVER
        self.series: Sequence[Labels] = ()
        self._layout: Layout | None = None
        self._columns: dict[Labels, int] | None = None

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.series)

    @property
    def lacks_layout(self) -> bool:
        """Whether the next vector needs a layout that is not made yet."""
        return self._layout is None or self._layout.series is not self.series

    def prepare(self) -> Layout:
        """Return the layout of the next vector; may take a while and run in a thread."""
        layout = self._layout
        if layout is None or layout.series is not self.series:
            self._layout = layout = self._appender.layout(self.series)
            # The store's label sets are shared by all streams; ours are dropped.
            self.series = layout.series
        return layout

    def column_of(self, labels: Labels) -> int | None:
        """Return a series' column, None if it has none."""
        if self._columns is None:
            self._columns = {labels: column for column, labels in enumerate(self.series)}
        return self._columns.get(labels)

    def grow(self, series: Sequence[Labels]) -> None:
        """Give series columns behind the others."""
        if self._columns is not None:
            self._columns |= {labels: self.width + place for place, labels in enumerate(series)}
        self.series = (*self.series, *series)

    def replace(self, series: Sequence[Labels]) -> None:
        """Have other columns; the next vector has a new layout."""
        self.series, self._layout, self._columns = series, None, None

    def rest(self) -> None:
        """Let go of what can be made again."""
        self._columns = None

    def row(self, columns: Columns, values: Values) -> Values:
        """Return a whole vector, in which columns that are not given have no sample."""
        row = absent(self.width)
        row[columns] = values
        return row


def absent(count: int) -> Values:
    """Return columns without samples."""
    return np.full(count, ABSENT_BITS, np.uint64).view(np.float64)
