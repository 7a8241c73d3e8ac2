"""A report of a host, and its samples under node_exporter's metric names.

With these names the same checks, charts and dashboards serve hosts that are scraped and
hosts that push. Source of the names: node_exporter's README and collectors.
"""

from dataclasses import dataclass
from typing import Final

from model.labels import METRIC_NAME, Labels

_MOUNT: Final = "/"


@dataclass(frozen=True, slots=True)
class HostReport:
    """CPU, memory and disk of a host at one time; None for a figure that it does not report.

    Attributes:
        memory_used_ratio: memory that programs cannot get, 0..1; not always used/total.
        disk_used_ratio: of the disk space that unprivileged programs may use, 0..1.
        kernel: the kernel's name, such as Linux.
        address: the host's address in its own network.
    """

    time_ms: int
    cpu_used_ratio: float
    memory_used_bytes: float
    memory_total_bytes: float
    disk_used_bytes: float
    disk_total_bytes: float
    memory_used_ratio: float | None = None
    disk_used_ratio: float | None = None
    kernel: str = ""
    kernel_version: str = ""
    address: str = ""


def gauges(report: HostReport, host_name: str) -> dict[Labels, float]:
    """Return the samples of a report, except its CPU counters."""
    memory, disk = report.memory_total_bytes, report.disk_total_bytes
    memory_free = memory - report.memory_used_bytes
    disk_free = disk - report.disk_used_bytes
    samples = {
        _named("node_memory_MemTotal_bytes"): memory,
        _named("node_memory_MemAvailable_bytes"): _rest(
            memory, report.memory_used_ratio, memory_free
        ),
        # A report does not separate caches from free memory.
        _named("node_memory_MemFree_bytes"): memory_free,
        _named("node_memory_Buffers_bytes"): 0.0,
        _named("node_memory_Cached_bytes"): 0.0,
        _named("node_memory_SReclaimable_bytes"): 0.0,
        _named("node_filesystem_size_bytes", mountpoint=_MOUNT): disk,
        _named("node_filesystem_avail_bytes", mountpoint=_MOUNT): _rest(
            disk, report.disk_used_ratio, disk_free
        ),
        _named("node_filesystem_free_bytes", mountpoint=_MOUNT): disk_free,
        _named(
            "node_uname_info",
            nodename=host_name,
            sysname=report.kernel,
            release=report.kernel_version,
        ): 1.0,
    }
    if report.address:
        samples[_named("node_network_address_info", address=report.address)] = 1.0
    return samples


def _named(metric: str, **labels: str) -> Labels:
    return Labels.of(labels, **{METRIC_NAME: metric})


def _rest(total: float, used_ratio: float | None, free: float) -> float:
    return free if used_ratio is None else total * (1 - used_ratio)
