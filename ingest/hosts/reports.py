"""A report: what a host says of itself, in node_exporter's names.

So that the same checks, charts and dashboards serve hosts that are pulled and hosts
that push. Source of the names: node_exporter's README and collectors.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from model.labels import METRIC_NAME, Labels

_MOUNT: Final = "/"

EVERY_CPU: Final = "all"
"""The `cpu` label of what a host says of all its cores together; it does not tell how many."""
CPU_METRIC: Final = "node_cpu_seconds_total"
IDLE: Final = "idle"
BUSY: Final = "user"
"""The mode of all that is not idle; a report tells no finer."""


@dataclass(frozen=True, slots=True)
class HostReport:
    """What a host says of itself at one time; None where it does not.

    Attributes:
        memory_used_ratio: what programs cannot get, 0..1; it is not always used/total.
        disk_used_ratio: of what programs without privileges may use, 0..1.
        kernel: its name, such as Linux.
        address: of the host in its own network.
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
    """Return the samples of a report but for the CPU's."""
    memory, disk = report.memory_total_bytes, report.disk_total_bytes
    memory_free = memory - report.memory_used_bytes
    disk_free = disk - report.disk_used_bytes
    samples = {
        _named("node_memory_MemTotal_bytes"): memory,
        _named("node_memory_MemAvailable_bytes"): _rest(
            memory, report.memory_used_ratio, memory_free
        ),
        # A report does not tell caches from free memory.
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


CPU_SERIES: Final[Mapping[str, Labels]] = {
    mode: _named(CPU_METRIC, cpu=EVERY_CPU, mode=mode) for mode in (IDLE, BUSY)
}


@dataclass(slots=True)
class CpuSeconds:
    """Counters made of percentages, so that their rate is the percentage again.

    From one report to the next the CPU is taken to be as busy as the later one says.

    Attributes:
        time_ms: of the last report, None before the first.
        idle_s, busy_s: in sum over the reports.
    """

    time_ms: int | None = None
    idle_s: float = 0.0
    busy_s: float = 0.0

    def add(self, time_ms: int, used_ratio: float) -> dict[Labels, float]:
        """Return the counters at the time of a report.

        Returns:
            Nothing for a report that came late: the time since then is counted already.
        """
        if self.time_ms is not None:
            if time_ms <= self.time_ms:
                return {}
            length_s = (time_ms - self.time_ms) / 1000
            self.idle_s += length_s * (1 - used_ratio)
            self.busy_s += length_s * used_ratio
        self.time_ms = time_ms
        return {CPU_SERIES[IDLE]: self.idle_s, CPU_SERIES[BUSY]: self.busy_s}

    @classmethod
    def resumed(cls, samples: Iterable[tuple[str, int, float]]) -> "CpuSeconds":
        """Go on where stored samples end: mode, time and value of each mode's last one."""
        found = cls()
        for mode, time_ms, value in samples:
            found.time_ms = max(time_ms, found.time_ms or time_ms)
            if mode == IDLE:
                found.idle_s = value
            else:
                found.busy_s = value
        return found
