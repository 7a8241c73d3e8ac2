"""Interrupts, context switches, forks, boot time, and running and blocked processes."""

from collections.abc import Iterable

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.roots import Roots

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


# The order of vectors in the line (the kernel's include/linux/interrupt.h).
_VECTORS = (
    "hi",
    "timer",
    "net_tx",
    "net_rx",
    "block",
    "block_iopoll",
    "tasklet",
    "sched",
    "hrtimer",
    "rcu",
)


class KernelStatistics:
    """Reads `stat`, except its CPU lines."""

    name = "stat"

    def __init__(self, roots: Roots, *, softirq: bool = False) -> None:
        self._file = KeptFile(f"{roots.proc}/stat")
        self._softirq = softirq

    def collect(self) -> Iterable[Family]:
        """Return one family per known line."""
        families: list[Family] = []
        for line in self._file.lines():
            # Do not split the whole line: the line of interrupts has thousands of columns.
            key, _, rest = line.partition(" ")
            if key in _COUNTERS:
                families.append(CounterFamily(*_COUNTERS[key], float(rest.split(" ", 1)[0])))
            elif key in _GAUGES:
                families.append(GaugeFamily(*_GAUGES[key], float(rest)))
            elif key == "softirq" and self._softirq:
                families.append(_softirqs(rest.split()[1:]))
        return families


def _softirqs(counts: list[str]) -> Family:
    family = CounterFamily("node_softirqs_total", "Number of softirq calls.", labels=("vector",))
    for vector, count in zip(_VECTORS, counts):
        family.add((vector,), int(count))
    return family
