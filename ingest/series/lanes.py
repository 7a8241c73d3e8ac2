"""Lanes: the streams in which a source's pushed samples go to the store.

Requests cut a scrape anywhere, and a sender's parallel connections run ahead of each
other. A lane takes series that come at the same times: what comes at the time of its
last vector is put into that one, what comes later begins the next. Series for which a
lane is too far ahead belong to another lane from then on.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.series.start_times import LaneStarts
from ingest.series.streams import NEVER, Columns, PushStream, Values, absent
from ingest.series.write_request import Samples
from model.labels import Labels
from model.series import ABSENT_BITS, STALE_BITS
from storage.api.errors import OutOfOrderError
from storage.api.samples import AmendingAppender, LastVector, Source, Vector

NOBODY = -1

# How often a lane looks whether many of its columns are dead, in vectors, which share
# of them is many, and after how long without a sample one is dead.
_LOOK_AFTER_VECTORS = 64
_LOOK_FOR_MOVED_AFTER_VECTORS = 4
_DEAD_RATIO = 0.25
_DEAD_AFTER_MS = 3_600_000
_FEW = 16

# The store forgets what a source's vectors were after a day of silence.
_HELD_MS = 12 * 3_600_000


class Lane(PushStream):
    """Appends the vectors of one stream, and puts what comes later into the last one.

    Attributes:
        owners: shape (columns,), the number of the series whose home a column is, or
            NOBODY.
        given_ms, given: shape (columns,), when each was given a sample last, and which;
            ABSENT where that is not known.
        closed_ms: the time of a vector that the store does not amend any more.
    """

    _appender: AmendingAppender

    def __init__(
        self, appender: AmendingAppender, source: Source, last: LastVector | None = None
    ) -> None:
        super().__init__(appender, source)
        self.closed_ms = NEVER
        self.owners: Columns = np.empty(0, np.int64)
        self.given_ms: Columns = np.empty(0, np.int64)
        self.given: Values = np.empty(0)
        self._state: Values = np.empty(0)
        self._starts = LaneStarts()
        self._whole = True
        self._vectors = 0
        if last is not None:
            self._resume(last)

    def _resume(self, last: LastVector) -> None:
        self.last_ms, self._layout, self._whole = last.time_ms, last.layout, False
        self.series, self._state, self.given = last.layout.series, last.values, last.values.copy()
        self._starts = LaneStarts(last.starts_ms)
        self.owners = np.full(self.width, NOBODY, np.int64)
        # Of the others nothing is known but that they have no sample at the last time.
        self.given_ms = np.where(self.alive, last.time_ms, last.time_ms - 1)

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Shape (columns,): which have a sample in the last vector and did not end there."""
        return np.not_equal(self._state.view(np.uint64), ABSENT_BITS)

    def add(self, series: Sequence[Labels], owners: Sequence[int] | Columns) -> Columns:
        """Give some series columns and return them."""
        first, count = self.width, len(series)
        self.grow(series)
        self.owners = np.concatenate([self.owners, np.asarray(owners, np.int64)])
        self.given_ms = np.concatenate([self.given_ms, np.full(count, NEVER, np.int64)])
        self.given = np.concatenate([self.given, absent(count)])
        self._state = np.concatenate([self._state, absent(count)])
        self._starts.grow(count)
        return np.arange(first, first + count)

    def forget(self, column: int, last_ms: int) -> None:
        """Note that nothing is known of a column but that it had no sample after a time."""
        self.given_ms[column] = last_ms
        self.given[column : column + 1].view(np.uint64)[:] = ABSENT_BITS

    def write(self, time_ms: int, columns: Columns, samples: Samples, now_ms: int) -> None:
        """Begin the next vector; columns that are not given have no sample in it.

        Args:
            time_ms: later than `last_ms`.
            columns: distinct, ascending.
            samples: theirs, STALE to end a series.
            now_ms: the store lets go of what is long past.

        Raises:
            OutOfOrderError: the store holds a later vector of before; nothing is known
                of these columns then.
            StorageError: the store refused.
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
            self.last_ms = self.closed_ms = self.given_ms[columns] = exc.last_ms
            self.given[columns] = absent(len(columns))
            raise
        self._whole = False
        self.last_ms = time_ms
        self._state = full
        self._starts.note(starts)
        self._note(time_ms, columns, samples)
        self._vectors += 1

    def amend(self, time_ms: int, columns: Columns, samples: Samples) -> None:
        """Put columns without a sample into the last vector.

        Raises:
            OutOfOrderError: the store does not change that vector any more.
            StorageError: the store refused.
        """
        if self.closed_ms == time_ms or self._whole:
            raise OutOfOrderError(str(self._source), time_ms, self.last_ms)
        layout = self.prepare()
        # Columns whose series are elsewhere by now may have a sample in this vector.
        every = np.ones(self.width, np.bool_)
        starts = self._starts.change(columns, samples["start_ms"], every, whole=False)
        given = columns.astype(np.uint32)
        vector = Vector(time_ms, layout, given, samples["value"].copy(), starts)
        try:
            self._appender.amend(self._source, vector)
        except OutOfOrderError:
            self.closed_ms = time_ms
            # Columns that were added for this are in no vector yet.
            self._whole = True
            raise
        self._state[columns] = samples["value"]
        self._starts.note(starts)
        self._note(time_ms, columns, samples)

    def _note(self, time_ms: int, columns: Columns, samples: Samples) -> None:
        self.given_ms[columns] = time_ms
        self.given[columns] = samples["value"]
        if STALE_BITS in samples["value"].view(np.uint64):
            state = self._state.view(np.uint64)
            state[state == STALE_BITS] = ABSENT_BITS

    def dead(self) -> NDArray[np.bool_] | None:
        """Return which columns to do without, None if it is not worth it now.

        Series that moved away are, so that no label set is in two lanes for long.
        """
        if not self._vectors or self._vectors % _LOOK_FOR_MOVED_AFTER_VECTORS:
            return None
        ended = ~self.alive
        moved = (self.owners == NOBODY) & ended
        if self._vectors < _LOOK_AFTER_VECTORS:
            return moved if moved.any() else None
        self._vectors = 0
        dead = moved | ((self.last_ms - self.given_ms > _DEAD_AFTER_MS) & ended)
        return dead if dead.sum() > max(_FEW, _DEAD_RATIO * self.width) else None

    def compact(self, keep: NDArray[np.bool_]) -> None:
        """Do without the columns that are not kept; the next vector has a new layout."""
        kept = zip(self.series, keep.tolist(), strict=True)
        self.replace(tuple(labels for labels, stays in kept if stays))
        self.owners, self.given_ms = self.owners[keep], self.given_ms[keep]
        self.given, self._state = self.given[keep], self._state[keep]
        self._starts.compact(keep)
        self._whole = True
