"""One request's samples on their way into a sender's lanes.

Samples go by time, and at each time lane by lane. What a lane cannot take any more is
looked up in the store: a sender that had no answer sends a request again, and what is
there already is passed over in silence.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.series.homes import MOST_LANES, Homes
from ingest.series.lanes import Lane
from ingest.series.late_samples import LateSamples
from ingest.series.outcome import Outcome
from ingest.series.series_table import COLUMN_BITS, COLUMN_MASK, SeriesTable
from ingest.series.threads import done_in_thread
from ingest.series.write_request import Samples
from model.series import ABSENT_BITS
from storage.api.errors import OutOfOrderError
from storage.api.samples import SampleReader

_YIELD_AFTER_S: Final = 0.02
# From here on the layout is made in a thread.
_THREAD_COLUMNS: Final = 1000


class Intake:
    """Takes the samples of one request."""

    def __init__(
        self, table: SeriesTable, reader: SampleReader, outcome: Outcome, now_ms: int
    ) -> None:
        self._table, self._outcome, self._now_ms = table, outcome, now_ms
        self._homes = Homes(table, outcome)
        self._late_samples = LateSamples(self._homes, reader, self._move, now_ms)
        # Samples that their lanes are beyond, those of a time and a lane together.
        self._late: list[Samples] = []

    async def take(self, samples: Samples) -> None:
        """Append samples of series that have numbers.

        Raises:
            StorageError: the store refused; sending them again helps.
        """
        self._outcome.written += len(samples)
        homeless = self._table.places[samples["series"]] < 0
        if homeless.any():
            self._homes.place(samples[homeless])
        loop_time = asyncio.get_running_loop().time
        begun_s = loop_time()
        for part in _by_time(samples):
            await self._take_time(part)
            if loop_time() - begun_s > _YIELD_AFTER_S:
                await asyncio.sleep(0)
                begun_s = loop_time()
        # A lane that turns out to be beyond as well makes another round necessary.
        for _ in range(MOST_LANES + 1):
            if not self._late:
                return
            late, self._late = self._late, []
            await self._late_samples.take(late)
        for one in self._late:
            self._homes.refuse_late(one)

    async def _take_time(self, samples: Samples) -> None:
        """Give the samples of a time to the lanes where their series are at home."""
        places = self._table.places[samples["series"]]
        order = places.argsort(kind="stable")
        # Indexing would take twenty times as long: it copies field by field.
        samples, places = samples.take(order), places[order]
        if len(places) and places[0] < 0:
            self._homes.refuse_late(samples[places < 0])
            samples, places = samples[places >= 0], places[places >= 0]
        repeated = places[1:] == places[:-1]
        if repeated.any():
            is_first = np.concatenate([[True], ~repeated])
            samples, places = self._without_repeated(samples, is_first), places[is_first]
        cuts = (np.flatnonzero(np.diff(places >> COLUMN_BITS)) + 1).tolist()
        for start, stop in zip([0, *cuts], [*cuts, len(places)], strict=True):
            if start < stop:
                await self._offer(int(places[start]) >> COLUMN_BITS, samples[start:stop])

    def _without_repeated(self, samples: Samples, is_first: NDArray[np.bool_]) -> Samples:
        """Leave out what stands in the request twice; the first one counts."""
        firsts = samples[is_first]
        differs = _bits(samples) != _bits(firsts)[np.cumsum(is_first) - 1]
        self._homes.refuse_duplicates(samples[differs])
        return firsts

    async def _offer(self, lane_number: int, samples: Samples) -> None:
        """Give a lane the samples of a time, of series at home there, by column."""
        table = self._table
        lane, time_ms = table.lanes[lane_number], int(samples["time_ms"][0])
        columns = table.places[samples["series"]] & COLUMN_MASK
        if time_ms > lane.last_ms:
            dead = lane.dead()
            if dead is not None:
                dead[columns] = False
                table.compact(lane_number, dead)
                columns = table.places[samples["series"]] & COLUMN_MASK
            await self._prepare(lane)
            table.source_of(samples).last_ms = self._now_ms
            try:
                lane.write(time_ms, columns, samples, self._now_ms)
            except OutOfOrderError:
                self._late.append(samples)
            return
        given_ms = lane.given_ms[columns]
        known = given_ms == time_ms
        if known.any():
            self._compare(lane, columns[known], samples[known])
        late = given_ms > time_ms
        if late.any():
            self._late.append(samples[late])
        fresh = ~(known | late)
        if not fresh.any():
            return
        samples, columns = samples[fresh], columns[fresh]
        if time_ms == lane.last_ms:
            try:
                await self._prepare(lane)
                lane.amend(time_ms, columns, samples)
            except OutOfOrderError:
                pass
            else:
                return
        await self._move(lane, samples)

    async def _prepare(self, lane: Lane) -> None:
        if lane.lacks_layout and lane.width > _THREAD_COLUMNS:
            await done_in_thread(lane.prepare)

    async def _move(self, lane: Lane, samples: Samples) -> None:
        """Let series have another home, because theirs is ahead of them."""
        time_ms, numbers = int(samples["time_ms"][0]), samples["series"]
        homeless = self._homes.settle(time_ms, numbers, self._table.source_of(samples), lane)
        if len(homeless):
            staying = np.isin(numbers, homeless)
            self._homes.refuse_late(samples[staying])
            samples = samples[~staying]
        await self._take_time(samples)

    def _compare(self, lane: Lane, columns: NDArray[np.int64], samples: Samples) -> None:
        """Pass over what the lane has; refuse what it has otherwise."""
        given = lane.given[columns].view(np.uint64)
        same = given == _bits(samples)
        if same.all():
            return
        unsure = given == ABSENT_BITS
        if unsure.any():
            self._late.append(samples[unsure])
        self._homes.refuse_duplicates(samples[~(same | unsure)])


def _bits(samples: Samples) -> NDArray[np.uint64]:
    bits: NDArray[np.uint64] = samples["value"].view(np.uint64)
    return bits


def _by_time(samples: Samples) -> Iterator[Samples]:
    """Yield the samples of each time, the oldest first."""
    times_ms = samples["time_ms"]
    if not len(times_ms):
        return
    if (times_ms == times_ms[0]).all():
        yield samples
        return
    order = times_ms.argsort(kind="stable")
    cuts = np.flatnonzero(np.diff(times_ms[order])) + 1
    yield from np.split(samples.take(order), cuts)
