"""The series of one sender: their numbers, labels and places."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ingest.series.lane import NOBODY, Lane
from ingest.series.sample_batch import Samples, SeriesKey
from ingest.series.sender_source import SOURCE_LABELS, SenderSource
from ingest.series.series_cache import SeriesCache
from model.labels import Labels
from storage.api.samples import AmendingAppender

# A place is `lane number << COLUMN_BITS | column`.
COLUMN_BITS = 32
COLUMN_MASK = (1 << COLUMN_BITS) - 1
UNPLACED = -1
_FIRST_CAPACITY = 1024


class SeriesTable:
    """Numbers the series of a sender.

    Attributes:
        cache: series numbers by key.
        places: shape (numbers,), the lane and column of each series, or UNPLACED.
        source_numbers: shape (numbers,), the source of each series.
        sources, lanes: by number.
    """

    def __init__(self, appender: AmendingAppender, stream_prefix: str, most_series: int) -> None:
        self._appender, self._stream_prefix = appender, stream_prefix
        self._most_series = most_series
        self.cache = SeriesCache(max(most_series // 2, 1))
        self.places: NDArray[np.int64] = np.full(_FIRST_CAPACITY, UNPLACED, np.int64)
        self.source_numbers: NDArray[np.int64] = np.zeros(_FIRST_CAPACITY, np.int64)
        self.sources: dict[int, SenderSource] = {}
        self.lanes: dict[int, Lane] = {}
        self._numbers_of_sources: dict[Labels, int] = {}
        self._next_source = self._next_lane = self._next = 0
        self._free: list[int] = []

    def __len__(self) -> int:
        return self._next - len(self._free)

    def number_of(self, labels: Labels) -> int | None:
        """Return the number of a series, a new one for a new series.

        Args:
            labels: all labels, the source's among them.

        Returns:
            None if the sender has too many series.
        """
        source_number = self._source_number(labels.keep(SOURCE_LABELS))
        source = self.sources[source_number]
        own_labels = labels.drop(SOURCE_LABELS)
        known = source.number_of(own_labels)
        if known is not None:
            return known
        if len(self) >= self._most_series:
            return None
        number = self._new_number(source_number)
        source.add_series(own_labels, number)
        return number

    def labels_of(self, number: int) -> Labels:
        """Return the labels of a series without its source's."""
        place = int(self.places[number])
        if place == UNPLACED:
            return self.sources[int(self.source_numbers[number])].unplaced[number]
        return self.lanes[place >> COLUMN_BITS].series[place & COLUMN_MASK]

    def whole_labels_of(self, number: int) -> Labels:
        """Return all labels of a series."""
        source = self.sources[int(self.source_numbers[number])]
        return source.labels.overlaid(self.labels_of(number))

    def source_of(self, samples: Samples) -> SenderSource:
        """Return the source of samples that share one; at least one sample."""
        return self.sources[int(self.source_numbers[samples["series"][0]])]

    def by_source(self, samples: Samples) -> Iterator[tuple[SenderSource, Samples]]:
        """Yield samples source by source."""
        source_numbers = self.source_numbers[samples["series"]]
        for number in np.unique(source_numbers).tolist():
            yield self.sources[number], samples[source_numbers == number]

    def columns_of(self, samples: Samples) -> NDArray[np.int64]:
        """Return the column of each sample in the lane of its series."""
        columns: NDArray[np.int64] = self.places[samples["series"]] & COLUMN_MASK
        return columns

    def columns_in(self, lane: Lane, samples: Samples) -> NDArray[np.int64]:
        """Return the columns of those samples whose series are in a lane."""
        places = self.places[samples["series"]]
        columns: NDArray[np.int64] = places[places >> COLUMN_BITS == lane.number] & COLUMN_MASK
        return columns

    def _source_number(self, labels: Labels) -> int:
        known = self._numbers_of_sources.get(labels)
        if known is not None:
            return known
        number = self._next_source
        self._next_source += 1
        self._numbers_of_sources[labels] = number
        source = self.sources[number] = SenderSource(labels, self._appender, self._stream_prefix)
        self._resume(number, source)
        return number

    def _resume(self, source_number: int, source: SenderSource) -> None:
        """Open the lanes that the store holds from before a restart."""
        known: set[Labels] = set()
        while (lane := source.stored_lane(self._next_lane)) is not None:
            self._register(lane)
            for column in np.flatnonzero(lane.alive).tolist():
                # A series that moved may have left a column in an earlier lane.
                labels = lane.series[column]
                if labels not in known:
                    known.add(labels)
                    lane.owners[column] = number = self._new_number(source_number)
                    self.places[number] = lane.number << COLUMN_BITS | column

    def add_lane(self, source: SenderSource) -> Lane:
        """Return a new lane of a source."""
        return self._register(source.new_lane(self._next_lane))

    def _register(self, lane: Lane) -> Lane:
        self._next_lane += 1
        self.lanes[lane.number] = lane
        return lane

    def _new_number(self, source_number: int) -> int:
        if self._free:
            number = self._free.pop()
        else:
            number = self._next
            self._next += 1
            if number >= len(self.places):
                self.places = np.concatenate([self.places, np.full_like(self.places, UNPLACED)])
                self.source_numbers = np.concatenate(
                    [self.source_numbers, np.zeros_like(self.source_numbers)]
                )
        self.places[number] = UNPLACED
        self.source_numbers[number] = source_number
        return number

    def compact(self, lane: Lane, dead: NDArray[np.bool_]) -> None:
        """Remove columns of a lane; their series lose their numbers."""
        self._release(lane.owners[dead & (lane.owners != NOBODY)].tolist())
        lane.compact(~dead)
        columns = np.flatnonzero(lane.owners != NOBODY)
        self.places[lane.owners[columns]] = lane.number << COLUMN_BITS | columns

    def _release(self, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        self.cache.remove(set(numbers))
        for number in numbers:
            self.sources[int(self.source_numbers[number])].drop_index()
            self.places[number] = UNPLACED
        self._free.extend(numbers)

    def remember(self, numbers: Mapping[SeriesKey, int]) -> None:
        """Cache the keys of new series; series that got no lane lose their numbers."""
        for key, number in numbers.items():
            if self.places[number] != UNPLACED:
                self.cache.add(key, number)
            elif self.sources[int(self.source_numbers[number])].remove_unplaced(number):
                self._free.append(number)

    def trim(self) -> None:
        """Free indexes that are needed only while series are new."""
        for source in self.sources.values():
            source.trim()

    def remove_silent(self, before_ms: int) -> None:
        """Remove the sources without a vector since a time."""
        for number, source in list(self.sources.items()):
            if source.last_ms < before_ms:
                self._remove_source(number, source)

    def _remove_source(self, number: int, source: SenderSource) -> None:
        owned = [lane.owners[lane.owners != NOBODY].tolist() for lane in source.lanes]
        self._release([*chain.from_iterable(owned), *source.unplaced])
        for lane in source.lanes:
            del self.lanes[lane.number]
        del self._numbers_of_sources[source.labels], self.sources[number]
