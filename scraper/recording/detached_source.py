"""A source in the store that holds detached series of a target."""

import numpy as np

from model.labels import Labels
from storage.api.rewinding import is_rewound
from storage.api.samples import SampleAppender
from storage.api.vector_appender import VectorAppender


class DetachedSource:
    """Appends the vectors of one source and keeps the last sample of each column.

    Attributes:
        vectors: the source's vectors.
    """

    def __init__(
        self,
        appender: SampleAppender,
        target: Labels,
        name: str,
        *,
        has_target_labels: bool,
        follows_clock: bool,
    ) -> None:
        """Register the source with the store.

        Args:
            appender: the store.
            target: the target's labels.
            name: distinguishes the sources of one target.
            has_target_labels: whether its series have every label of the target.
            follows_clock: whether the times are those of scrapes.
        """
        if has_target_labels:
            self.vectors = VectorAppender(appender, target, name, follows_clock=follows_clock)
        else:
            # A source without labels: only the stream's name identifies the target.
            stream = f"{target}/{name}"
            self.vectors = VectorAppender(appender, Labels(), stream, follows_clock=follows_clock)
        self._follows_clock = follows_clock
        self._columns: dict[Labels, int] = {}
        self._last: dict[int, tuple[int, float]] = {}

    def add(self, labels: Labels) -> int:
        """Return the column of a series; a new series gets a new column."""
        column = self._columns.setdefault(labels, len(self._columns))
        self.vectors.grow(len(self._columns))
        return column

    def last_sample(self, column: int) -> tuple[int, float] | None:
        """Return the time and value of a column's last sample."""
        return self._last.get(column)

    def is_newer(self, time_ms: int) -> bool:
        """Return whether a time is after the last vector, or the clock was set back since."""
        last_ms = self.vectors.last_ms
        if last_ms is None or time_ms > last_ms:
            return True
        return self._follows_clock and is_rewound(last_ms, time_ms)

    @property
    def dead(self) -> int:
        """The number of columns whose series have ended."""
        return int((~self.vectors.alive).sum())

    def clear(self) -> None:
        """Remove every column."""
        self.vectors.compact(np.zeros(len(self.vectors.alive), np.bool_))
        self._columns, self._last = {}, {}

    def append(self, time_ms: int, samples: dict[int, float], others: float | None) -> None:
        """Append one vector.

        Args:
            time_ms: after the last vector.
            samples: values by column.
            others: STALE or ABSENT for every other live column; None leaves them
                unchanged.

        Raises:
            StorageError: the store refused it.
        """
        columns = np.fromiter(samples, np.int32, len(samples))
        values = np.fromiter(samples.values(), np.float64, len(samples))
        if others is not None:
            rest = self.vectors.alive.copy()
            rest[columns] = False
            silent = np.flatnonzero(rest).astype(np.int32)
            columns = np.concatenate([columns, silent])
            values = np.concatenate([values, np.full(len(silent), others)])
        for column, value in samples.items():
            self._last[column] = time_ms, value
        self.vectors.append(time_ms, tuple(self._columns), columns, values)
