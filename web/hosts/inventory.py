"""The inventory of a host: its containers, and its failed units."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from model.durations import format_duration
from model.labels import Labels, quote
from promql.api import QueryEngine
from web.hosts.instant_rows import instant_rows

MOST_CONTAINERS: Final = 100
_MEMORY: Final = "container_memory_rss"
_PROCESSES: Final = "container_processes"
_RESTARTS: Final = "container_restarts_total"
_CPU: Final = "container_cpu_usage_seconds_total"
_FAILED: Final = 'node_systemd_unit_state{{{host},state="failed"}} == 1'

_Rows = Sequence[tuple[Labels, float]]


@dataclass(frozen=True, slots=True)
class HostContainer:
    """One container; None for figures that its exporter does not export.

    Attributes:
        cpu_cores: the CPU that it uses, in cores.
    """

    name: str
    image: str
    cpu_cores: float | None
    memory_bytes: float | None
    processes: float | None
    restarts: float | None


@dataclass(frozen=True, slots=True)
class Inventory:
    """The containers and failed units of a host.

    Attributes:
        containers: those that use most memory first.
        left_out: how many more containers there are.
        failed_units: the names of units that have failed.
    """

    containers: tuple[HostContainer, ...] = ()
    left_out: int = 0
    failed_units: tuple[str, ...] = ()


async def read_inventory(
    engine: QueryEngine, instance: str, interval_s: float, now_ms: int
) -> Inventory:
    """Return what runs on a host."""
    host = f"instance={quote(instance)}"
    window = format_duration(max(4 * round(interval_s * 1000), 60_000))
    gauges, cpu, failed = await asyncio.gather(
        _rows(engine, f'{{__name__=~"{_MEMORY}|{_PROCESSES}|{_RESTARTS}",{host}}}', now_ms),
        _rows(
            engine,
            f"sum by (id, name, image) (rate({_CPU}{{{host}}}[{window}]))",
            now_ms,
        ),
        _rows(engine, _FAILED.format(host=host), now_ms),
    )
    containers = _containers(gauges, cpu)
    return Inventory(
        containers[:MOST_CONTAINERS],
        max(0, len(containers) - MOST_CONTAINERS),
        tuple(sorted(labels.get("name") for labels, _ in failed)),
    )


def _containers(gauges: _Rows, cpu: _Rows) -> tuple[HostContainer, ...]:
    def identity(labels: Labels) -> tuple[str, str, str]:
        return labels.get("id"), labels.get("name"), labels.get("image")

    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for labels, value in gauges:
        found.setdefault(identity(labels), {})[labels.metric] = value
    used: Mapping[tuple[str, str, str], float] = {identity(labels): value for labels, value in cpu}
    containers = [
        HostContainer(
            name=key[1] or key[0],
            image=key[2],
            cpu_cores=used.get(key),
            memory_bytes=own.get(_MEMORY),
            processes=own.get(_PROCESSES),
            restarts=own.get(_RESTARTS),
        )
        for key, own in found.items()
        # The root cgroup is the host itself.
        if key[1] or key[0].strip("/")
    ]
    return tuple(sorted(containers, key=lambda each: (-(each.memory_bytes or 0.0), each.name)))


async def _rows(engine: QueryEngine, query: str, now_ms: int) -> _Rows:
    rows = await instant_rows(engine, query, now_ms)
    return [(labels, value) for labels, value in rows if not math.isnan(value)]
