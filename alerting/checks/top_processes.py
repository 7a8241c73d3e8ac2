"""The processes that used the most when a check held, for the description of its alerts."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from alerting.check_settings import CheckName
from alerting.checks.hosts import HostKey, host_of
from alerting.evaluation.queries import instant_vector
from promql.api import PromQLError, QueryEngine

_MOST: Final = 5
"""What one reads at a glance, of the ten that the exporter reports."""


class _Ranking(NamedTuple):
    query: str
    title: str
    written: Callable[[float], str]


def _mebibytes(value: float) -> str:
    return f"{value / 2**20:,.0f} MiB"


# Without names, ranks say nothing: the exporter reports names on request only.
_MEMORY: Final = _Ranking(
    'node_processes_top_resident_memory_bytes{name!=""}', "Largest processes", _mebibytes
)
_RANKINGS: Final[Mapping[CheckName, _Ranking]] = MappingProxyType(
    {
        CheckName.CPU: _Ranking(
            'node_processes_top_cpu_ratio{name!=""}', "Busiest processes", "{:.2f} CPUs".format
        ),
        CheckName.MEMORY: _MEMORY,
        CheckName.OOM: _MEMORY,
    }
)


async def top_processes(
    engine: QueryEngine, check: CheckName, now_ms: int
) -> Mapping[HostKey, str]:
    """Return a sentence for each host whose exporter reports its top processes by name.

    A query that fails yields none: the alert matters more than its description.
    """
    ranking = _RANKINGS.get(check)
    if ranking is None:
        return {}
    try:
        vector = await instant_vector(engine, ranking.query, now_ms)
    except PromQLError:
        return {}
    found: defaultdict[HostKey, list[str]] = defaultdict(list)
    for row in np.argsort(-vector.values, kind="stable").tolist():
        labels, value = vector.labels[row], float(vector.values[row])
        listed = found[host_of(labels)]
        if len(listed) < _MOST and value > 0:
            of = f"{labels.get('user')}, PID {labels.get('pid')}"
            listed.append(f"{labels.get('name')} ({of}) {ranking.written(value)}")
    return {host: f"{ranking.title}: {', '.join(of)}." for host, of in found.items() if of}
