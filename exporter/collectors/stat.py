"""Kernel and system statistics."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporter.roots import Roots, read_lines

_COUNTERS = {
    "intr": ("node_intr_total", "Total number of interrupts serviced."),
    "ctxt": ("node_context_switches_total", "Total number of context switches."),
    "processes": ("node_forks_total", "Total number of forks."),
}
_GAUGES = {
    "btime": ("node_boot_time_seconds", "Node boot time, in unixtime."),
    "procs_running": ("node_procs_running", "Number of processes in runnable state."),
    "procs_blocked": (
        "node_procs_blocked",
        "Number of processes blocked waiting for I/O to complete.",
    ),
}


class Statistics:
    """Reads `stat`, all but its CPU lines."""

    name = "stat"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/stat"

    def collect(self) -> Iterable[Metric]:
        """Return interrupts, context switches, forks, boot time and process counts."""
        families: list[Metric] = []
        for line in read_lines(self._path):
            # Two splits only: the interrupt line has thousands of columns.
            key, _, rest = line.partition(" ")
            if key in _COUNTERS:
                families.append(CounterMetricFamily(*_COUNTERS[key], float(rest.split(" ", 1)[0])))
            elif key in _GAUGES:
                families.append(GaugeMetricFamily(*_GAUGES[key], float(rest)))
        return families
