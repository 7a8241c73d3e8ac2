"""The series of one sender: their numbers, labels and places."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.limits.budgets import Admission, PushBudget, Refusal
from ingest.limits.write_limits import SENDER_LIMITS, WriteLimits
from ingest.series.lane import NOBODY, Lane
from ingest.series.sample_batch import Samples, SeriesKey
from ingest.series.sender_source import SOURCE_LABELS, SenderSource
from ingest.series.series_cache import SeriesCache
from model.label_limits import memory_of
from model.labels import Labels
from model.limits import LimitName
from storage.api.samples import AmendingAppender

# A place is `lane number << COLUMN_BITS | column`.
COLUMN_BITS = 32
COLUMN_MASK = (1 << COLUMN_BITS) - 1
UNPLACED = -1
_FIRST_CAPACITY = 1024


class SeriesTable:
    """Numbers the series of a sender.

    Attributes:
        budget: what the sender has, kept up to date here.
        cache: series numbers by key.
        places: shape (numbers,), the lane and column of each series, or UNPLACED.
        source_numbers: shape (numbers,), the source of each series.
        serials: shape (numbers,), distinguishes the series that had a number in turn.
        sources, lanes: by number.
    """

    def __init__(
        self,
        appender: AmendingAppender,
        stream_prefix: str,
        limits: WriteLimits,
        budget: PushBudget,
    ) -> None:
        self._appender, self._stream_prefix = appender, stream_prefix
        self._source_series, self.budget = limits.source_series, budget
        self.cache = SeriesCache(max((limits.sender.series or SENDER_LIMITS.series) // 2, 1))
        self.places: NDArray[np.int64] = np.full(_FIRST_CAPACITY, UNPLACED, np.int64)
        self.source_numbers: NDArray[np.int64] = np.zeros(_FIRST_CAPACITY, np.int64)
        self.serials: NDArray[np.int64] = np.zeros(_FIRST_CAPACITY, np.int64)
        self.sources: dict[int, SenderSource] = {}
        self.lanes: dict[int, Lane] = {}
        self._numbers_of_sources: dict[Labels, int] = {}
        self._next_source = self._next_lane = self._next = self._serial = 0
        self._free: list[int] = []
        # By number: the memory of the labels, and the budget of the token that added the
        # series.
        self._label_bytes: list[int] = []
        self._tokens: list[PushBudget | None] = []

    def __len__(self) -> int:
        return self._next - len(self._free)

    def number_of(self, labels: Labels, admission: Admission) -> int | Refusal:
        """Return the number of a series, a new one for a new series.

        Args:
            labels: all labels, the source's among them.
            admission: of the request; it may refuse a new series.
        """
        source_labels, label_bytes = labels.keep(SOURCE_LABELS), memory_of(labels)
        source_number = self._numbers_of_sources.get(source_labels)
        if source_number is None:
            # First, because a source stays in the store once it has been asked for.
            refusal = admission.refusal(series=1, label_bytes=label_bytes, streams=1)
            if refusal is not None:
                return refusal
            source_number = self._new_source(source_labels)
        source = self.sources[source_number]
        own_labels = labels.drop(SOURCE_LABELS)
        known = source.number_of(own_labels)
        if known is not None:
            return known
        refusal = admission.refusal(series=1, label_bytes=label_bytes)
        if refusal is None and 0 < self._source_series <= source.series:
            refusal = self._source_refusal(source)
        if refusal is not None:
            return refusal
        admission.add(series=1, label_bytes=label_bytes)
        number = self._new_number(source_number, label_bytes, admission.token)
        source.add_series(own_labels, number)
        return number

    def _source_refusal(self, source: SenderSource) -> Refusal:
        reason = f"{self._source_series:,} active series of the source {source.labels}"
        return Refusal(LimitName.SOURCE_SERIES, f"{reason}, the limit (ingest.source_series)")

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
        order = source_numbers.argsort(kind="stable")
        # `take`, because indexing copies field by field and is 20 times slower.
        samples, source_numbers = samples.take(order), source_numbers[order]
        cuts = np.flatnonzero(np.diff(source_numbers)) + 1
        for part in np.split(samples, cuts) if len(samples) else ():
            yield self.source_of(part), part

    def columns_of(self, samples: Samples) -> NDArray[np.int64]:
        """Return the column of each sample in the lane of its series."""
        columns: NDArray[np.int64] = self.places[samples["series"]] & COLUMN_MASK
        return columns

    def columns_in(self, lane: Lane, samples: Samples) -> NDArray[np.int64]:
        """Return the columns of those samples whose series are in a lane."""
        places = self.places[samples["series"]]
        columns: NDArray[np.int64] = places[places >> COLUMN_BITS == lane.number] & COLUMN_MASK
        return columns

    def _new_source(self, labels: Labels) -> int:
        number = self._next_source
        self._next_source += 1
        self._numbers_of_sources[labels] = number
        source = self.sources[number] = SenderSource(labels, self._appender, self._stream_prefix)
        self._resume(number, source)
        return number

    def _resume(self, source_number: int, source: SenderSource) -> None:
        """Open the lanes that the store holds from before a restart."""
        known: set[Labels] = set()
        source_bytes = memory_of(source.labels)
        while (lane := source.stored_lane(self._next_lane)) is not None:
            self._register(lane)
            self.budget.add_known(streams=1)
            for column in np.flatnonzero(lane.alive).tolist():
                # A series that moved may have left a column in an earlier lane.
                labels = lane.series[column]
                if labels not in known:
                    known.add(labels)
                    label_bytes = source_bytes + memory_of(labels)
                    number = self._new_number(source_number, label_bytes)
                    self.budget.add_known(series=1, label_bytes=label_bytes)
                    source.series += 1
                    lane.owners[column] = number
                    self.places[number] = lane.number << COLUMN_BITS | column

    def add_lane(self, source: SenderSource, admission: Admission) -> Lane | Refusal:
        """Return a new lane of a source."""
        refusal = admission.refusal(streams=1)
        if refusal is not None:
            return refusal
        admission.add(streams=1)
        source.stream_tokens.append(admission.token)
        return self._register(source.new_lane(self._next_lane))

    def _register(self, lane: Lane) -> Lane:
        self._next_lane += 1
        self.lanes[lane.number] = lane
        return lane

    def _new_number(
        self, source_number: int, label_bytes: int, token: PushBudget | None = None
    ) -> int:
        if self._free:
            number = self._free.pop()
            self._label_bytes[number], self._tokens[number] = label_bytes, token
        else:
            self._label_bytes.append(label_bytes)
            self._tokens.append(token)
            number = self._next
            self._next += 1
            if number >= len(self.places):
                self.places = np.concatenate([self.places, np.full_like(self.places, UNPLACED)])
                self.source_numbers = np.concatenate(
                    [self.source_numbers, np.zeros_like(self.source_numbers)]
                )
                self.serials = np.concatenate([self.serials, np.zeros_like(self.serials)])
        self._serial += 1
        self.serials[number] = self._serial
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
            source = self.sources[int(self.source_numbers[number])]
            source.drop_index()
            source.series -= 1
            self.places[number] = UNPLACED
            self._free_number(number)

    def _free_number(self, number: int) -> None:
        label_bytes, token = self._label_bytes[number], self._tokens[number]
        self.budget.add_known(series=-1, label_bytes=-label_bytes)
        if token is not None:
            token.add_known(series=-1, label_bytes=-label_bytes)
            self._tokens[number] = None
        self._free.append(number)

    def remember(self, numbers: Mapping[SeriesKey, int]) -> None:
        """Cache the keys of new series; series that got no lane lose their numbers."""
        for key, number in numbers.items():
            if self.places[number] != UNPLACED:
                self.cache.add(key, number)
            elif self.sources[int(self.source_numbers[number])].remove_unplaced(number):
                self._free_number(number)

    def trim(self) -> None:
        """Free indexes that are needed only while series are new."""
        for source in self.sources.values():
            source.trim()

    def remove_silent(self, before_ms: int) -> None:
        """Remove the sources without a vector since a time."""
        silent = [
            (number, source)
            for number, source in self.sources.items()
            if source.last_ms < before_ms
        ]
        # All at once: the cache is searched for the keys of what is released.
        self._release([number for _, source in silent for number in source.numbers()])
        for number, source in silent:
            self._remove_source(number, source)

    def _remove_source(self, number: int, source: SenderSource) -> None:
        for lane in source.lanes:
            del self.lanes[lane.number]
        self.budget.add_known(streams=-len(source.lanes))
        for token in source.stream_tokens:
            if token is not None:
                token.add_known(streams=-1)
        del self._numbers_of_sources[source.labels], self.sources[number]
