"""Samples that their series' lanes are beyond: looked up in the store, and put beside."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.series.homes import MOST_LANES, Homes
from ingest.series.lanes import NOBODY, Lane
from ingest.series.series_table import COLUMN_BITS, COLUMN_MASK, SOURCE_LABELS, SenderSource
from ingest.series.streams import NEVER
from ingest.series.write_request import Samples
from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher
from model.series import is_absent
from storage.api.errors import OutOfOrderError
from storage.api.samples import SampleReader

# A series without a sample for so long is taken to have been behind its lane.
_BEHIND_MS: Final = 3_600_000

_Stored = Mapping[int, Mapping[int, int]]
"""Values in bits, by time, by the number of the series."""


class LateSamples:
    """Stores what is late in one request."""

    def __init__(
        self,
        homes: Homes,
        reader: SampleReader,
        move: Callable[[Lane, Samples], Awaitable[None]],
        now_ms: int,
    ) -> None:
        """Know what is there.

        Args:
            homes: the lanes.
            reader: of what is stored.
            move: gives series another home than a lane, and their samples to it.
            now_ms: the time.
        """
        self._homes, self._reader, self._move, self._now_ms = homes, reader, move, now_ms
        self._table = homes.table

    async def take(self, late: list[Samples]) -> None:
        """Store what is not there; refuse what is there otherwise.

        Args:
            late: samples, those of a time and a lane together.

        Raises:
            StorageError: the store refused.
        """
        by_source = defaultdict[int, list[Samples]](list)
        for samples in late:
            source_numbers = self._table.source_numbers[samples["series"]]
            for number in np.unique(source_numbers).tolist():
                by_source[number].append(samples[source_numbers == number])
        for number, of_source in by_source.items():
            of_source.sort(key=_time_ms)
            await self._take_of(self._table.sources[number], of_source)

    async def _take_of(self, source: SenderSource, late: list[Samples]) -> None:
        numbers = {number for one in late for number in one["series"].tolist()}
        labels = {number: self._table.labels_of(number) for number in numbers}
        span_ms = _time_ms(late[0]), _time_ms(late[-1]) + _BEHIND_MS
        stored = await asyncio.to_thread(self._stored, source, labels, *span_ms)
        for samples in late:
            time_ms, bits = _time_ms(samples), samples["value"].view(np.uint64).tolist()
            known = [stored.get(one, {}).get(time_ms) for one in samples["series"].tolist()]
            is_new = np.array([one is None for one in known])
            differs = np.array([one != own for one, own in zip(known, bits, strict=True)])
            self._homes.refuse_duplicates(samples[~is_new & differs])
            if is_new.any():
                await self._put_beside(source, samples[is_new], labels, stored)

    def _stored(
        self, source: SenderSource, labels: Mapping[int, Labels], start_ms: int, end_ms: int
    ) -> _Stored:
        """Return the samples in a range as the store has them; blocks."""
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

    async def _put_beside(
        self,
        source: SenderSource,
        samples: Samples,
        labels: Mapping[int, Labels],
        stored: _Stored,
    ) -> None:
        """Store samples older than their lanes' last vectors."""
        time_ms, lanes = _time_ms(samples), self._table.lanes
        numbers = samples["series"].tolist()
        # Of these only the lane was ahead, not the series: they move for good.
        behind = np.array([max(stored.get(one, {}), default=NEVER) < time_ms for one in numbers])
        places = self._table.places[samples["series"][behind]].tolist()
        if places:
            for place in places:
                lanes[place >> COLUMN_BITS].forget(place & COLUMN_MASK, NEVER)
            await self._move(lanes[places[0] >> COLUMN_BITS], samples[behind])
        rest = samples[~behind]
        for _ in range(MOST_LANES + 1):
            lane = self._homes.lane_for(time_ms, source)
            if not len(rest) or lane is None:
                break
            rest = rest[~self._written(lane, rest, labels)]
        self._homes.refuse_late(rest)

    def _written(
        self, lane: Lane, samples: Samples, labels: Mapping[int, Labels]
    ) -> NDArray[np.bool_]:
        """Write samples to a lane that need not be their series' home; return which it took."""
        time_ms = _time_ms(samples)
        series = [labels[number] for number in samples["series"].tolist()]
        new = [one for one in series if lane.column_of(one) is None]
        if new:
            lane.add(new, [NOBODY] * len(new))
        columns = np.array([lane.column_of(one) for one in series], np.int64)
        is_free: NDArray[np.bool_] = lane.given_ms[columns] != time_ms
        order = columns.argsort()
        some = order[is_free[order]]
        try:
            if time_ms > lane.last_ms:
                lane.write(time_ms, columns[some], samples[some], self._now_ms)
            else:
                lane.amend(time_ms, columns[some], samples[some])
        except OutOfOrderError:
            # The lane knows better now, and is not chosen again.
            return np.zeros(len(samples), np.bool_)
        return is_free


def _time_ms(samples: Samples) -> int:
    return int(samples["time_ms"][0])
