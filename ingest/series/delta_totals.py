"""Totals of series that arrive as deltas: what was added since the last request.

The store holds the totals, so there is no second state: after a restart a total goes on
from the last sample of its series, and the time of that sample says which deltas it has.
Deltas that arrive again are recognised by their stretch of time. Numbers are nanoseconds
since 1970 unless their name says milliseconds.

Source: OpenTelemetry specification, "Metrics Data Model", Temporality and Single-Writer.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.limits.time_bounds import MOST_AHEAD_MS
from ingest.series.executor import run_in_thread
from ingest.series.sample_batch import Deltas, SampleBatch, Samples
from ingest.series.sender_source import SOURCE_LABELS, SenderSource
from ingest.series.series_table import SeriesTable
from ingest.series.write_result import WriteResult
from model.distinct import distinct
from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher
from model.series import AlignedSeries, is_absent, is_stale
from storage.api.samples import SampleReader

_NS: Final = 1_000_000
_GAPS: Final = 2
"""Stretches of time without a delta that are remembered, for deltas that arrive late."""
# Most series of a sender that was restarted have a sample as late as this.
_RECENT_MS: Final = 15 * 60_000

_STATE: Final = np.dtype(
    [
        ("serial", "i8"),
        ("total", "f8"),
        ("last_ns", "i8"),
        ("written_ms", "i8"),
        ("first_ms", "i8"),
        ("gaps", "i8", (_GAPS, 2)),
    ]
)
"""One series: who has its number, its total, the end of the last delta, the time of the last
sample, when the total began, and the start and end of each gap."""

_Numbers = NDArray[np.int64]
_Stored = Mapping[int, tuple[int, float, int]]
"""The time, the value and the start time of the last sample of series, by number."""


class DeltaTotals:
    """The totals of one sender's series.

    Args:
        table: the sender's series.
        reader: the sample store.
        stale_ms: a total starts from zero again after so long without a sample.
    """

    def __init__(self, table: SeriesTable, reader: SampleReader, stale_ms: int) -> None:
        self._table, self._reader, self._stale_ms = table, reader, stale_ms
        self._state = np.zeros(0, _STATE)

    @asynccontextmanager
    async def added(
        self, batch: SampleBatch, valid: NDArray[np.bool_], now_ms: int, result: WriteResult
    ) -> AsyncIterator[None]:
        """Turn the deltas of a batch into totals, and forget these if the block stores less.

        What the block does not store, the sender sends again, or it is lost: either way the
        store knows the total.

        Args:
            batch: whose samples have numbers.
            valid: which of them to store; repeated deltas are taken out.
            now_ms: the current time.
            result: counts repeated deltas.
        """
        deltas = batch.deltas
        if deltas is None:
            yield
            return
        await self._add(batch.samples, deltas, valid, now_ms, result)
        numbers = batch.samples["series"][deltas.rows]
        numbers = numbers[numbers >= 0]
        rejected = result.rejected
        try:
            yield
        except BaseException:
            self._state["serial"][numbers] = 0
            raise
        if result.rejected > rejected:
            self._state["serial"][numbers] = 0

    async def _add(
        self,
        samples: Samples,
        deltas: Deltas,
        valid: NDArray[np.bool_],
        now_ms: int,
        result: WriteResult,
    ) -> None:
        is_valid = valid[deltas.rows]
        rows, starts, ends = (
            column[is_valid] for column in (deltas.rows, deltas.starts_ns, deltas.times_ns)
        )
        await self._load(distinct(samples["series"][rows]), now_ms)
        for some in _in_turn(samples["series"][rows], ends):
            self._add_once(samples, rows[some], starts[some], ends[some], valid, result)

    def _add_once(
        self,
        samples: Samples,
        rows: _Numbers,
        starts: _Numbers,
        ends: _Numbers,
        valid: NDArray[np.bool_],
        result: WriteResult,
    ) -> None:
        """Add one delta to each of several series."""
        numbers = samples["series"][rows]
        state = self._state[numbers]
        last = state["last_ns"]
        is_known, is_newer = last > 0, ends > last
        starts = np.where(starts > 0, starts, np.where(is_newer, last, ends))
        gap = _gap_of(state["gaps"], starts, ends)
        is_late = ~is_newer & (gap >= 0)
        is_added = is_newer | is_late
        valid[rows[~is_added]] = False
        result.repeated += int((~is_added).sum())
        result.overlapping += int((is_newer & is_known & (starts < last)).sum())
        _close_gaps(state["gaps"], is_late, gap, starts, ends)
        _open_gaps(state["gaps"], is_newer & is_known & (starts > last), last, starts)
        is_first = state["first_ms"] == 0
        state["first_ms"] = np.where(is_first & is_added, starts // _NS, state["first_ms"])
        state["total"] += np.where(is_added, samples["value"][rows], 0.0)
        state["last_ns"] = np.maximum(last, ends)
        # One millisecond has one sample, and a late delta adds to the newest total.
        times_ms = np.maximum(ends // _NS, state["written_ms"] + 1)
        state["written_ms"] = np.where(is_added, times_ms, state["written_ms"])
        self._state[numbers] = state
        added = rows[is_added]
        samples["value"][added] = state["total"][is_added]
        samples["time_ms"][added] = times_ms[is_added]
        samples["start_ms"][added] = state["first_ms"][is_added]

    async def _load(self, numbers: _Numbers, now_ms: int) -> None:
        """Load the totals that are not known from the store; drop those that are stale."""
        self._grow(int(numbers.max(initial=-1)) + 1)
        known = self._state["serial"][numbers] == self._table.serials[numbers]
        unknown = numbers[~known]
        self._state[unknown] = np.zeros(1, _STATE)
        for span_ms in (min(_RECENT_MS, self._stale_ms), self._stale_ms):
            missing = unknown[self._state["last_ns"][unknown] == 0]
            if not len(missing):
                break
            range_ms = now_ms - span_ms, now_ms + MOST_AHEAD_MS
            stored = await run_in_thread(partial(self._stored, self._by_source(missing), range_ms))
            for number, (time_ms, value, start_ms) in stored.items():
                # To the end of its millisecond: a delta is never added twice.
                last_ns = (time_ms + 1) * _NS - 1
                gaps = np.zeros((_GAPS, 2), np.int64)
                self._state[number] = (0, value, last_ns, time_ms, start_ms, gaps)
        self._state["serial"][numbers] = self._table.serials[numbers]
        written_ms = self._state["written_ms"][numbers]
        stale = numbers[(written_ms > 0) & (written_ms < now_ms - self._stale_ms)]
        self._state["total"][stale] = 0.0
        self._state["first_ms"][stale] = 0

    def _grow(self, count: int) -> None:
        missing = count - len(self._state)
        if missing > 0:
            more = np.zeros(max(missing, len(self._state)), _STATE)
            self._state = np.concatenate([self._state, more])

    def _by_source(self, numbers: _Numbers) -> dict[SenderSource, dict[Labels, int]]:
        """Return the numbers of series by their labels, by source."""
        found = defaultdict[SenderSource, dict[Labels, int]](dict)
        source_numbers = self._table.source_numbers[numbers].tolist()
        for number, source_number in zip(numbers.tolist(), source_numbers, strict=True):
            source = self._table.sources[source_number]
            found[source][source.labels.overlaid(self._table.labels_of(number))] = number
        return found

    def _stored(
        self, sources: Mapping[SenderSource, Mapping[Labels, int]], range_ms: tuple[int, int]
    ) -> _Stored:
        """Read the last samples of series; blocks."""
        found: dict[int, tuple[int, float, int]] = {}
        for source, wanted in sources.items():
            matchers = [Matcher.of(name, "=", source.labels.get(name)) for name in SOURCE_LABELS]
            names = {one.metric for one in wanted}
            if len(names) == 1:
                matchers.append(Matcher.of(METRIC_NAME, "=", names.pop()))
            for part in self._reader.select(matchers, *range_ms, starts=True):
                for row, sample in _last_samples(part):
                    number = wanted.get(part.labels[row])
                    if number is not None:
                        found[number] = max(sample, found.get(number, sample))
        return found


def _last_samples(part: AlignedSeries) -> Iterator[tuple[int, tuple[int, float, int]]]:
    """Yield the row of each series with the time, value and start time of its last sample."""
    there = ~(is_absent(part.values) | is_stale(part.values))
    for row in range(len(part.labels)):
        columns = np.flatnonzero(there[row])
        if len(columns):
            column = int(columns[-1])
            start_ms = 0 if part.starts_ms is None else max(int(part.starts_ms[row, column]), 0)
            time_ms = int(part.times_ms[part.rows[row], column])
            yield row, (time_ms, float(part.values[row, column]), start_ms)


def _in_turn(series: _Numbers, ends: _Numbers) -> Iterator[_Numbers]:
    """Yield places with distinct series, so that the deltas of each come in order of time."""
    order = np.lexsort((ends, series))
    ordered = series[order]
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    firsts = np.flatnonzero(is_first)
    rank = np.arange(len(ordered)) - firsts[np.cumsum(is_first) - 1] if len(ordered) else ordered
    for turn in range(int(rank.max(initial=-1)) + 1):
        yield order[rank == turn]


def _gap_of(gaps: _Numbers, starts: _Numbers, ends: _Numbers) -> _Numbers:
    """Return the gap that a stretch of time lies in, -1 if in none."""
    inside = (gaps[:, :, 0] <= starts[:, None]) & (ends[:, None] <= gaps[:, :, 1])
    inside &= (ends > starts)[:, None]
    return np.where(inside.any(axis=1), inside.argmax(axis=1), -1)


def _close_gaps(
    gaps: _Numbers, is_late: NDArray[np.bool_], gap: _Numbers, starts: _Numbers, ends: _Numbers
) -> None:
    """Take stretches of time out of their gaps; of what is left, the longer part stays."""
    rows = np.flatnonzero(is_late)
    chosen = gap[rows]
    before, after = starts[rows] - gaps[rows, chosen, 0], gaps[rows, chosen, 1] - ends[rows]
    gaps[rows, chosen, 0] = np.where(before > after, gaps[rows, chosen, 0], ends[rows])
    gaps[rows, chosen, 1] = np.where(before > after, starts[rows], gaps[rows, chosen, 1])


def _open_gaps(gaps: _Numbers, is_gap: NDArray[np.bool_], last: _Numbers, starts: _Numbers) -> None:
    """Remember gaps; the oldest are forgotten."""
    gaps[is_gap, 1:] = gaps[is_gap, :-1]
    gaps[is_gap, 0, 0], gaps[is_gap, 0, 1] = last[is_gap], starts[is_gap]
