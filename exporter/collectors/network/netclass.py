"""Properties of each network interface: state, speed, MTU, hardware address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.kept_files import KeptFiles
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.pairs import pairs
from exporter.roots import Roots, list_names

# sysfs attribute -> ending of the metric name.
_GAUGES = {
    "addr_assign_type": "address_assign_type",
    "carrier": "carrier",
    "dev_id": "device_id",
    "dormant": "dormant",
    "flags": "flags",
    "ifindex": "iface_id",
    "iflink": "iface_link",
    "link_mode": "iface_link_mode",
    "mtu": "mtu_bytes",
    "name_assign_type": "name_assign_type",
    "netdev_group": "net_dev_group",
    "tx_queue_len": "transmit_queue_length",
    "type": "protocol_type",
}
_COUNTERS = {
    "carrier_changes": "carrier_changes_total",
    "carrier_up_count": "carrier_up_changes_total",
    "carrier_down_count": "carrier_down_changes_total",
}
_INFO = ("address", "broadcast", "duplex", "operstate", "ifalias")
_OPERSTATE = _INFO.index("operstate")
_IFF_UP = 1  # netdevice(7)
_BYTES_PER_MEGABIT = 1_000_000 / 8


def _metric(name: str) -> tuple[str, str]:
    """Return a metric's name and HELP."""
    return f"node_network_{name}", f"Network device property: {name}"


# Attribute, kind of family, and the metric's name and HELP.
_NUMBERS = (
    *((attribute, GaugeFamily, _metric(name)) for attribute, name in _GAUGES.items()),
    *((attribute, CounterFamily, _metric(name)) for attribute, name in _COUNTERS.items()),
)


class _InterfacePaths(NamedTuple):
    """The files of an interface, in the order of `_INFO` and `_NUMBERS`."""

    info: list[str]
    numbers: list[str]
    flags: str
    speed: str


class NetworkClass:
    """Reads `class/net`."""

    name = "netclass"

    def __init__(
        self, roots: Roots, devices: NameFilter = ALL_NAMES, *, ignore_invalid_speed: bool = True
    ) -> None:
        self._class = f"{roots.sys}/class/net"
        self._accepted, self._ignore_invalid_speed = devices, ignore_invalid_speed
        self._files = KeptFiles()
        self._paths: dict[str, _InterfacePaths] = {}

    def collect(self) -> Iterable[Family]:
        """Return one gauge or counter per attribute, by device."""
        up = GaugeFamily(
            "node_network_up",
            "Value is 1 if operstate is 'up', 0 otherwise.",
            labels=("device",),
        )
        info = GaugeFamily(
            "node_network_info",
            "Non-numeric data from /sys/class/net/<iface>, value is always 1.",
            labels=("device", *_INFO, "adminstate"),
        )
        speed = GaugeFamily(*_metric("speed_bytes"), labels=("device",))
        numbers = [kind(*metric, labels=("device",)) for _, kind, metric in _NUMBERS]
        devices = self._devices()
        self._paths = {
            device: self._paths.get(device) or self._paths_of(device) for device in devices
        }
        value, number = self._files.value, self._files.number
        for device, paths in self._paths.items():
            labels = (device,)
            texts = [value(path) or "" for path in paths.info]
            info.add((device, *texts, _administrative_state(value(paths.flags))), 1)
            up.add(labels, texts[_OPERSTATE] == "up")
            for family, path in pairs(numbers, paths.numbers):
                found = number(path)
                if found is not None:
                    family.add(labels, found)
            megabits = number(paths.speed)
            # -1 means that the driver does not know the speed: no sample is better than -125000.
            if megabits is not None and (megabits >= 0 or not self._ignore_invalid_speed):
                speed.add(labels, megabits * _BYTES_PER_MEGABIT)
        self._files.close_unread()
        return [family for family in (up, info, speed, *numbers) if family]

    def _paths_of(self, device: str) -> _InterfacePaths:
        directory = f"{self._class}/{device}"
        return _InterfacePaths(
            [f"{directory}/{attribute}" for attribute in _INFO],
            [f"{directory}/{attribute}" for attribute, _, _ in _NUMBERS],
            f"{directory}/flags",
            f"{directory}/speed",
        )

    def _devices(self) -> list[str]:
        return [
            name
            for name in list_names(self._class)
            # bonding_masters is a file among the links to devices.
            if name != "bonding_masters" and self._accepted.accepts(name)
        ]


def _administrative_state(flags: str | None) -> str:
    """Return whether an interface is switched on, from its flags in hexadecimal."""
    try:
        return "up" if int(flags or "", 16) & _IFF_UP else "down"
    except ValueError:
        return ""
