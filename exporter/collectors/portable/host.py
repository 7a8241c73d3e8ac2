"""Load, start, processes, name and battery of the host."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from typing import Any, Final

from exporter.collectors.uname_info import uname_info
from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily

_BATTERY: Final = "battery"


class PortableLoad:
    """Asks psutil for the load averages, which it computes itself on Windows.

    Args:
        system: the module psutil.
    """

    name = "loadavg"

    def __init__(self, system: Any) -> None:
        self._system = system

    def collect(self) -> Iterable[Family]:
        """Return the averages over 1, 5 and 15 minutes."""
        return [
            GaugeFamily(f"node_load{minutes}", f"{minutes}m load average.", load)
            for minutes, load in zip((1, 5, 15), self._system.getloadavg())
        ]


class PortableStatistics:
    """Asks psutil for the start of the host, interrupts and context switches.

    Args:
        system: the module psutil.
    """

    name = "stat"

    def __init__(self, system: Any) -> None:
        self._system = system

    def collect(self) -> Iterable[Family]:
        """Return one family by number."""
        counts = self._system.cpu_stats()
        return [
            GaugeFamily(
                "node_boot_time_seconds",
                "Node boot time, in unixtime.",
                self._system.boot_time(),
            ),
            CounterFamily(
                "node_context_switches_total",
                "Total number of context switches.",
                counts.ctx_switches,
            ),
            CounterFamily(
                "node_intr_total", "Total number of interrupts serviced.", counts.interrupts
            ),
        ]


class PortableProcesses:
    """Asks psutil for the number of processes.

    Args:
        system: the module psutil.
    """

    name = "processes"

    def __init__(self, system: Any) -> None:
        self._system = system

    def collect(self) -> Iterable[Family]:
        """Return node_processes_pids."""
        return [GaugeFamily("node_processes_pids", "Number of PIDs", len(self._system.pids()))]


class PortableBattery:
    """Asks psutil for the battery of a portable computer.

    Args:
        system: the module psutil.
    """

    name = "powersupplyclass"

    def __init__(self, system: Any) -> None:
        self._system = system

    def collect(self) -> Iterable[Family]:
        """Return charge in per cent, and whether mains power is there.

        Raises:
            NoDataError: the host has no battery.
        """
        battery = self._system.sensors_battery()
        if battery is None:
            raise NoDataError("no battery")
        for name, value in (("capacity", battery.percent), ("online", battery.power_plugged)):
            if value is not None:
                family = GaugeFamily(
                    f"node_power_supply_{name}",
                    f"{name} value of /sys/class/power_supply/<power_supply>.",
                    labels=("power_supply",),
                )
                family.add((_BATTERY,), value)
                yield family


class PortableUname:
    """Asks Python for name and release of the system.

    Args:
        uname: returns them.
    """

    name = "uname"

    def __init__(self, uname: Callable[[], platform.uname_result] = platform.uname) -> None:
        self._uname = uname

    def collect(self) -> Iterable[Family]:
        """Return node_uname_info."""
        uname = self._uname()
        return [
            uname_info(
                sysname=uname.system,
                release=uname.release,
                version=uname.version,
                machine=uname.machine,
                nodename=uname.node,
                domainname="",
            )
        ]
