"""Late samples: older than the last sample that the lane of their series has.

Most of them are repetitions, because a sender repeats a request that was not answered.
The store decides which samples are repetitions, which contradict a stored sample, and
which are missing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.series.lane import NOBODY, Lane
from ingest.series.placement import MOST_LANES, Placement
from ingest.series.push_stream import NEVER
from ingest.series.sample_batch import Samples
from ingest.series.sender_source import SOURCE_LABELS, SenderSource
from ingest.series.series_table import SeriesTable
from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher
from model.series import is_absent
from storage.api.errors import OutOfOrderError
from storage.api.samples import SampleReader

# How long after a late sample the lookup searches for later samples of its series.
_LOOKED_UP_MS: Final = 3_600_000

_StoredSamples = Mapping[int, Mapping[int, int]]
"""Stored values as bits by timestamp, by series number."""


@dataclass(frozen=True, slots=True, eq=False)
class LateSamples:
    """Late samples of one source and one time, compared with the store.

    Attributes:
        contradicting: samples whose series has another value at this time.
        newest: missing samples of series without a later one; only their lane has a
            later vector.
        older: missing samples of series with a later one.
    """

    source: SenderSource
    contradicting: Samples
    newest: Samples
    older: Samples


async def look_up(
    late: Iterable[Samples], table: SeriesTable, reader: SampleReader
) -> list[LateSamples]:
    """Compare late samples with the store.

    Args:
        late: groups of samples; each group has one time and one source.
        table: the sender's series.
        reader: the sample store.

    Returns:
        One item for each group, source by source in time order.
    """
    by_source = defaultdict[SenderSource, list[Samples]](list)
    for samples in late:
        by_source[table.source_of(samples)].append(samples)
    found = []
    for source, groups in by_source.items():
        groups.sort(key=_time_ms)
        numbers = {number for samples in groups for number in samples["series"].tolist()}
        labels = {number: table.labels_of(number) for number in numbers}
        span_ms = _time_ms(groups[0]), _time_ms(groups[-1]) + _LOOKED_UP_MS
        stored = await asyncio.to_thread(_stored, reader, source, labels, span_ms)
        found += [_compared(source, samples, stored) for samples in groups]
    return found


def _stored(
    reader: SampleReader,
    source: SenderSource,
    labels: Mapping[int, Labels],
    span_ms: tuple[int, int],
) -> _StoredSamples:
    """Read the samples of series in a range of time; blocks."""
    wanted = {source.labels.overlaid(one): number for number, one in labels.items()}
    matchers = [Matcher.of(name, "=", source.labels.get(name)) for name in SOURCE_LABELS]
    names = {one.metric for one in labels.values()}
    if len(names) == 1:
        matchers.append(Matcher.of(METRIC_NAME, "=", names.pop()))
    found: dict[int, dict[int, int]] = {}
    for part in reader.select(matchers, *span_ms):
        there = ~is_absent(part.values)
        bits = part.values.view(np.uint64)
        for row, one in enumerate(part.labels):
            number = wanted.get(one)
            if number is not None:
                columns = np.flatnonzero(there[row])
                times = part.times_ms[part.rows[row], columns].tolist()
                found[number] = dict(zip(times, bits[row, columns].tolist(), strict=True))
    return found


def _compared(source: SenderSource, samples: Samples, stored: _StoredSamples) -> LateSamples:
    time_ms, numbers = _time_ms(samples), samples["series"].tolist()
    bits = samples["value"].view(np.uint64).tolist()
    known = [stored.get(number, {}).get(time_ms) for number in numbers]
    is_missing = _mask(value is None for value in known)
    differs = _mask(value != own for value, own in zip(known, bits, strict=True))
    missing = samples[is_missing]
    # For missing samples only: this searches all stored samples of a series.
    is_newest = _mask(
        max(stored.get(number, {}), default=NEVER) < time_ms
        for number in missing["series"].tolist()
    )
    return LateSamples(
        source, samples[~is_missing & differs], missing[is_newest], missing[~is_newest]
    )


def write_older(
    late: LateSamples, table: SeriesTable, placement: Placement, now_ms: int
) -> Samples:
    """Write the older samples to any lane that takes their time; return the others.

    A series stays in its own lane for later samples.
    """
    samples = late.older
    for _ in range(MOST_LANES + 1):
        if not len(samples):
            break
        lane = placement.lane_for(_time_ms(samples), late.source)
        if lane is None:
            break
        series = [table.labels_of(number) for number in samples["series"].tolist()]
        samples = samples[~_written(lane, series, samples, now_ms)]
    return samples


def _written(
    lane: Lane, series: Sequence[Labels], samples: Samples, now_ms: int
) -> NDArray[np.bool_]:
    """Write samples to columns of a lane without owners; return a mask of those written."""
    time_ms = _time_ms(samples)
    new = [labels for labels in series if lane.column_of(labels) is None]
    if new:
        lane.add(new, [NOBODY] * len(new))
    columns = np.array([lane.column_of(labels) for labels in series], np.int64)
    is_free: NDArray[np.bool_] = lane.sample_times_ms[columns] != time_ms
    order = columns.argsort()
    some = order[is_free[order]]
    try:
        if time_ms > lane.last_ms:
            lane.write(time_ms, columns[some], samples[some], now_ms)
        else:
            lane.amend(time_ms, columns[some], samples[some])
    except OutOfOrderError:
        # The lane knows its last time now, and is not chosen again.
        return np.zeros(len(samples), np.bool_)
    return is_free


def _mask(values: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(values, np.bool_)


def _time_ms(samples: Samples) -> int:
    return int(samples["time_ms"][0])
