"""Health of disks by SMART, through smartctl's JSON, with smartctl_exporter's names.

Source: smartctl(8), option --json. Only root can ask a disk.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from exporter.collectors.programs import BackgroundProgram
from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots

_SCAN_S: Final = 3600.0
_DISK_S: Final = 300.0
_DEADLINE_S: Final = 60.0
_MOST_DISKS: Final = 256

# The path to a number in the JSON, its metric, HELP and factor.
_NUMBERS: Final = (
    (("power_on_time", "hours"), "power_on_seconds", "Device power on seconds", 3600),
    (("power_cycle_count",), "power_cycle_count", "Device power cycle count", 1),
    (("user_capacity", "bytes"), "capacity_bytes", "Device capacity in bytes", 1),
    (("rotation_rate",), "rotation_rate", "Device rotation rate", 1),
    (
        ("nvme_smart_health_information_log", "percentage_used"),
        "percentage_used",
        "Device write percentage used",
        1,
    ),
    (
        ("nvme_smart_health_information_log", "available_spare"),
        "available_spare",
        "Normalized percentage (0 to 100%) of the remaining spare capacity available",
        1,
    ),
    (
        ("nvme_smart_health_information_log", "critical_warning"),
        "critical_warning",
        "This field indicates critical warnings for the state of the controller",
        1,
    ),
    (
        ("nvme_smart_health_information_log", "media_errors"),
        "media_errors",
        "Contains the number of occurrences where the controller detected an unrecovered error",
        1,
    ),
    (
        ("nvme_smart_health_information_log", "num_err_log_entries"),
        "num_err_log_entries",
        "Contains the number of Error Information log entries over the life of the controller",
        1,
    ),
    (
        ("nvme_smart_health_information_log", "data_units_read"),
        "bytes_read",
        "Bytes that the host has read",
        512_000,
    ),
    (
        ("nvme_smart_health_information_log", "data_units_written"),
        "bytes_written",
        "Bytes that the host has written",
        512_000,
    ),
)
_COUNTERS: Final = frozenset(
    {"power_on_seconds", "power_cycle_count", "media_errors", "num_err_log_entries"}
    | {"bytes_read", "bytes_written"}
)
_INFO: Final = ("model_family", "model_name", "serial_number", "firmware_version")

Program = Callable[[Sequence[str], float, float], BackgroundProgram]


class SmartDisks:
    """Runs smartctl: the list of disks every hour, each disk every five minutes.

    Args:
        roots: not used; smartctl finds the disks.
        program: makes a program from its command line, interval and deadline.
    """

    name = "smart"

    def __init__(self, roots: Roots, program: Program = BackgroundProgram) -> None:
        del roots
        self._program = program
        self._scan = program(["smartctl", "--json=c", "--scan"], _SCAN_S, _DEADLINE_S)
        self._disks: dict[tuple[str, str], BackgroundProgram] = {}

    def collect(self) -> Iterable[Family]:
        """Return health, temperature, age and attributes of each disk.

        Raises:
            NoDataError: smartctl is not installed, or finds no disks.
            ValueError: smartctl prints no JSON.
        """
        scanned = self._scan.output()
        if scanned is None:
            return []
        found = list(_devices(json.loads(scanned.content)))[:_MOST_DISKS]
        if not found:
            raise NoDataError("smartctl finds no disks")
        self._disks = {
            key: self._disks.get(key)
            # A disk that sleeps is not woken.
            or self._program(
                ["smartctl", "--json=c", "--nocheck=standby", "--all", "-d", key[1], key[0]],
                _DISK_S,
                _DEADLINE_S,
            )
            for key in found
        }
        families = _DiskFamilies()
        for (device, _), program in self._disks.items():
            output = program.output()
            if output is not None:
                families.add(device.removeprefix("/dev/"), output.status, _object(output.content))
        return families.all


def _devices(scan: object) -> Iterator[tuple[str, str]]:
    devices = scan.get("devices") if isinstance(scan, dict) else None
    for device in devices if isinstance(devices, list) else ():
        if isinstance(device, dict):
            name, kind = str(device.get("name", "")), str(device.get("type", "auto"))
            if name.startswith("/dev/") and not kind.startswith("-"):
                yield name, kind


def _object(content: bytes) -> Mapping[str, Any]:
    """Return what smartctl printed about a disk, an empty object if that is no JSON."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


class _DiskFamilies:
    """The families of disks."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    @property
    def all(self) -> list[Family]:
        return list(self._families.values())

    def add(self, device: str, status: int, disk: Mapping[str, Any]) -> None:
        """Add what smartctl printed about a disk."""
        family = self._family("smartctl_exit_status", "Exit status of smartctl on device")
        family.add((device,), status)
        info = [str(disk.get(key, "")) for key in _INFO]
        protocol = _part(disk, "device", "protocol")
        family = self._family("info", "Device info", (*_INFO, "protocol"))
        family.add((device, *info, protocol if isinstance(protocol, str) else ""), 1)
        passed = _part(disk, "smart_status", "passed")
        if isinstance(passed, bool):
            self._family("smart_status", "General smart status").add((device,), passed)
        temperature = _part(disk, "temperature", "current")
        if _is_number(temperature):
            documentation = "Device temperature celsius"
            family = self._family("temperature", documentation, ("temperature_type",))
            family.add((device, "current"), temperature)
        for path, name, documentation, factor in _NUMBERS:
            value = _part(disk, *path)
            if _is_number(value):
                self._family(name, documentation).add((device,), value * factor)
        self._add_attributes(device, _part(disk, "ata_smart_attributes", "table"))

    def _add_attributes(self, device: str, table: Any) -> None:
        seen = set()
        for row in table if isinstance(table, list) else ():
            if not isinstance(row, dict) or row.get("id") in seen or not _is_number(row.get("id")):
                continue
            seen.add(row["id"])
            values: dict[str, Any] = {"value": row.get("value"), "worst": row.get("worst")}
            values |= {"thresh": row.get("thresh"), "raw": _part(row, "raw", "value")}
            for kind, value in values.items():
                if _is_number(value):
                    labels = ("attribute_name", "attribute_id", "attribute_value_type")
                    family = self._family("attribute", "Device attributes", labels)
                    family.add((device, str(row.get("name", "")), str(row["id"]), kind), value)

    def _family(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Family:
        family = self._families.get(name)
        if family is None:
            kind = CounterFamily if name in _COUNTERS else GaugeFamily
            shown = "smartctl_device" if name == "info" else f"smartctl_device_{name}"
            family = self._families[name] = kind(shown, documentation, labels=("device", *labels))
        return family


def _part(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
