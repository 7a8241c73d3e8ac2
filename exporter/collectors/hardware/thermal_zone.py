"""Thermal zones and cooling devices that the firmware describes."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_number, read_value

_MILLIDEGREES = 1000


class ThermalZones:
    """Reads `class/thermal`."""

    name = "thermal_zone"

    def __init__(self, roots: Roots) -> None:
        self._class = f"{roots.sys}/class/thermal"

    def collect(self) -> Iterable[Family]:
        """Return each zone's temperature and each cooling device's state."""
        zones = GaugeFamily(
            "node_thermal_zone_temp", "Zone temperature in Celsius", labels=("zone", "type")
        )
        current = GaugeFamily(
            "node_cooling_device_cur_state",
            "Current throttle state of the cooling device",
            labels=("name", "type"),
        )
        maximum = GaugeFamily(
            "node_cooling_device_max_state",
            "Maximum throttle state of the cooling device",
            labels=("name", "type"),
        )
        for name in list_names(self._class):
            directory = f"{self._class}/{name}"
            if name.startswith("thermal_zone"):
                labels = (name.removeprefix("thermal_zone"), _type(directory))
                # Reading a zone that is suspended fails with EAGAIN or ENODATA.
                _add(zones, labels, read_number(f"{directory}/temp"), _MILLIDEGREES)
            elif name.startswith("cooling_device"):
                labels = (name.removeprefix("cooling_device"), _type(directory))
                _add(current, labels, read_number(f"{directory}/cur_state"))
                _add(maximum, labels, read_number(f"{directory}/max_state"))
        return [family for family in (zones, current, maximum) if family]


def _type(directory: str) -> str:
    return read_value(f"{directory}/type") or ""


def _add(family: GaugeFamily, labels: tuple[str, str], value: int | None, unit: int = 1) -> None:
    if value is not None:
        family.add(labels, value / unit)
