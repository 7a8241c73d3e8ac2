"""The current figures of all hosts, by a handful of PromQL queries over node_exporter's metrics."""

import asyncio
import math
from collections.abc import Iterable, Mapping
from typing import Final

import structlog

from alerting.settings import DiskSettings
from model.durations import format_duration
from model.labels import quote
from promql.api import InstantVector, PromQLError, QueryEngine, QueryOptions
from web.fleet.hosts import Figures

log = structlog.get_logger(__name__)

NO_NIC: Final = "lo|veth.*|docker.*|br-.*|virbr.*|cni.*|flannel.*|cali.*|tap.*|vnet.*"
"""Names of network interfaces that carry no traffic of the host's own."""

_OPTIONS: Final = QueryOptions(timeout_s=10.0)
"""A page without one figure is better than no page."""


def real_disks(disk: DiskSettings) -> str:
    """Return the matchers of the filesystems that the disk check covers."""
    return f"fstype!~{quote(disk.ignored_fstypes)},mountpoint!~{quote(disk.ignored_mountpoints)}"


def queries(window: str, disk: DiskSettings) -> Mapping[str, str]:
    """Return the query of each field of `Figures`; `window` is that of the rates."""
    received = f'node_network_receive_bytes_total{{device!~"{NO_NIC}"}}[{window}]'
    transmitted = f'node_network_transmit_bytes_total{{device!~"{NO_NIC}"}}[{window}]'
    disks = f"{{{real_disks(disk)}}}"
    return {
        "cpu_used_ratio": (
            # As in the CPU check: time that is neither idle nor iowait is busy.
            "1 - sum by (instance) (avg without (cpu) "
            f'(rate(node_cpu_seconds_total{{mode=~"idle|iowait"}}[{window}])))'
        ),
        "memory_used_ratio": "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        "memory_total_bytes": "node_memory_MemTotal_bytes",
        "disk_used_ratio": (
            f"1 - node_filesystem_avail_bytes{disks} / (node_filesystem_size_bytes{disks} > 0)"
        ),
        "load1": "node_load1",
        # cpu="all" comes from hosts that push, which do not report their number of cores.
        "cores": 'count by (instance) (node_cpu_seconds_total{mode="idle",cpu!="all"})',
        "receive_bytes_per_s": f"sum by (instance) (rate({received}))",
        "transmit_bytes_per_s": f"sum by (instance) (rate({transmitted}))",
        "uptime_s": "time() - node_boot_time_seconds",
    }


async def read_figures(
    engine: QueryEngine, intervals_s: Iterable[float], disk: DiskSettings, now_ms: int
) -> Mapping[str, Figures]:
    """Return the figures of each instance.

    Args:
        engine: evaluates the queries.
        intervals_s: the scrape intervals of all hosts.
        disk: selects the filesystems.
        now_ms: the time of evaluation.
    """
    wanted = queries(rate_window(intervals_s), disk)
    answers = await asyncio.gather(
        *(_instant(engine, name, query, now_ms) for name, query in wanted.items())
    )
    found: dict[str, dict[str, float | str]] = {}
    for name, vector in zip(wanted, answers, strict=True):
        if vector is None:
            continue
        for labels, value in zip(vector.labels, vector.values.tolist(), strict=True):
            if math.isnan(value):
                continue
            own = found.setdefault(labels.get("instance"), {})
            if name == "disk_used_ratio":
                if value < float(own.get(name, -1.0)):
                    continue
                own["disk_mount"] = labels.get("mountpoint")
            own[name] = value
    return {instance: Figures(**own) for instance, own in found.items()}  # type: ignore[arg-type]


async def _instant(engine: QueryEngine, name: str, query: str, now_ms: int) -> InstantVector | None:
    try:
        answer = await engine.instant(query, now_ms, _OPTIONS)
    except PromQLError as exc:
        # The page shows the other figures; a missing one reads as unknown.
        log.warning("fleet_query_failed", figure=name, error=str(exc))
        return None
    return answer.value if isinstance(answer.value, InstantVector) else None


def rate_window(intervals_s: Iterable[float]) -> str:
    """Return a window with four scrapes of the slowest host, between one and ten minutes."""
    slowest_s = max(intervals_s, default=15.0)
    return format_duration(round(min(max(4 * slowest_s, 60.0), 600.0)) * 1000)
