"""Processes by state, threads, and the kernel's limits for both."""

from collections import Counter
from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_number, read_value

# Positions of the state and the thread count in /proc/PID/stat, after the name (proc(5)).
_STATE, _THREADS = 0, 17


class Processes:
    """Reads the `stat` of every process."""

    name = "processes"

    def __init__(self, roots: Roots) -> None:
        self._proc = roots.proc

    def collect(self) -> Iterable[Family]:
        """Return processes by state, the numbers of processes and threads, and their limits."""
        states: Counter[str] = Counter()
        threads = 0
        for pid in list_names(self._proc):
            if not pid.isdecimal():
                continue
            text = read_value(f"{self._proc}/{pid}/stat")
            if text is None:
                continue  # The process has just ended, or the mount option hidepid hides it.
            # The name is in parentheses and may contain parentheses itself.
            fields = text.rpartition(")")[2].split()
            states[fields[_STATE]] += 1
            threads += int(fields[_THREADS])
        family = GaugeFamily(
            "node_processes_state", "Number of processes in each state.", labels=("state",)
        )
        for state, count in sorted(states.items()):
            family.add((state,), count)
        kernel = f"{self._proc}/sys/kernel"
        return [
            family,
            GaugeFamily("node_processes_pids", "Number of PIDs", sum(states.values())),
            GaugeFamily("node_processes_threads", "Allocated threads in system", threads),
            *_limit("max_processes", "Number of max PIDs limit", f"{kernel}/pid_max"),
            *_limit("max_threads", "Limit of threads in the system", f"{kernel}/threads-max"),
        ]


def _limit(name: str, documentation: str, path: str) -> Iterable[Family]:
    value = read_number(path)
    if value is not None:
        yield GaugeFamily(f"node_processes_{name}", documentation, value)
