"""The history of pushing hosts, read from the store after a restart."""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ingest.hosts.cpu_counters import CPU_METRIC, EVERY_CPU, IDLE, CpuCounters
from model.labels import METRIC_NAME
from model.matchers import Matcher
from model.series import NO_TIME, AlignedSeries, is_absent, is_stale
from storage.api.samples import SampleReader

_REACH_MS: Final = 24 * 3_600_000
"""The counters of a host that was silent for longer start at 0."""
LAST_GAPS: Final = 9
"""A host's usual interval is the median of so many gaps: a few odd ones do not matter."""


@dataclass(frozen=True, slots=True)
class HostHistory:
    """The earlier reports of a host.

    Attributes:
        cpu: its last counters.
        gaps_ms: the times between its last reports, the latest last.
    """

    cpu: CpuCounters = field(default_factory=CpuCounters)
    gaps_ms: tuple[int, ...] = ()


def read_histories(reader: SampleReader, now_ms: int) -> Mapping[tuple[str, str], HostHistory]:
    """Return the history of each pushing host by job and instance; blocks.

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
        host: HostHistory(CpuCounters.resumed(found), gaps.get(host, ()))
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
