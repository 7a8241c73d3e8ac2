"""A stream of pushed vectors: the columns of one source in the store.

The store takes the vectors of a source in time order. Pushed samples arrive in any
order, so a sender has several streams, each of them ordered; a query merges them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import absent_matrix
from storage.api.samples import Layout, SampleAppender, Source

NEVER = -(2**63)
"""Earlier than every timestamp."""

Columns = NDArray[np.int64]
Values = NDArray[np.float64]


class PushStream:
    """The columns of one stream and the time of its last vector.

    Attributes:
        series: the labels of each column.
        last_ms: the time of the last known vector, NEVER before the first.
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
        """The number of columns."""
        return len(self.series)

    @property
    def lacks_layout(self) -> bool:
        """Whether the next vector needs a new layout."""
        return self._layout is None or self._layout.series is not self.series

    def prepare(self) -> Layout:
        """Return the layout of the next vector. May be slow; may run in a thread."""
        layout = self._layout
        if layout is None or layout.series is not self.series:
            self._layout = layout = self._appender.layout(self.series, layout)
            # All streams share the store's label sets; ours are dropped.
            self.series = layout.series
        return layout

    def column_of(self, labels: Labels) -> int | None:
        """Return the column of a series, None if it has none."""
        if self._columns is None:
            self._columns = {labels: column for column, labels in enumerate(self.series)}
        return self._columns.get(labels)

    def grow(self, series: Sequence[Labels]) -> None:
        """Append columns."""
        if self._columns is not None:
            self._columns |= {labels: self.width + at for at, labels in enumerate(series)}
        self.series = (*self.series, *series)

    def replace(self, series: Sequence[Labels]) -> None:
        """Replace all columns; the next vector needs a new layout."""
        self.series, self._layout, self._columns = series, None, None

    def trim(self) -> None:
        """Free the column index; `column_of` builds it again."""
        self._columns = None

    def row(self, columns: Columns, values: Values) -> Values:
        """Return a whole vector: values in some columns, ABSENT in all others."""
        row = absent(self.width)
        row[columns] = values
        return row


def absent(count: int) -> Values:
    """Return a row without samples."""
    return absent_matrix(1, count).ravel()
