"""Batteries and mains adapters.

Source: the kernel's Documentation/ABI/testing/sysfs-class-power.
"""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.roots import Roots, list_names, read_number, read_value

# Attributes by their unit in sysfs: 1, a millionth and a tenth of the base unit.
_PLAIN = (
    "authentic",
    "calibrate",
    "capacity",
    "capacity_alert_max",
    "capacity_alert_min",
    "cycle_count",
    "online",
    "present",
    "time_to_empty_now",
    "time_to_full_now",
)
_MICRO = (
    "charge_control_limit",
    "charge_control_limit_max",
    "charge_counter",
    "charge_empty",
    "charge_empty_design",
    "charge_full",
    "charge_full_design",
    "charge_now",
    "charge_term_current",
    "constant_charge_current",
    "constant_charge_current_max",
    "constant_charge_voltage",
    "constant_charge_voltage_max",
    "current_boot",
    "current_max",
    "current_now",
    "energy_empty",
    "energy_empty_design",
    "energy_full",
    "energy_full_design",
    "energy_now",
    "input_current_limit",
    "power_now",
    "precharge_current",
    "voltage_boot",
    "voltage_max",
    "voltage_max_design",
    "voltage_min",
    "voltage_min_design",
    "voltage_now",
    "voltage_ocv",
)
_TENTHS = (
    "temp",
    "temp_alert_max",
    "temp_alert_min",
    "temp_ambient",
    "temp_ambient_max",
    "temp_ambient_min",
    "temp_max",
    "temp_min",
)
# Attributes whose metric has another name. node_exporter adds the unit to few of them.
_RENAMED = {
    "cycle_count": "cyclecount",
    "time_to_empty_now": "time_to_empty_seconds",
    "time_to_full_now": "time_to_full_seconds",
    "charge_now": "charge_ampere",
    "current_now": "current_ampere",
    "energy_now": "energy_watthour",
    "power_now": "power_watt",
    "voltage_now": "voltage_volt",
    **{attribute: f"{attribute}_celsius" for attribute in _TENTHS},
}
_DIVISORS = {
    **dict.fromkeys(_PLAIN, 1.0),
    **dict.fromkeys(_MICRO, 1e6),
    **dict.fromkeys(_TENTHS, 10.0),
}
_TEXTS = (
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "scope",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
)


class PowerSupplies:
    """Reads `class/power_supply`."""

    name = "powersupplyclass"

    def __init__(self, roots: Roots, supplies: NameFilter = ALL_NAMES) -> None:
        self._class = f"{roots.sys}/class/power_supply"
        self._supplies = supplies

    def collect(self) -> Iterable[Family]:
        """Return one gauge per attribute, by power supply."""
        supplies = list(filter(self._supplies.accepts, list_names(self._class)))
        if not supplies:
            return []
        families = {attribute: _gauge(attribute) for attribute in _DIVISORS}
        info = GaugeFamily(
            "node_power_supply_info",
            "info of /sys/class/power_supply/<power_supply>.",
            labels=("power_supply", *_TEXTS),
        )
        for supply in supplies:
            directory = f"{self._class}/{supply}"
            texts = [read_value(f"{directory}/{attribute}") or "" for attribute in _TEXTS]
            info.add((supply, *texts), 1)
            # A supply has few of the attributes, and trying to read a missing one costs as much
            # as reading one.
            for attribute in families.keys() & set(list_names(directory)):
                value = read_number(f"{directory}/{attribute}")
                if value is not None:
                    families[attribute].add((supply,), value / _DIVISORS[attribute])
        return [family for family in (*families.values(), info) if family]


def _gauge(attribute: str) -> GaugeFamily:
    name = _RENAMED.get(attribute, attribute)
    return GaugeFamily(
        f"node_power_supply_{name}",
        f"{name} value of /sys/class/power_supply/<power_supply>.",
        labels=("power_supply",),
    )
