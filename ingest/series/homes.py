"""Homes: which of its source's lanes takes a series' samples, and what none takes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.series.lanes import Lane
from ingest.series.outcome import Outcome
from ingest.series.series_table import SenderSource, SeriesTable
from ingest.series.write_request import Samples

MOST_LANES: Final = 64
# Each new vector costs in proportion to its columns, and so does each growth; 4,096 is
# more than a usual target has.
_LANE_COLUMNS: Final = 4096


class Homes:
    """Finds lanes for one request.

    Attributes:
        table: the sender's series.
    """

    def __init__(self, table: SeriesTable, outcome: Outcome) -> None:
        self.table, self._outcome = table, outcome

    def place(self, samples: Samples) -> None:
        """Give new series a home, all of a source at once: each growth takes a layout."""
        numbers = samples["series"]
        source_numbers = self.table.source_numbers[numbers]
        for source_number in np.unique(source_numbers).tolist():
            some = source_numbers == source_number
            first_ms = int(samples["time_ms"][some].min())
            self.settle(first_ms, np.unique(numbers[some]), self.table.sources[source_number])

    def settle(
        self,
        time_ms: int,
        numbers: NDArray[np.int64],
        source: SenderSource,
        but: Lane | None = None,
    ) -> NDArray[np.int64]:
        """Make lanes that can take a time the home of series; return those without one."""
        while len(numbers):
            lane = self.lane_for(time_ms, source, but)
            if lane is None:
                return numbers
            room = max(_LANE_COLUMNS - lane.width, 1)
            self.table.settle(numbers[:room], source, lane)
            numbers = numbers[room:]
        return numbers

    def lane_for(self, time_ms: int, source: SenderSource, but: Lane | None = None) -> Lane | None:
        """Return a lane that can take a time: best the one that is at it already."""
        able = [
            lane
            for lane in source.lanes
            if lane is not but
            and (lane.last_ms < time_ms or (lane.last_ms == time_ms != lane.closed_ms))
        ]
        roomy = [lane for lane in able if lane.width < _LANE_COLUMNS]
        if roomy:
            return max(roomy, key=lambda lane: lane.last_ms)
        if len(source.lanes) < MOST_LANES:
            lane = self.table.add_lane(source)
            # The store may hold something of an earlier life of this lane.
            return lane if lane.last_ms < time_ms else self.lane_for(time_ms, source, but)
        return max(able, key=lambda lane: lane.last_ms) if able else None

    def refuse_late(self, samples: Samples) -> None:
        """Refuse samples of one time that no lane can take."""
        self._refuse(
            samples, "out of order sample at", f": the source has {MOST_LANES} streams already"
        )

    def refuse_duplicates(self, samples: Samples) -> None:
        """Refuse samples of one time whose series have other values then."""
        self._refuse(samples, "duplicate sample for timestamp")

    def _refuse(self, samples: Samples, reason: str, why: str = "") -> None:
        if len(samples):
            shown = self.table.whole_labels_of(int(samples["series"][0]))
            time_ms, more = samples["time_ms"][0], len(samples) - 1
            self._outcome.written -= len(samples)
            self._outcome.reject(
                len(samples), f"{shown}: {reason} {time_ms} ms, and {more} more{why}"
            )
