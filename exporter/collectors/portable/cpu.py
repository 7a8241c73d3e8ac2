"""CPU time by mode."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

from exporter.families import CounterFamily, Family

# psutil's field -> mode of the Linux kernel. `interrupt` and `dpc` are of Windows.
_MODES: Final = MappingProxyType(
    {
        **{name: name for name in ("user", "nice", "system", "idle", "iowait", "irq", "softirq")},
        "interrupt": "irq",
        "dpc": "softirq",
    }
)


class PortableCPU:
    """Asks psutil for the times of each CPU.

    Args:
        system: the module psutil.
    """

    name = "cpu"

    def __init__(self, system: Any) -> None:
        self._system = system

    def collect(self) -> Iterable[Family]:
        """Return node_cpu_seconds_total, by CPU and mode."""
        seconds = CounterFamily(
            "node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", labels=("cpu", "mode")
        )
        for number, times in enumerate(self._system.cpu_times(percpu=True)):
            for field, value in times._asdict().items():
                if field in _MODES:
                    seconds.add((str(number), _MODES[field]), value)
        return [seconds]
