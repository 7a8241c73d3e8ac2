"""The charts of a host's page: their PromQL, units and line names."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from alerting.checks.cpu_usage import CpuUsage
from web.fleet.figures import NO_NIC

_NO_DRIVE: Final = "loop.*|ram.*|zram.*|sr.*|fd.*|dm-.*|md.*"
"""Block devices that are not drives, or whose drives are listed separately."""


class ChartUnit(StrEnum):
    """The unit of a chart's values, by which the browser formats them."""

    RATIO = "ratio"
    NUMBER = "number"
    BYTES = "bytes"
    BYTES_PER_S = "bytes_per_s"
    CELSIUS = "celsius"


@dataclass(frozen=True, slots=True)
class Lines:
    """One query of a chart and the names of its lines.

    Attributes:
        query: PromQL, with `HOST` for the host's matcher, `DISKS` for the matchers of
            filesystems, and `WINDOW` for the window of rates; or a function that returns it.
        name: the name of a line, with `{label}` for the value of a label.
        mirrored: whether the line is drawn below the axis, such as outgoing traffic.
    """

    query: str | Callable[[CpuUsage], str]
    name: str
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart; `order` lists the line names that come first."""

    key: str
    title: str
    unit: ChartUnit
    lines: tuple[Lines, ...]
    stacked: bool = False
    order: tuple[str, ...] = ()


CHARTS: Final = (
    Chart(
        "cpu",
        "CPU",
        ChartUnit.RATIO,
        (
            Lines(CpuUsage.busy_modes, "{mode}"),
            # Below the axis: the height of the stack is the usage.
            Lines(CpuUsage.waiting, "iowait", mirrored=True),
        ),
        stacked=True,
        order=("user", "system", "steal", "nice", "softirq", "irq", "iowait"),
    ),
    Chart(
        "load",
        "Load",
        ChartUnit.NUMBER,
        (
            Lines("node_load1{HOST}", "1 min"),
            Lines("node_load5{HOST}", "5 min"),
            Lines("node_load15{HOST}", "15 min"),
        ),
    ),
    Chart(
        "memory",
        "Memory",
        ChartUnit.BYTES,
        (
            Lines(
                "node_memory_MemTotal_bytes{HOST} - node_memory_MemFree_bytes{HOST}"
                " - node_memory_Buffers_bytes{HOST} - node_memory_Cached_bytes{HOST}"
                " - node_memory_SReclaimable_bytes{HOST}",
                "used",
            ),
            Lines(
                "node_memory_Buffers_bytes{HOST} + node_memory_Cached_bytes{HOST}"
                " + node_memory_SReclaimable_bytes{HOST}",
                "cache",
            ),
            Lines("node_memory_MemFree_bytes{HOST}", "free"),
        ),
        stacked=True,
        order=("used", "cache", "free"),
    ),
    Chart(
        "disk_space",
        "Disk usage",
        ChartUnit.RATIO,
        (
            Lines(
                "1 - node_filesystem_avail_bytes{HOST,DISKS}"
                " / (node_filesystem_size_bytes{HOST,DISKS} > 0)",
                "{mountpoint}",
            ),
        ),
    ),
    Chart(
        "disk_io",
        "Disk I/O",
        ChartUnit.BYTES_PER_S,
        (
            Lines(
                f'rate(node_disk_read_bytes_total{{HOST,device!~"{_NO_DRIVE}"}}[WINDOW])',
                "{device} read",
            ),
            Lines(
                f'rate(node_disk_written_bytes_total{{HOST,device!~"{_NO_DRIVE}"}}[WINDOW])',
                "{device} write",
                mirrored=True,
            ),
        ),
    ),
    Chart(
        "network",
        "Network",
        ChartUnit.BYTES_PER_S,
        (
            Lines(
                f'rate(node_network_receive_bytes_total{{HOST,device!~"{NO_NIC}"}}[WINDOW])',
                "{device} in",
            ),
            Lines(
                f'rate(node_network_transmit_bytes_total{{HOST,device!~"{NO_NIC}"}}[WINDOW])',
                "{device} out",
                mirrored=True,
            ),
        ),
    ),
    Chart(
        "temperature",
        "Temperature",
        ChartUnit.CELSIUS,
        (Lines("max by (chip, sensor) (node_hwmon_temp_celsius{HOST})", "{chip} {sensor}"),),
    ),
)
