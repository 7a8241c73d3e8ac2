"""Scheduler statistics: how long processes ran on each CPU and waited for it.

Source: the kernel's Documentation/scheduler/sched-stats.rst.
"""

from collections.abc import Iterable

from exporter.families import CounterFamily, Family
from exporter.kept_files import KeptFile
from exporter.roots import Roots

_NANOSECONDS = 1e9


class SchedulerStatistics:
    """Reads `schedstat`."""

    name = "schedstat"

    def __init__(self, roots: Roots) -> None:
        self._file = KeptFile(f"{roots.proc}/schedstat")

    def collect(self) -> Iterable[Family]:
        """Return seconds running, seconds waiting and time slices by CPU."""
        running = CounterFamily(
            "node_schedstat_running_seconds_total",
            "Number of seconds CPU spent running a process.",
            labels=("cpu",),
        )
        waiting = CounterFamily(
            "node_schedstat_waiting_seconds_total",
            "Number of seconds spent by processing waiting for this CPU.",
            labels=("cpu",),
        )
        timeslices = CounterFamily(
            "node_schedstat_timeslices_total",
            "Number of timeslices executed by CPU.",
            labels=("cpu",),
        )
        for line in self._file.lines():
            if line.startswith("cpu"):
                label, *values = line.split()
                cpu = (label.removeprefix("cpu"),)
                running.add(cpu, int(values[6]) / _NANOSECONDS)
                waiting.add(cpu, int(values[7]) / _NANOSECONDS)
                timeslices.add(cpu, int(values[8]))
        return [running, waiting, timeslices]
