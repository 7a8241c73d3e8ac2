"""A sender's series by number: how requests name them, and where their samples go."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.series.key_cache import KeyCache
from ingest.series.lanes import NOBODY, Lane
from ingest.series.write_request import Samples, SeriesKey
from model.labels import Labels
from storage.api.samples import AmendingAppender

SOURCE_LABELS = ("instance", "job", "prometheus", "prometheus_replica", "replica")
"""What tells one source of a sender from another.

Usually a target's own labels, and those by which the replicas of a pair are told apart.
"""

# A lane's number stands above the column in a place.
COLUMN_BITS = 32
COLUMN_MASK = (1 << COLUMN_BITS) - 1
_UNPLACED = -1


class SenderSource:
    """One source of a sender: its lanes, and its series by their labels.

    Attributes:
        labels: the source's own.
        lanes: in the order of their streams.
        last_ms: when, by the clock, something of it came last.
    """

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.lanes: list[Lane] = []
        self.lane_numbers: list[int] = []
        self.last_ms = 0
        self.index: dict[Labels, int] | None = None
        self.pending: dict[int, Labels] = {}

    def numbers(self) -> dict[Labels, int]:
        """Return the series' numbers by their labels without the source's."""
        if self.index is None:
            self.index = {
                labels: owner
                for lane in self.lanes
                for labels, owner in zip(lane.series, lane.owners.tolist(), strict=True)
                if owner != NOBODY
            }
        return self.index


class SeriesTable:
    """Numbers a sender's series.

    Attributes:
        keys: numbers by what requests call the series.
        places: shape (numbers,), for each series its lane and column, or -1.
        source_numbers: shape (numbers,), its source.
        sources, lanes: by number.
        generation: changes whenever numbers change their meaning.
    """

    def __init__(self, appender: AmendingAppender, sender: str, most_series: int) -> None:
        self._appender, self._sender, self._most_series = appender, sender, most_series
        self.keys = KeyCache(max(most_series // 2, 1))
        self.places: NDArray[np.int64] = np.full(1024, _UNPLACED, np.int64)
        self.source_numbers: NDArray[np.int64] = np.zeros(1024, np.int64)
        self.sources: dict[int, SenderSource] = {}
        self.lanes: dict[int, Lane] = {}
        self._next_source = self._next_lane = 0
        self.generation = 0
        self._by_labels: dict[Labels, int] = {}
        self._next = 0
        self._free: list[int] = []

    def __len__(self) -> int:
        return self._next - len(self._free)

    def number_of(self, labels: Labels) -> int | None:
        """Return the number of a whole label set, a new one if need be.

        None if there are too many series.
        """
        source_number = self._source_number(labels.keep(SOURCE_LABELS))
        source = self.sources[source_number]
        rest = labels.drop(SOURCE_LABELS)
        numbers = source.numbers()
        known = numbers.get(rest)
        if known is not None:
            return known
        if len(self) >= self._most_series:
            return None
        number = self._new_number(source_number)
        numbers[rest] = number
        source.pending[number] = rest
        return number

    def labels_of(self, number: int) -> Labels:
        """Return a series' labels without its source's."""
        place = int(self.places[number])
        if place == _UNPLACED:
            return self.sources[int(self.source_numbers[number])].pending[number]
        return self.lanes[place >> COLUMN_BITS].series[place & COLUMN_MASK]

    def whole_labels_of(self, number: int) -> Labels:
        """Return a series' labels, its source's among them."""
        source = self.sources[int(self.source_numbers[number])]
        return source.labels.overlaid(self.labels_of(number))

    def source_of(self, samples: Samples) -> SenderSource:
        """Return the source of samples that have one."""
        return self.sources[int(self.source_numbers[samples["series"][0]])]

    def _source_number(self, labels: Labels) -> int:
        known = self._by_labels.get(labels)
        if known is not None:
            return known
        number = self._next_source
        self._next_source += 1
        self._by_labels[labels] = number
        self.sources[number] = SenderSource(labels)
        self._resume(number)
        return number

    def _resume(self, source_number: int) -> None:
        """Take up the lanes that the store still holds from before a restart."""
        source = self.sources[source_number]
        known: set[Labels] = set()
        while True:
            stream = self._appender.source(source.labels, self._stream(len(source.lanes)))
            last = self._appender.last_vector(stream)
            if last is None:
                return
            lane = Lane(self._appender, stream, last)
            lane_number = self._add_lane(source, lane)
            # A series may have left a column behind in a lane where it was before.
            for column in np.flatnonzero(lane.alive).tolist():
                labels = lane.series[column]
                if labels not in known:
                    known.add(labels)
                    lane.owners[column] = number = self._new_number(source_number)
                    self.places[number] = lane_number << COLUMN_BITS | column

    def _stream(self, number: int) -> str:
        return f"remote-write/{self._sender}/{number}"

    def add_lane(self, source: SenderSource) -> Lane:
        """Return a new lane of a source."""
        stream = self._appender.source(source.labels, self._stream(len(source.lanes)))
        lane = Lane(self._appender, stream, self._appender.last_vector(stream))
        self._add_lane(source, lane)
        return lane

    def _add_lane(self, source: SenderSource, lane: Lane) -> int:
        source.lanes.append(lane)
        number = self._next_lane
        self._next_lane += 1
        source.lane_numbers.append(number)
        self.lanes[number] = lane
        return number

    def _new_number(self, source_number: int) -> int:
        if self._free:
            number = self._free.pop()
        else:
            number = self._next
            self._next += 1
            if number >= len(self.places):
                self.places = np.concatenate([self.places, np.full_like(self.places, _UNPLACED)])
                self.source_numbers = np.concatenate(
                    [self.source_numbers, np.zeros_like(self.source_numbers)]
                )
        self.places[number] = _UNPLACED
        self.source_numbers[number] = source_number
        return number

    def settle(
        self, numbers: NDArray[np.int64], source: SenderSource, lane: Lane
    ) -> NDArray[np.int64]:
        """Make a lane the home of some series of its source; return their columns."""
        lane_number = source.lane_numbers[source.lanes.index(lane)]
        labels = [self.labels_of(number) for number in numbers.tolist()]
        old = self.places[numbers]
        for place in old[old != _UNPLACED].tolist():
            self.lanes[place >> COLUMN_BITS].owners[place & COLUMN_MASK] = NOBODY
        columns = self._columns_for(lane, labels, numbers)
        self.places[numbers] = lane_number << COLUMN_BITS | columns
        for number in numbers.tolist():
            source.pending.pop(number, None)
        return columns

    def _columns_for(
        self, lane: Lane, labels: Sequence[Labels], numbers: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        columns = np.empty(len(labels), np.int64)
        # A series that comes back to a lane finds its old column there.
        known = [lane.column_of(one) for one in labels] if lane.width else [None] * len(labels)
        new = [place for place, column in enumerate(known) if column is None]
        for place, column in enumerate(known):
            if column is not None:
                columns[place] = column
                lane.owners[column] = numbers[place]
        if new:
            columns[new] = lane.add([labels[place] for place in new], numbers[new])
        return columns

    def compact(self, lane_number: int, dead: NDArray[np.bool_]) -> None:
        """Do without some columns of a lane; their series lose their numbers."""
        lane = self.lanes[lane_number]
        self._release(lane.owners[dead & (lane.owners != NOBODY)].tolist())
        lane.compact(~dead)
        columns = np.flatnonzero(lane.owners != NOBODY)
        self.places[lane.owners[columns]] = lane_number << COLUMN_BITS | columns

    def _release(self, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        self.generation += 1
        self.keys.drop(set(numbers))
        for number in numbers:
            self._forget_index(number)
            self.places[number] = _UNPLACED
        self._free.extend(numbers)

    def _forget_index(self, number: int) -> None:
        source = self.sources[int(self.source_numbers[number])]
        source.index = None
        source.pending.pop(number, None)

    def learn(self, numbers: Mapping[SeriesKey, int]) -> None:
        """Remember the keys of series that have a home by now.

        The numbers of others, of which nothing was stored, are taken back; no key leads
        to them.
        """
        for key, number in numbers.items():
            if self.places[number] != _UNPLACED:
                self.keys.learn(key, number)
                continue
            source = self.sources[int(self.source_numbers[number])]
            labels = source.pending.pop(number, None)
            if labels is not None:
                self._free.append(number)
                if source.index is not None:
                    del source.index[labels]

    def rest(self) -> None:
        """Let go of what can be made again: it is needed while series are new only."""
        for source in self.sources.values():
            if not source.pending:
                source.index = None
            for lane in source.lanes:
                lane.rest()

    def sweep(self, before_ms: int) -> None:
        """Give up the sources of which nothing has come since a time."""
        for number, source in list(self.sources.items()):
            if source.last_ms < before_ms:
                self._give_up(number, source)

    def _give_up(self, number: int, source: SenderSource) -> None:
        owned = (lane.owners[lane.owners != NOBODY] for lane in source.lanes)
        self._release([*np.concatenate([*owned, np.empty(0, np.int64)]).astype(int).tolist()])
        self._release(list(source.pending))
        for lane_number in source.lane_numbers:
            del self.lanes[lane_number]
        del self._by_labels[source.labels], self.sources[number]
