"""The exporter's own process: memory, CPU, descriptors, and Python's garbage collector.

The names are those that Prometheus's client libraries give a process.
"""

import gc
import os
import platform
from collections.abc import Iterable
from contextlib import suppress

from exporter.families import CounterFamily, Family, GaugeFamily

# Positions in /proc/self/stat after the name of the program, which is in parentheses (proc(5)).
_USER_TICKS, _SYSTEM_TICKS, _START_TICKS, _VIRTUAL_BYTES, _RESIDENT_PAGES = 11, 12, 19, 20, 21


class ProcessMetrics:
    """Reads `/proc/self`, also where the host's procfs is mounted elsewhere."""

    def __init__(self) -> None:
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        info = GaugeFamily(
            "python_info",
            "Python platform information",
            labels=("version", "implementation", "major", "minor", "patchlevel"),
        )
        major, minor, patch = platform.python_version_tuple()
        implementation = platform.python_implementation()
        info.add((platform.python_version(), implementation, major, minor, patch), 1)
        self._python = info
        self._boot_s = _boot_time_s()

    def collect(self) -> Iterable[Family]:
        """Return the families; those of /proc on Linux only."""
        families: list[Family] = []
        with suppress(OSError, ValueError, IndexError):
            families += self._process()
        return [*families, *_garbage(), self._python]

    def _process(self) -> Iterable[Family]:
        with open("/proc/self/stat", "rb", 0) as file:  # noqa: PTH123 - pathlib costs memory.
            fields = file.read(1024).rpartition(b")")[2].split()
        cpu_s = (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / self._ticks
        yield CounterFamily(
            "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", cpu_s
        )
        yield GaugeFamily(
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            int(fields[_VIRTUAL_BYTES]),
        )
        yield GaugeFamily(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            int(fields[_RESIDENT_PAGES]) * self._page_bytes,
        )
        yield GaugeFamily(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            self._boot_s + int(fields[_START_TICKS]) / self._ticks,
        )
        descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, not paths.
        yield GaugeFamily("process_open_fds", "Number of open file descriptors.", descriptors)
        yield GaugeFamily(
            "process_max_fds", "Maximum number of open file descriptors.", os.sysconf("SC_OPEN_MAX")
        )


def _boot_time_s() -> float:
    with suppress(OSError, ValueError), open("/proc/stat", "rb") as file:  # noqa: PTH123
        for line in file:
            if line.startswith(b"btime "):
                return float(line.split()[1])
    return 0.0


def _garbage() -> Iterable[Family]:
    names = {
        "collected": "Objects collected during gc",
        "uncollectable": "Uncollectable objects found during GC",
        "collections": "Number of times this generation was collected",
    }
    statistics = gc.get_stats()
    for field, documentation in names.items():
        suffix = f"objects_{field}" if field != "collections" else field
        family = CounterFamily(f"python_gc_{suffix}_total", documentation, labels=("generation",))
        for generation, counts in enumerate(statistics):
            family.add((str(generation),), counts[field])
        yield family
