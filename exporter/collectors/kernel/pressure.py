"""Pressure stall information: how long processes waited for CPU, memory and I/O.

Source: the kernel's Documentation/accounting/psi.rst.
"""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family
from exporter.kept_files import KeptFile
from exporter.roots import Roots

# (file, line) -> metric name and HELP. The line "full" of the CPU is left out: for the
# whole host it is zero or undefined.
_COUNTERS = {
    ("cpu", "some"): (
        "node_pressure_cpu_waiting_seconds_total",
        "Total time in seconds that processes have waited for CPU time",
    ),
    ("io", "some"): (
        "node_pressure_io_waiting_seconds_total",
        "Total time in seconds that processes have waited due to IO congestion",
    ),
    ("io", "full"): (
        "node_pressure_io_stalled_seconds_total",
        "Total time in seconds no process could make progress due to IO congestion",
    ),
    ("memory", "some"): (
        "node_pressure_memory_waiting_seconds_total",
        "Total time in seconds that processes have waited for memory",
    ),
    ("memory", "full"): (
        "node_pressure_memory_stalled_seconds_total",
        "Total time in seconds no process could make progress due to memory congestion",
    ),
    ("irq", "full"): (
        "node_pressure_irq_stalled_seconds_total",
        "Total time in seconds no process could make progress due to IRQ congestion",
    ),
}
_MICROSECONDS = 1e6


class Pressure:
    """Reads `pressure`."""

    name = "pressure"

    def __init__(self, roots: Roots) -> None:
        self._files = {
            resource: KeptFile(f"{roots.proc}/pressure/{resource}")
            for resource in ("cpu", "io", "memory", "irq")
        }

    def collect(self) -> Iterable[Family]:
        """Return one counter per resource and kind of stall."""
        families = []
        for resource, file in self._files.items():
            try:
                lines = file.lines()
            except FileNotFoundError:
                continue  # `irq` exists since Linux 6.1.
            except OSError as exc:  # EOPNOTSUPP: disabled by the boot option psi=0.
                raise NoDataError(f"pressure stall information is off: {exc}") from exc
            for line in lines:
                kind, *fields = line.split()
                known = _COUNTERS.get((resource, kind))
                total = dict(field.split("=", 1) for field in fields).get("total")
                if known is not None and total is not None:
                    families.append(CounterFamily(*known, float(total) / _MICROSECONDS))
        if not families:
            raise NoDataError("the kernel has no pressure stall information")
        return families
