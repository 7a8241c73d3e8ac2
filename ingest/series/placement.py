"""Placement: which lane of its source takes the samples of a series."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.limits.budgets import Admission, Refusal
from ingest.series.lane import NOBODY, Lane
from ingest.series.sample_batch import Samples
from ingest.series.sender_source import SenderSource
from ingest.series.series_table import COLUMN_BITS, COLUMN_MASK, UNPLACED, SeriesTable
from model.distinct import distinct
from model.labels import Labels

MOST_LANES: Final = 64
"""How many lanes a source may have."""

# A vector, and each growth of a lane, costs in proportion to its columns; 4,096 is more
# than a usual target has.
_LANE_COLUMNS: Final = 4096


class Placement:
    """Assigns the series of a sender to lanes.

    Attributes:
        refusal: the limit that refused the last lane that was needed, None if none did.
    """

    def __init__(self, table: SeriesTable, admission: Admission) -> None:
        self._table, self._admission = table, admission
        self.refusal: Refusal | None = None

    def place(self, source: SenderSource, samples: Samples) -> Iterator[None]:
        """Assign new series of a source to lanes; without a lane they stay unplaced.

        Each step takes some milliseconds. It adds all series that a lane takes at once,
        because each growth needs a new layout.
        """
        first_ms = int(samples["time_ms"].min())
        numbers = distinct(samples["series"])
        while len(numbers):
            left = self._assign_some(first_ms, numbers, source, None)
            yield
            if len(left) == len(numbers):
                return
            numbers = left

    def move(self, lane: Lane, samples: Samples) -> NDArray[np.bool_]:
        """Assign the series of samples of one time to another lane that takes this time.

        Returns:
            Shape (samples,): whether there is such a lane.
        """
        numbers, time_ms = samples["series"], int(samples["time_ms"][0])
        source = self._table.source_of(samples)
        left = self._assign(time_ms, numbers, source, lane)
        moved: NDArray[np.bool_] = ~np.isin(numbers, left)
        return moved

    def lane_for(
        self, time_ms: int, source: SenderSource, exclude: Lane | None = None
    ) -> Lane | None:
        """Return the lane with the latest vector that takes a time, or a new lane.

        None if the source has 64 lanes and none takes it, or if a limit refuses a new one.
        """
        able = [lane for lane in source.lanes if lane is not exclude and lane.takes(time_ms)]
        roomy = [lane for lane in able if lane.width < _LANE_COLUMNS]
        if roomy:
            return max(roomy, key=lambda lane: lane.last_ms)
        if len(source.lanes) < MOST_LANES:
            added = self._table.add_lane(source, self._admission)
            if not isinstance(added, Refusal):
                # The store may hold a later vector of its stream.
                return added if added.last_ms < time_ms else self.lane_for(time_ms, source, exclude)
            self.refusal = added
        return max(able, key=lambda lane: lane.last_ms) if able else None

    def _assign(
        self, time_ms: int, numbers: NDArray[np.int64], source: SenderSource, exclude: Lane | None
    ) -> NDArray[np.int64]:
        """Assign series to lanes that take a time; return the series without such a lane."""
        while len(numbers):
            left = self._assign_some(time_ms, numbers, source, exclude)
            if len(left) == len(numbers):
                break
            numbers = left
        return numbers

    def _assign_some(
        self, time_ms: int, numbers: NDArray[np.int64], source: SenderSource, exclude: Lane | None
    ) -> NDArray[np.int64]:
        """Assign series to one lane that takes a time; return the series that are left."""
        lane = self.lane_for(time_ms, source, exclude)
        if lane is None:
            return numbers
        # If all lanes are full, one takes the rest at once: each growth copies it.
        room = _LANE_COLUMNS - lane.width if lane.width < _LANE_COLUMNS else len(numbers)
        self._assign_to(lane, numbers[:room], source)
        return numbers[room:]

    def _assign_to(self, lane: Lane, numbers: NDArray[np.int64], source: SenderSource) -> None:
        table = self._table
        labels = [table.labels_of(number) for number in numbers.tolist()]
        old = table.places[numbers]
        for place in old[old != UNPLACED].tolist():
            table.lanes[place >> COLUMN_BITS].owners[place & COLUMN_MASK] = NOBODY
        columns = _columns_for(lane, labels, numbers)
        table.places[numbers] = lane.number << COLUMN_BITS | columns
        for number in numbers.tolist():
            source.unplaced.pop(number, None)


def _columns_for(
    lane: Lane, labels: Sequence[Labels], numbers: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a column for each series; one that returns to a lane gets its old column."""
    columns = np.empty(len(labels), np.int64)
    known = [lane.column_of(one) for one in labels] if lane.width else [None] * len(labels)
    new = [at for at, column in enumerate(known) if column is None]
    for at, column in enumerate(known):
        if column is not None:
            columns[at] = column
            lane.owners[column] = numbers[at]
    if new:
        columns[new] = lane.add([labels[at] for at in new], numbers[new])
    return columns
