"""CPU time by mode, and how often each CPU was throttled."""

from __future__ import annotations

import os
from collections.abc import Iterable

from exporter.collectors.cpu.cpu_info import CPUInformation
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.pairs import pairs
from exporter.roots import Roots, list_names, read_number, read_value

_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_GUEST_MODES = ("user", "nice")
_IDLE = _MODES.index("idle")
# A CPU whose idle time falls by this or more was unplugged and started again at zero
# (node_exporter has the same limit).
_HOTPLUG_SECONDS = 3.0


class CPU:
    """Reads the CPU lines of `stat`, and `thermal_throttle` if the CPU has it.

    Args:
        roots: where to read.
        guest: whether to report the seconds in guests.
        information: reads the descriptions of the CPUs, None to leave them out.
    """

    name = "cpu"

    def __init__(
        self, roots: Roots, *, guest: bool = True, information: CPUInformation | None = None
    ) -> None:
        self._guest, self._information = guest, information
        self._stat = KeptFile(f"{roots.proc}/stat")
        self._cpus = f"{roots.sys}/devices/system/cpu"
        self._ticks_per_second = os.sysconf("SC_CLK_TCK")
        self._last: dict[str, list[float]] = {}

    def collect(self) -> Iterable[Family]:
        """Return seconds by mode, seconds in guests, and throttle events."""
        seconds = CounterFamily(
            "node_cpu_seconds_total",
            "Seconds the CPUs spent in each mode.",
            labels=("cpu", "mode"),
        )
        guest = CounterFamily(
            "node_cpu_guest_seconds_total",
            "Seconds the CPUs spent in guests (VMs) for each mode.",
            labels=("cpu", "mode"),
        )
        times_of = {}
        for line in self._stat.lines():
            if not line.startswith("cpu"):
                break  # The CPU lines come first; the line of interrupts is long.
            label, *ticks = line.split()
            if cpu := label[3:]:
                new = [int(tick) / self._ticks_per_second for tick in ticks]
                times_of[cpu] = _monotonic(self._last.get(cpu), new)
        for cpu, times in times_of.items():
            for mode, value in zip(_MODES, times):
                seconds.add((cpu, mode), value)
            for mode, value in zip(_GUEST_MODES, times[len(_MODES) :]):
                guest.add((cpu, mode), value)
        self._last = times_of
        families = [seconds, *self._throttles(), self._isolated()]
        if self._guest:
            families.insert(1, guest)
        if self._information is not None:
            families.extend(self._information.families())
        return families

    def _isolated(self) -> Family:
        """Return the CPUs that the scheduler leaves alone, from a list such as "1,3-5"."""
        family = GaugeFamily(
            "node_cpu_isolated",
            "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.",
            labels=("cpu",),
        )
        for part in (read_value(f"{self._cpus}/isolated") or "").split(","):
            first, _, last = part.partition("-")
            if first.isdecimal():
                for cpu in range(int(first), int(last or first) + 1):
                    family.add((str(cpu),), 1)
        return family

    def _throttles(self) -> Iterable[Family]:
        core = CounterFamily(
            "node_cpu_core_throttles_total",
            "Number of times this CPU core has been throttled.",
            labels=("package", "core"),
        )
        package = CounterFamily(
            "node_cpu_package_throttles_total",
            "Number of times this CPU package has been throttled.",
            labels=("package",),
        )
        cores: dict[tuple[str, str], int] = {}
        packages: dict[str, int] = {}
        for name in list_names(self._cpus):
            if not name[3:].isdecimal():
                continue
            throttle = f"{self._cpus}/{name}/thermal_throttle"
            core_count = read_number(f"{throttle}/core_throttle_count")
            if core_count is None:
                return []
            topology = f"{self._cpus}/{name}/topology"
            package_id = str(read_number(f"{topology}/physical_package_id"))
            # The threads of a core share its counter.
            cores[package_id, str(read_number(f"{topology}/core_id"))] = core_count
            package_count = read_number(f"{throttle}/package_throttle_count")
            if package_count is not None:
                packages[package_id] = package_count
        for ids, count in cores.items():
            core.add(ids, count)
        for package_id, count in packages.items():
            package.add((package_id,), count)
        return [family for family in (core, package) if family]


def _monotonic(last: list[float] | None, new: list[float]) -> list[float]:
    """Return `new` with no time below its last value, unless the CPU was plugged in again.

    The kernel's idle and iowait times can step back a little. `rate` would take that for
    a counter reset and return a huge value.
    """
    if last is None or len(last) != len(new):
        return new
    # Rounded to the kernel's hundredths: 5.1 - 2.1 is less than 3.
    if round(last[_IDLE] - new[_IDLE], 3) >= _HOTPLUG_SECONDS:
        return new
    return [max(pair) for pair in pairs(last, new)]
