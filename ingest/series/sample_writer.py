"""Writes the samples of one request into lanes.

Samples go to the store time by time, and at each time lane by lane:

    place new series  →  append or amend  →  look up late samples  →  append the missing

Each step returns the samples that it cannot store, for the next one.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.limits.budgets import Admission
from ingest.series.executor import ThreadTurns
from ingest.series.lane import Lane
from ingest.series.late_samples import look_up, write_older
from ingest.series.placement import MOST_LANES, Placement
from ingest.series.rejections import Rejections
from ingest.series.sample_batch import Samples, split_by_time
from ingest.series.series_table import COLUMN_BITS, COLUMN_MASK, UNPLACED, SeriesTable
from ingest.series.time_slices import TimeSlices
from ingest.series.write_result import WriteResult
from model.series import ABSENT_BITS
from storage.api.errors import OutOfOrderError
from storage.api.samples import SampleReader

# Layouts of more columns are made in a thread.
_THREAD_COLUMNS: Final = 1000


class SampleWriter:
    """Writes the samples of one request, and counts them in its result."""

    def __init__(
        self,
        table: SeriesTable,
        reader: SampleReader,
        result: WriteResult,
        admission: Admission,
        threads: ThreadTurns,
    ) -> None:
        self._table, self._reader, self._result = table, reader, result
        self._threads = threads
        self._now_ms = admission.now_ms
        self._placement = Placement(table, admission)
        self._rejections = Rejections(table, result)
        self._slices = TimeSlices()
        self._batch: Samples | None = None

    async def write(self, samples: Samples) -> None:
        """Write samples of numbered series.

        Raises:
            StorageError: the write failed; sending the request again helps.
        """
        self._batch = samples
        self._result.written += len(samples)
        late = await self._write_in_order(await self._placed(samples))
        # The store may hold a later vector of a lane; the next round then uses another lane.
        for _ in range(MOST_LANES + 1):
            if not late:
                return
            late = await self._write_late(late)
        for group in late:
            self._rejections.late(group)

    async def _placed(self, samples: Samples) -> Samples:
        """Assign new series to lanes; reject samples of series without a lane."""
        is_new = self._table.places[samples["series"]] == UNPLACED
        if not is_new.any():
            return samples
        for source, part in self._table.by_source(samples.compress(is_new)):
            for _ in self._placement.place(source, part):
                await self._slices.breathe()
        unplaced = self._table.places[samples["series"]] == UNPLACED
        for group in split_by_time(samples.compress(unplaced)):
            self._rejections.late(group, self._placement.refusal)
        return samples.compress(~unplaced)

    async def _write_in_order(self, samples: Samples) -> list[Samples]:
        """Write samples time by time; return the late ones."""
        late = []
        for at_one_time in split_by_time(samples):
            late += await self._write_at(at_one_time)
        return late

    async def _write_at(self, samples: Samples) -> list[Samples]:
        """Write samples of one time; return the late ones.

        Series that lag behind their lane move to another until a lane takes them all.
        """
        late: list[Samples] = []
        while len(samples):
            lagging = []
            for lane, part in self._by_lane(samples):
                rest = await self._append(lane, part, late)
                await self._slices.breathe()
                if rest is not None:
                    moved = self._placement.move(lane, rest)
                    self._rejections.late(rest[~moved], self._placement.refusal)
                    lagging.append(rest[moved])
            samples = np.concatenate(lagging) if lagging else samples[:0]
        return late

    def _by_lane(self, samples: Samples) -> Iterator[tuple[Lane, Samples]]:
        """Yield samples of one time lane by lane, ordered by column, without repetitions."""
        places = self._table.places[samples["series"]]
        order = places.argsort(kind="stable")
        # `take`, because indexing copies field by field and is 20 times slower.
        samples, places = samples.take(order), places[order]
        repeated = places[1:] == places[:-1]
        if repeated.any():
            is_first = np.concatenate([[True], ~repeated])
            samples, places = self._first_ones(samples, is_first), places[is_first]
        cuts = (np.flatnonzero(np.diff(places >> COLUMN_BITS)) + 1).tolist()
        for start, stop in zip([0, *cuts], [*cuts, len(places)], strict=True):
            yield self._table.lanes[int(places[start]) >> COLUMN_BITS], samples[start:stop]

    def _first_ones(self, samples: Samples, is_first: NDArray[np.bool_]) -> Samples:
        """Keep the first sample of each series; reject later ones with another value."""
        firsts = samples[is_first]
        differs = _bits(samples) != _bits(firsts)[np.cumsum(is_first) - 1]
        self._rejections.duplicates(samples[differs])
        return firsts

    async def _append(self, lane: Lane, samples: Samples, late: list[Samples]) -> Samples | None:
        """Append samples of one time to a lane, or amend its last vector.

        Args:
            lane: the lane of all their series.
            samples: distinct series, ordered by column.
            late: takes the late samples.

        Returns:
            Samples of series that lag behind the lane, None if there are none.
        """
        time_ms = int(samples["time_ms"][0])
        if time_ms > lane.last_ms:
            await self._append_vector(lane, time_ms, samples, late)
            return None
        columns = self._table.columns_of(samples)
        last_ms = lane.sample_times_ms[columns]
        known, is_late = last_ms == time_ms, last_ms > time_ms
        if known.any():
            self._compare(lane, columns[known], samples[known], late)
        if is_late.any():
            late.append(samples[is_late])
        fresh = ~(known | is_late)
        if not fresh.any():
            return None
        samples, columns = samples[fresh], columns[fresh]
        if time_ms == lane.last_ms:
            try:
                await self._prepare(lane)
                lane.amend(time_ms, columns, samples)
            except OutOfOrderError:
                return samples
            return None
        return samples

    async def _append_vector(
        self, lane: Lane, time_ms: int, samples: Samples, late: list[Samples]
    ) -> None:
        self._compact(lane)
        await self._prepare(lane)
        self._table.source_of(samples).last_ms = self._now_ms
        try:
            lane.write(time_ms, self._table.columns_of(samples), samples, self._now_ms)
        except OutOfOrderError:
            late.append(samples)

    def _compact(self, lane: Lane) -> None:
        """Remove the dead columns of a lane, except those of series in this request."""
        dead = lane.dead_columns()
        if dead is None or self._batch is None:
            return
        dead[self._table.columns_in(lane, self._batch)] = False
        if dead.any():
            self._table.compact(lane, dead)

    async def _prepare(self, lane: Lane) -> None:
        if lane.lacks_layout and lane.width > _THREAD_COLUMNS:
            await self._threads.run(lane.prepare)

    def _compare(
        self, lane: Lane, columns: NDArray[np.int64], samples: Samples, late: list[Samples]
    ) -> None:
        """Compare samples with those of the lane at the same time; reject other values."""
        lane_bits = lane.sample_values[columns].view(np.uint64)
        same = lane_bits == _bits(samples)
        if same.all():
            return
        unknown = lane_bits == ABSENT_BITS
        if unknown.any():
            late.append(samples[unknown])
        self._rejections.duplicates(samples[~(same | unknown)])

    async def _write_late(self, late: list[Samples]) -> list[Samples]:
        """Write the late samples that the store lacks; return those that are late again."""
        late_again: list[Samples] = []
        for group in await look_up(late, self._table, self._reader):
            self._rejections.duplicates(group.contradicting)
            self._forget(group.newest)
            late_again += await self._write_at(group.newest)
            older = write_older(group, self._table, self._placement, self._now_ms)
            self._rejections.late(older, self._placement.refusal)
            await self._slices.breathe()
        return late_again

    def _forget(self, samples: Samples) -> None:
        """Forget the last samples of series: the store has none as late as that."""
        for place in self._table.places[samples["series"]].tolist():
            self._table.lanes[place >> COLUMN_BITS].forget(place & COLUMN_MASK)


def _bits(samples: Samples) -> NDArray[np.uint64]:
    bits: NDArray[np.uint64] = samples["value"].view(np.uint64)
    return bits
