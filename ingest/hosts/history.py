"""What the store knows of pushing hosts from before the start."""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ingest.hosts.reports import CPU_METRIC, EVERY_CPU, IDLE, CpuSeconds
from model.labels import METRIC_NAME
from model.matchers import Matcher
from model.series import NO_TIME, AlignedSeries, is_absent, is_stale
from storage.api.samples import SampleReader

_REACH_MS: Final = 24 * 3_600_000
"""Counters of a host that was silent for longer begin anew."""
LAST_GAPS: Final = 9
"""From so many a host's usual interval is learned: enough that some odd ones do not count."""


@dataclass(frozen=True, slots=True)
class HostHistory:
    """How a host reported before.

    Attributes:
        cpu: its counters as they were.
        gaps_ms: the time between its last reports, the latest last.
    """

    cpu: CpuSeconds = field(default_factory=CpuSeconds)
    gaps_ms: tuple[int, ...] = ()


def read_histories(reader: SampleReader, now_ms: int) -> Mapping[tuple[str, str], HostHistory]:
    """Return what is stored of each pushing host, by its job and instance; blocks.

    Raises:
        StorageError: the store cannot be read.
    """
    matchers = [Matcher.of(METRIC_NAME, "=", CPU_METRIC), Matcher.of("cpu", "=", EVERY_CPU)]
    last: dict[tuple[str, str], list[tuple[str, int, float]]] = {}
    gaps: dict[tuple[str, str], tuple[int, ...]] = {}
    for part in reader.select(matchers, now_ms - _REACH_MS, now_ms + _REACH_MS):
        for host, mode, times, values in _samples(part):
            last.setdefault(host, []).append((mode, times[-1], values[-1]))
            if mode == IDLE:
                gaps[host] = tuple(map(operator.sub, times[1:], times))[-LAST_GAPS:]
    return {
        host: HostHistory(CpuSeconds.resumed(found), gaps.get(host, ()))
        for host, found in last.items()
    }


def _samples(
    part: AlignedSeries,
) -> Iterator[tuple[tuple[str, str], str, list[int], list[float]]]:
    for index, labels in enumerate(part.labels):
        values, times = part.values[index], part.times_ms[part.rows[index]]
        there = np.flatnonzero(~(is_absent(values) | is_stale(values)) & (times != NO_TIME))
        if len(there):
            there = there[-LAST_GAPS - 1 :]
            host = labels.get("job"), labels.get("instance")
            yield host, labels.get("mode"), times[there].tolist(), values[there].tolist()
