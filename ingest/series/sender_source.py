"""One source of a sender: its lanes and its series by label set."""

from itertools import chain
from typing import TYPE_CHECKING

from ingest.series.lane import NOBODY, Lane
from model.labels import Labels
from model.process.garbage import exclude_from_collections
from storage.api.samples import AmendingAppender, LastVector, Source

if TYPE_CHECKING:
    from ingest.limits.budgets import PushBudget

SOURCE_LABELS = ("instance", "job", "prometheus", "prometheus_replica", "replica")
"""The labels that identify a source of a sender.

Usually those of a scrape target, and those that distinguish the replicas of a pair.
"""


class SenderSource:
    """The series of a sender that share their `SOURCE_LABELS`.

    Attributes:
        labels: the source labels.
        lanes: in the order of their streams.
        unplaced: the labels of series without a lane, by number.
        last_ms: when, by the server's clock, the last vector was appended.
        series: how many series have a number.
        stream_tokens: the budgets of the tokens that added lanes.
    """

    def __init__(self, labels: Labels, appender: AmendingAppender, stream_prefix: str) -> None:
        self.labels = labels
        self.lanes: list[Lane] = []
        self.unplaced: dict[int, Labels] = {}
        self.last_ms = self.series = 0
        self.stream_tokens: list[PushBudget | None] = []
        self._appender, self._stream_prefix = appender, stream_prefix
        self._index: dict[Labels, int] | None = None

    def stored_lane(self, number: int) -> Lane | None:
        """Add and return the next lane if the store holds a vector of it, else None."""
        stream = self._next_stream()
        last = self._appender.last_vector(stream)
        return None if last is None else self._add(number, stream, last)

    def new_lane(self, number: int) -> Lane:
        """Add and return a lane; it resumes what the store holds of its stream."""
        stream = self._next_stream()
        return self._add(number, stream, self._appender.last_vector(stream))

    def _next_stream(self) -> Source:
        return self._appender.source(self.labels, f"{self._stream_prefix}/{len(self.lanes)}")

    def _add(self, number: int, stream: Source, last: LastVector | None) -> Lane:
        lane = Lane(number, self._appender, stream, last)
        self.lanes.append(lane)
        return lane

    def number_of(self, labels: Labels) -> int | None:
        """Return the number of a series by its labels without the source's, None if new."""
        if self._index is None:
            self._index = {
                labels: owner
                for lane in self.lanes
                for labels, owner in zip(lane.series, lane.owners.tolist(), strict=True)
                if owner != NOBODY
            }
            self._index |= {labels: number for number, labels in self.unplaced.items()}
        return self._index.get(labels)

    def add_series(self, labels: Labels, number: int) -> None:
        """Add a series that has no lane yet."""
        exclude_from_collections(labels)
        self.unplaced[number] = labels
        self.series += 1
        if self._index is not None:
            self._index[labels] = number

    def remove_unplaced(self, number: int) -> bool:
        """Remove a series that never got a lane; return whether there was one."""
        labels = self.unplaced.pop(number, None)
        if labels is None:
            return False
        self.series -= 1
        if self._index is not None:
            del self._index[labels]
        return True

    def numbers(self) -> list[int]:
        """Return the numbers of all series."""
        owned = [lane.owners[lane.owners != NOBODY].tolist() for lane in self.lanes]
        return [*chain.from_iterable(owned), *self.unplaced]

    def drop_index(self) -> None:
        """Free the index by label set; `number_of` builds it again."""
        self._index = None

    def trim(self) -> None:
        """Free what is needed only while series are new."""
        self.drop_index()
        for lane in self.lanes:
            lane.trim()
