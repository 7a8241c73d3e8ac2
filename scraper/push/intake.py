"""One request's samples on their way into a sender's lanes.

Samples go by time, and at each time lane by lane. What a lane cannot take any more is
looked up in the store: a sender that had no answer sends a request again, and what is
there already is passed over in silence.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher
from model.series import ABSENT_BITS, is_absent
from scraper.push.lanes import NOBODY, Lane
from scraper.push.series_table import (
    COLUMN_BITS,
    SOURCE_LABELS,
    SenderSource,
    SeriesTable,
)
from scraper.push.streams import NEVER, Values
from scraper.push.threads import done_in_thread
from storage.api.errors import OutOfOrderError
from storage.api.samples import SampleReader

Numbers = NDArray[np.int64]

# Each new vector costs in proportion to its columns, and so does each growth; 4,096 is
# more than a usual target has.
_LANE_COLUMNS: Final = 4096
_MOST_LANES: Final = 64
_COLUMN_MASK: Final = (1 << COLUMN_BITS) - 1

_MOST_MESSAGES: Final = 20
_YIELD_AFTER_S: Final = 0.02
# A series without a sample for so long is taken to have been behind its lane.
_BEHIND_MS: Final = 3_600_000
# From here on the layout is made in a thread.
_THREAD_COLUMNS: Final = 1000


@dataclass(slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        written: samples that are stored now, those stored before among them.
        rejected: samples that are not.
        messages: why, the first few.
        exemplars, histograms: how many there were; none is kept.
    """

    written: int = 0
    rejected: int = 0
    messages: list[str] = field(default_factory=list)
    exemplars: int = 0
    histograms: int = 0

    def note(self, message: str) -> None:
        """Remember why something was refused, if there is room."""
        if len(self.messages) < _MOST_MESSAGES:
            self.messages.append(message)

    def reject(self, count: int, message: str) -> None:
        """Count samples as refused."""
        self.rejected += count
        self.note(message)


@dataclass(frozen=True, slots=True, eq=False)
class _Late:
    """Samples of one time that their lane is beyond."""

    time_ms: int
    numbers: Numbers
    values: Values


