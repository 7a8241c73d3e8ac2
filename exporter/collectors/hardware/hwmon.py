"""Hardware sensors: temperatures, fans, voltages, power.

Source: the kernel's Documentation/hwmon/sysfs-interface.rst; metric names are node_exporter's.
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.roots import Roots, list_names, read_value

_ATTRIBUTE = re.compile(
    r"(vrm|beep_enable|update_interval|in|cpu|fan|pwm|temp|curr|power|energy|humidity|intrusion"
    r"|freq)([0-9]*)(?:_(.+))?"
)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9:_]")


class _Unit(NamedTuple):
    """Ending of the metric name, beginning of HELP, and factor from sysfs to the base unit."""

    ending: str
    documentation: str
    factor: float


_UNITS = {
    "in": _Unit("_volts", "Hardware monitor for voltage", 1e-3),
    "cpu": _Unit("_volts", "Hardware monitor for voltage", 1e-3),
    "temp": _Unit("_celsius", "Hardware monitor for temperature", 1e-3),
    "curr": _Unit("_amps", "Hardware monitor for current", 1e-3),
    "energy": _Unit("_joule_total", "Hardware monitor for joules used so far", 1e-6),
    "power": _Unit("_watt", "Hardware monitor for power usage in watts", 1e-6),
    # The kernel's unit is a thousandth of a percent.
    "humidity": _Unit("", "Hardware monitor for humidity, as a ratio", 1e-5),
    "fan": _Unit("_rpm", "Hardware monitor for fan revolutions per minute", 1),
}
_POWER_INTERVALS = ("average_interval", "average_interval_min", "average_interval_max")


class HardwareMonitors:
    """Reads `class/hwmon`."""

    name = "hwmon"

    def __init__(
        self,
        roots: Roots,
        chips: NameFilter = ALL_NAMES,
        sensors: NameFilter = ALL_NAMES,
    ) -> None:
        self._class = f"{roots.sys}/class/hwmon"
        self._chips, self._sensors = chips, sensors

    def collect(self) -> Iterable[Family]:
        """Return one family per kind of sensor and attribute, by chip and sensor."""
        monitors = list_names(self._class)
        if not monitors:
            raise NoDataError("no hardware monitor")
        families: dict[str, Family] = {}
        names = GaugeFamily(
            "node_hwmon_chip_names",
            "Annotation metric for human-readable chip names",
            labels=("chip", "chip_name"),
        )
        labels = GaugeFamily(
            "node_hwmon_sensor_label",
            "Label for given chip and sensor",
            labels=("chip", "sensor", "label"),
        )
        seen: set[str] = set()
        for monitor in monitors:
            directory = f"{self._class}/{monitor}"
            chip = _chip(directory)
            if not self._chips.accepts(chip):
                continue
            if chip_name := _cleaned(read_value(f"{directory}/name") or ""):
                names.add((chip, chip_name), 1)
            if chip in seen:
                continue  # Several monitors of one device, whose sensors have the same names.
            seen.add(chip)
            for sensor, attribute, text in _attributes(directory):
                if not self._sensors.accepts(f"{chip};{sensor}"):
                    continue
                if attribute == "label":
                    labels.add((chip, sensor, text), 1)
                elif sensor.startswith("freq") and attribute == "input":
                    named = read_value(f"{directory}/{sensor}_label")
                    _add_frequency(families, chip, named or sensor, text)
                else:
                    _add(families, chip, sensor, attribute, text)
        return [family for family in (names, labels, *families.values()) if family]


def _attributes(directory: str) -> Iterator[tuple[str, str, str]]:
    """Yield (sensor, attribute, content), for example ("temp1", "input", "45000").

    Old drivers have the attributes below `device`. An attribute in both directories is
    read from the first.
    """
    seen = set()
    for parent in (directory, f"{directory}/device"):
        for name in list_names(parent):
            match = _ATTRIBUTE.fullmatch(name)
            if match is None or name in seen:
                continue
            text = read_value(f"{parent}/{name}")
            if text is not None:
                seen.add(name)
                yield match[1] + (match[2] or "0"), match[3] or "", text


def _add_frequency(families: dict[str, Family], chip: str, sensor: str, text: str) -> None:
    """Add a clock rate in hertz, as graphics cards report it."""
    name = "node_hwmon_freq_freq_mhz"
    if name not in families:
        documentation = "Hardware monitor for GPU frequency in MHz"
        families[name] = GaugeFamily(name, documentation, labels=("chip", "sensor"))
    families[name].add((chip, sensor), int(text) / 1e6)


def _add(
    families: dict[str, Family],
    chip: str,
    sensor: str,
    attribute: str,
    text: str,
) -> None:
    try:
        value = float(text)
    except ValueError:
        return
    name, documentation, factor = _description(sensor.rstrip("0123456789"), attribute)
    family = families.get(name)
    if family is None:
        kind = CounterFamily if name.endswith("_total") else GaugeFamily
        family = families[name] = kind(name, documentation, labels=("chip", "sensor"))
    family.add((chip, sensor), value * factor)


def _description(kind: str, attribute: str) -> tuple[str, str, float]:
    """Return metric name, HELP, and factor to the base unit of a kind of sensor and attribute."""
    single = _SINGLE.get(kind)
    if single is not None:
        return single
    name = f"node_hwmon_{kind}"
    if attribute not in ("", "input"):
        name += f"_{_cleaned(attribute)}"
    if attribute in ("fault", "alarm"):
        return name, f"Hardware sensor {attribute} status ({kind})", 1
    if attribute == "beep":
        return f"{name}_enabled", "Hardware monitor sensor has beeping enabled", 1
    if kind == "power" and attribute == "accuracy":
        return name, "Hardware monitor power meter accuracy, as a ratio", 1e-6
    if kind == "power" and attribute in _POWER_INTERVALS:
        return (
            f"{name}_seconds",
            f"Hardware monitor power usage update interval ({attribute})",
            1e-3,
        )
    unit = _UNITS.get(kind)
    is_plain = (kind == "temp" and attribute == "type") or (
        kind == "fan" and attribute not in ("input", "min", "max", "target")
    )
    # Flags such as "crit_alarm" get a unit too, because dashboards for node_exporter query
    # node_hwmon_temp_crit_alarm_celsius.
    if unit is None or is_plain:
        return name, f"Hardware monitor {kind} element {attribute}", 1
    return name + unit.ending, f"{unit.documentation} ({attribute or 'input'})", unit.factor


_SINGLE = {
    "beep_enable": ("node_hwmon_beep_enabled", "Hardware beep enabled", 1.0),
    "vrm": (
        "node_hwmon_voltage_regulator_version",
        "Hardware voltage regulator",
        1.0,
    ),
    "update_interval": (
        "node_hwmon_update_interval_seconds",
        "Hardware monitor update interval",
        1e-3,
    ),
}


def _chip(directory: str) -> str:
    """Return a name of the chip that survives reboots: its bus and its address there."""
    device = os.path.realpath(f"{directory}/device")
    if os.path.lexists(f"{directory}/device"):
        bus, address = device.split("/")[-2:]
        return "_".join(filter(None, (_cleaned(bus), _cleaned(address))))
    if name := _cleaned(read_value(f"{directory}/name") or ""):
        return name
    return _cleaned(os.path.realpath(directory).rpartition("/")[2])


def _cleaned(text: str) -> str:
    return _NOT_IN_A_NAME.sub("_", text.lower()).strip("_")
