"""Lanes: the streams that hold the samples of one source.

A request may carry any part of a scrape, and the parallel connections of a sender run
ahead of each other. A lane holds series whose samples arrive at the same times: samples
at the time of its last vector amend that vector, later samples begin the next one.
Series that lag behind their lane move to another lane.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.series.push_stream import NEVER, Columns, PushStream, Values, absent
from ingest.series.sample_batch import Samples
from ingest.series.start_times import LaneStarts
from model.labels import Labels
from model.series import ABSENT_BITS, STALE_BITS
from storage.api.errors import OutOfOrderError
from storage.api.samples import AmendingAppender, LastVector, Source, Vector

NOBODY = -1
"""The owner of a column whose series moved to another lane."""

# Columns of series that moved to another lane are dropped every 4 vectors. Finding columns
# without a recent sample costs more, so that search runs every 64 vectors.
_VECTORS_PER_LOOK_FOR_MOVED = 4
_VECTORS_PER_LOOK = 64
# Dead columns are removed if they are more than this share of all, and more than a few.
_DEAD_RATIO = 0.25
_FEW = 16
# A column is dead after so long without a sample.
_DEAD_AFTER_MS = 3_600_000

# The store forgets the last vector of a source after a day of silence.
_HELD_MS = 12 * 3_600_000


class Lane(PushStream):
    """Appends and amends the vectors of one stream.

    Attributes:
        number: identifies the lane among all lanes of its sender.
        owners: shape (columns,), the number of the column's series, or NOBODY.
        sample_times_ms, sample_values: shape (columns,), timestamp and value of the last
            sample of each column; ABSENT where the value is unknown.
        closed_ms: the time of a vector that the store no longer amends.
    """

    _appender: AmendingAppender

    def __init__(
        self,
        number: int,
        appender: AmendingAppender,
        source: Source,
        last: LastVector | None = None,
    ) -> None:
        super().__init__(appender, source)
        self.number = number
        self.closed_ms = NEVER
        self.owners: Columns = np.empty(0, np.int64)
        self.sample_times_ms: Columns = np.empty(0, np.int64)
        self.sample_values: Values = np.empty(0)
        self._state: Values = np.empty(0)
        self._starts = LaneStarts()
        self._whole = True
        self._vectors = 0
        if last is not None:
            self._resume(last)

    def _resume(self, last: LastVector) -> None:
        self.last_ms, self._layout, self._whole = last.time_ms, last.layout, False
        self.series, self._state, self.sample_values = (
            last.layout.series,
            last.values,
            last.values.copy(),
        )
        self._starts = LaneStarts(last.starts_ms)
        self.owners = np.full(self.width, NOBODY, np.int64)
        # Of a column without a sample at the last time, nothing else is known.
        self.sample_times_ms = np.where(self.alive, last.time_ms, last.time_ms - 1)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Shape (columns,): whether the last vector has a sample that does not end the series."""
        return np.not_equal(self._state.view(np.uint64), ABSENT_BITS)

    def takes(self, time_ms: int) -> bool:
        """Return whether the lane can append or amend a vector at this time."""
        return self.last_ms < time_ms or self.last_ms == time_ms != self.closed_ms

    def add(self, series: Sequence[Labels], owners: Sequence[int] | Columns) -> Columns:
        """Append columns for series; return the columns."""
        first, count = self.width, len(series)
        self.grow(series)
        self.owners = np.concatenate([self.owners, np.asarray(owners, np.int64)])
        self.sample_times_ms = np.concatenate(
            [self.sample_times_ms, np.full(count, NEVER, np.int64)]
        )
        self.sample_values = np.concatenate([self.sample_values, absent(count)])
        self._state = np.concatenate([self._state, absent(count)])
        self._starts.grow(count)
        return np.arange(first, first + count)

    def forget(self, column: int) -> None:
        """Forget the last sample of a column."""
        self.sample_times_ms[column] = NEVER
        self.sample_values[column : column + 1].view(np.uint64)[:] = ABSENT_BITS

    def write(self, time_ms: int, columns: Columns, samples: Samples, now_ms: int) -> None:
        """Append a vector; all other columns have no sample in it.

        Args:
            time_ms: later than `last_ms`.
            columns: distinct, ascending.
            samples: one for each of `columns`; STALE ends a series.
            now_ms: the current time; the store drops the last vector of a silent source.

        Raises:
            OutOfOrderError: the store holds a later vector from before the start. The
                last samples of these columns are unknown then.
            StorageError: the write failed.
        """
        layout = self.prepare()
        full = self.row(columns, samples["value"])
        whole = self._whole or self.last_ms < now_ms - _HELD_MS
        owned = self.owners != NOBODY
        starts = self._starts.change(columns, samples["start_ms"], owned, whole=whole)
        if whole:
            vector = Vector(time_ms, layout, None, full.copy(), starts)
        else:
            changed = np.flatnonzero(full.view(np.uint64) != self._state.view(np.uint64))
            vector = Vector(time_ms, layout, changed.astype(np.uint32), full[changed], starts)
        self._whole = True
        try:
            self._appender.append(self._source, vector)
        except OutOfOrderError as exc:
            self.last_ms = self.closed_ms = self.sample_times_ms[columns] = exc.last_ms
            self.sample_values[columns] = absent(len(columns))
            raise
        self._whole = False
        self.last_ms = time_ms
        self._state = full
        self._starts.note(starts)
        self._note(time_ms, columns, samples)
        self._vectors += 1

    def amend(self, time_ms: int, columns: Columns, samples: Samples) -> None:
        """Add samples to the last vector, in columns that have none in it.

        Raises:
            OutOfOrderError: the store no longer amends that vector.
            StorageError: the write failed.
        """
        if self.closed_ms == time_ms or self._whole:
            raise OutOfOrderError(str(self._source), time_ms, self.last_ms)
        layout = self.prepare()
        # A series that moved away may have a sample in this vector: keep its start time.
        every = np.ones(self.width, np.bool_)
        starts = self._starts.change(columns, samples["start_ms"], every, whole=False)
        given = columns.astype(np.uint32)
        vector = Vector(time_ms, layout, given, samples["value"].copy(), starts)
        try:
            self._appender.amend(self._source, vector)
        except OutOfOrderError:
            self.closed_ms = time_ms
            # Columns that were added for this vector are in no vector yet.
            self._whole = True
            raise
        self._state[columns] = samples["value"]
        self._starts.note(starts)
        self._note(time_ms, columns, samples)

    def _note(self, time_ms: int, columns: Columns, samples: Samples) -> None:
        self.sample_times_ms[columns] = time_ms
        self.sample_values[columns] = samples["value"]
        if STALE_BITS in samples["value"].view(np.uint64):
            state = self._state.view(np.uint64)
            state[state == STALE_BITS] = ABSENT_BITS

    def dead_columns(self) -> NDArray[np.bool_] | None:
        """Return a mask of the columns to remove, None if it is not worth it now.

        Columns of series that moved are removed soon, so that queries seldom find one
        label set in two lanes.
        """
        if not self._vectors or self._vectors % _VECTORS_PER_LOOK_FOR_MOVED:
            return None
        ended = ~self.alive
        moved = (self.owners == NOBODY) & ended
        if self._vectors < _VECTORS_PER_LOOK:
            return moved if moved.any() else None
        self._vectors = 0
        dead = moved | ((self.last_ms - self.sample_times_ms > _DEAD_AFTER_MS) & ended)
        return dead if dead.sum() > max(_FEW, _DEAD_RATIO * self.width) else None

    def compact(self, keep: NDArray[np.bool_]) -> None:
        """Remove the columns that are not kept; the next vector needs a new layout."""
        kept = zip(self.series, keep.tolist(), strict=True)
        self.replace(tuple(labels for labels, stays in kept if stays))
        self.owners, self.sample_times_ms = self.owners[keep], self.sample_times_ms[keep]
        self.sample_values, self._state = self.sample_values[keep], self._state[keep]
        self._starts.compact(keep)
        self._whole = True