class Intake:
    """Takes the samples of one request."""

    def __init__(
        self, table: SeriesTable, reader: SampleReader, outcome: Outcome, now_ms: int
    ) -> None:
        self._table, self._reader = table, reader
        self._outcome, self._now_ms = outcome, now_ms
        self._late: list[_Late] = []

    async def take(self, numbers: Numbers, times_ms: Numbers, values: Values) -> None:
        """Append samples of series that have numbers.

        Raises:
            StorageError: the store refused; sending them again helps.
        """
        self._outcome.written += len(numbers)
        homeless = self._table.places[numbers] < 0
        if homeless.any():
            self._place(numbers[homeless], times_ms[homeless])
        loop_time = asyncio.get_running_loop().time
        begun_s = loop_time()
        for part in _by_time(times_ms):
            time_ms = int(times_ms[part[0]])
            await self._take_time(time_ms, numbers[part], values[part])
            if loop_time() - begun_s > _YIELD_AFTER_S:
                await asyncio.sleep(0)
                begun_s = loop_time()
        if self._late:
            await self._take_late()

    async def _take_time(self, time_ms: int, numbers: Numbers, values: Values) -> None:
        table = self._table
        places = table.places[numbers]
        if places.min(initial=0) < 0:
            self._refuse_late(time_ms, numbers[places < 0])
            numbers, values = numbers[places >= 0], values[places >= 0]
            places = places[places >= 0]
        order = places.argsort(kind="stable")
        numbers, values, places = numbers[order], values[order], places[order]
        repeated = places[1:] == places[:-1]
        if repeated.any():
            numbers, values, places = self._without_repeated(
                time_ms, numbers, values, places, repeated
            )
        cuts = np.flatnonzero(np.diff(places >> COLUMN_BITS)) + 1
        for start, stop in zip([0, *cuts.tolist()], [*cuts.tolist(), len(places)], strict=True):
            if start == stop:
                return
            lane_number = int(places[start]) >> COLUMN_BITS
            await self._offer(lane_number, time_ms, numbers[start:stop], values[start:stop])

    def _without_repeated(
        self,
        time_ms: int,
        numbers: Numbers,
        values: Values,
        places: Numbers,
        repeated: NDArray[np.bool_],
    ) -> tuple[Numbers, Values, Numbers]:
        """Leave out what stands in the request twice; the first one counts."""
        first = np.concatenate([[True], ~repeated])
        leaders = np.flatnonzero(first)[np.cumsum(first) - 1]
        differs = values.view(np.uint64) != values.view(np.uint64)[leaders]
        self._refuse_other_values(time_ms, numbers[differs])
        return numbers[first], values[first], places[first]

    def _place(self, numbers: Numbers, times_ms: Numbers) -> None:
        """Give new series a home, all of a source at once: each growth takes a layout."""
        table = self._table
        source_numbers = table.source_numbers[numbers]
        for source_number in np.unique(source_numbers).tolist():
            some = source_numbers == source_number
            first_ms = int(times_ms[some].min())
            self._settle(first_ms, np.unique(numbers[some]), table.sources[source_number], None)

    def _settle(
        self, time_ms: int, numbers: Numbers, source: SenderSource, but: Lane | None
    ) -> Numbers:
        """Make lanes that can take a time the home of series; return those without one."""
        while len(numbers):
            lane = self._lane_for(time_ms, source, but)
            if lane is None:
                return numbers
            room = max(_LANE_COLUMNS - lane.width, 1)
            self._table.settle(numbers[:room], source, lane)
            numbers = numbers[room:]
        return numbers

    def _lane_for(self, time_ms: int, source: SenderSource, but: Lane | None) -> Lane | None:
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
        if len(source.lanes) < _MOST_LANES:
            lane = self._table.add_lane(source)
            # The store may hold something of an earlier life of this lane.
            return lane if lane.last_ms < time_ms else self._lane_for(time_ms, source, but)
        return max(able, key=lambda lane: lane.last_ms) if able else None

    async def _offer(
        self, lane_number: int, time_ms: int, numbers: Numbers, values: Values
    ) -> None:
        """Give a lane the samples of a time, of series at home there, by column."""
        table = self._table
        lane = table.lanes[lane_number]
        columns = table.places[numbers] & _COLUMN_MASK
        if time_ms > lane.last_ms:
            dead = lane.dead()
            if dead is not None:
                dead[columns] = False
                table.compact(lane_number, dead)
                columns = table.places[numbers] & _COLUMN_MASK
            await self._prepare(lane)
            table.sources[int(table.source_numbers[numbers[0]])].last_ms = self._now_ms
            try:
                lane.write(time_ms, columns, values, self._now_ms)
            except OutOfOrderError:
                self._late.append(_Late(time_ms, numbers, values))
            return
        given_ms = lane.given_ms[columns]
        known = given_ms == time_ms
        if known.any():
            self._compare(lane, time_ms, columns[known], numbers[known], values[known])
        late = given_ms > time_ms
        if late.any():
            self._late.append(_Late(time_ms, numbers[late], values[late]))
        fresh = ~(known | late)
        if not fresh.any():
            return
        numbers, columns, values = numbers[fresh], columns[fresh], values[fresh]
        if time_ms == lane.last_ms:
            try:
                await self._prepare(lane)
                lane.amend(time_ms, columns, values)
            except OutOfOrderError:
                pass
            else:
                return
        await self._move(lane, time_ms, numbers, values)

    async def _prepare(self, lane: Lane) -> None:
        if lane.lacks_layout and lane.width > _THREAD_COLUMNS:
            await done_in_thread(lane.prepare)

    async def _move(self, lane: Lane, time_ms: int, numbers: Numbers, values: Values) -> None:
        """Let series have another home, because theirs is ahead of them."""
        table = self._table
        source = table.sources[int(table.source_numbers[numbers[0]])]
        homeless = self._settle(time_ms, numbers, source, lane)
        if len(homeless):
            self._refuse_late(time_ms, homeless)
            staying = ~np.isin(numbers, homeless)
            numbers, values = numbers[staying], values[staying]
        places = table.places[numbers]
        order = places.argsort(kind="stable")
        numbers, values, places = numbers[order], values[order], places[order]
        cuts = np.flatnonzero(np.diff(places >> COLUMN_BITS)) + 1
        for some, given in zip(np.split(numbers, cuts), np.split(values, cuts), strict=True):
            if len(some):
                await self._offer(int(table.places[some[0]]) >> COLUMN_BITS, time_ms, some, given)

    def _compare(
        self, lane: Lane, time_ms: int, columns: Numbers, numbers: Numbers, values: Values
    ) -> None:
        """Pass over what the lane has; refuse what it has otherwise."""
        given = lane.given[columns].view(np.uint64)
        same = given == values.view(np.uint64)
        if same.all():
            return
        unsure = given == ABSENT_BITS
        if unsure.any():
            self._late.append(_Late(time_ms, numbers[unsure], values[unsure]))
        self._refuse_other_values(time_ms, numbers[~(same | unsure)])

    async def _take_late(self) -> None:
        """Look up in the store what lanes are beyond, and store what is not there."""
        # A lane that turns out to be beyond as well makes another round necessary.
        for _ in range(_MOST_LANES + 1):
            late, self._late = self._late, []
            if not late:
                return
            await self._take_some_late(late)
        for one in self._late:
            self._refuse_late(one.time_ms, one.numbers)

    async def _take_some_late(self, late_ones: list[_Late]) -> None:
        by_source = defaultdict[int, list[_Late]](list)
        for late in late_ones:
            source_numbers = self._table.source_numbers[late.numbers]
            for number in np.unique(source_numbers).tolist():
                some = source_numbers == number
                by_source[number].append(_Late(late.time_ms, late.numbers[some], late.values[some]))
        for number, of_source in by_source.items():
            await self._take_late_of(self._table.sources[number], of_source)

    async def _take_late_of(self, source: SenderSource, late: list[_Late]) -> None:
        table = self._table
        labels = {
            number: table.labels_of(number) for one in late for number in one.numbers.tolist()
        }
        times = [one.time_ms for one in late]
        span_ms = min(times), max(times) + _BEHIND_MS
        stored = await asyncio.to_thread(self._stored, source, labels, *span_ms)
        for one in sorted(late, key=lambda one: one.time_ms):
            overflow: dict[int, float] = {}
            for number, value in zip(one.numbers.tolist(), one.values.tolist(), strict=True):
                samples = stored.get(number, {})
                known = samples.get(one.time_ms)
                bits = int(np.float64(value).view(np.uint64))
                if known is None:
                    overflow[number] = value
                elif known != bits:
                    self._refuse_other_values(one.time_ms, np.array([number]))
            if overflow:
                await self._overflow(source, one.time_ms, overflow, labels, stored)

    def _stored(
        self, source: SenderSource, labels: dict[int, Labels], start_ms: int, end_ms: int
    ) -> dict[int, dict[int, int]]:
        """Return the samples in a range as the store has them, in bits; blocks."""
        wanted = {source.labels.overlaid(one): number for number, one in labels.items()}
        matchers = [Matcher.of(name, "=", source.labels.get(name)) for name in SOURCE_LABELS]
        names = {one.metric for one in labels.values()}
        if len(names) == 1:
            matchers.append(Matcher.of(METRIC_NAME, "=", names.pop()))
        found: dict[int, dict[int, int]] = {}
        for part in self._reader.select(matchers, start_ms, end_ms):
            there = ~is_absent(part.values)
            bits = part.values.view(np.uint64)
            for row, one in enumerate(part.labels):
                number = wanted.get(one)
                if number is not None:
                    columns = np.flatnonzero(there[row])
                    times = part.times_ms[part.rows[row], columns].tolist()
                    found[number] = dict(zip(times, bits[row, columns].tolist(), strict=True))
        return found

    async def _overflow(
        self,
        source: SenderSource,
        time_ms: int,
        samples: dict[int, float],
        labels: dict[int, Labels],
        stored: dict[int, dict[int, int]],
    ) -> None:
        """Store samples older than their lanes' last vectors."""
        table = self._table
        behind = []
        for number in samples:
            if max(stored.get(number, {}), default=NEVER) < time_ms:
                # Only the lane was ahead, not the series: it moves for good.
                place = int(table.places[number])
                table.lanes[place >> COLUMN_BITS].forget(place & _COLUMN_MASK, NEVER)
                behind.append(number)
        if behind:
            numbers = np.array(behind)
            values = np.array([samples[number] for number in behind])
            home = table.lanes[int(table.places[behind[0]]) >> COLUMN_BITS]
            await self._move(home, time_ms, numbers, values)
        rest = set(samples).difference(behind)
        for _ in range(_MOST_LANES + 1):
            lane = self._lane_for(time_ms, source, None)
            if not rest or lane is None:
                break
            rest -= self._written(lane, time_ms, sorted(rest), samples, labels)
        if rest:
            self._refuse_late(time_ms, np.array(sorted(rest)))

    def _written(
        self,
        lane: Lane,
        time_ms: int,
        numbers: list[int],
        samples: dict[int, float],
        labels: dict[int, Labels],
    ) -> set[int]:
        """Write samples to a lane that need not be their series' home; return whose."""
        columns: dict[int, int] = {}
        new = [number for number in numbers if lane.column_of(labels[number]) is None]
        if new:
            lane.add([labels[number] for number in new], [NOBODY] * len(new))
        for number in numbers:
            column = lane.column_of(labels[number])
            if column is not None and lane.given_ms[column] != time_ms:
                columns[column] = number
        places = np.array(sorted(columns), np.int64)
        values = np.array([samples[columns[column]] for column in places.tolist()])
        try:
            if time_ms > lane.last_ms:
                lane.write(time_ms, places, values, self._now_ms)
            else:
                lane.amend(time_ms, places, values)
        except OutOfOrderError:
            # The lane knows better now, and is not chosen again.
            return set()
        return set(columns.values())

    def _refuse_other_values(self, time_ms: int, numbers: Numbers) -> None:
        for number in numbers.tolist()[:1]:
            self._outcome.note(
                f"{self._shown(number)}: duplicate sample for timestamp {time_ms} ms, and"
                f" {len(numbers) - 1} more"
            )
        self._refuse(numbers)

    def _refuse_late(self, time_ms: int, numbers: Numbers) -> None:
        for number in numbers.tolist()[:1]:
            self._outcome.note(
                f"{self._shown(number)}: out of order sample at {time_ms} ms, and"
                f" {len(numbers) - 1} more: the source has {_MOST_LANES} streams already"
            )
        self._refuse(numbers)

    def _refuse(self, numbers: Numbers) -> None:
        self._outcome.written -= len(numbers)
        self._outcome.rejected += len(numbers)

    def _shown(self, number: int) -> str:
        source = self._table.sources[int(self._table.source_numbers[number])]
        return str(source.labels.overlaid(self._table.labels_of(number)))


def _by_time(times_ms: Numbers) -> Iterator[Numbers]:
    """Yield where the samples of each time are, the oldest first."""
    if not len(times_ms):
        return
    if (times_ms == times_ms[0]).all():
        yield np.arange(len(times_ms))
        return
    order = times_ms.argsort(kind="stable")
    cuts = np.flatnonzero(np.diff(times_ms[order])) + 1
    yield from np.split(order, cuts)
