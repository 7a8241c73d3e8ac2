"""Properties of each network interface: state, speed, MTU, hardware address."""

from collections.abc import Iterable

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.kept_files import KeptFiles
from exporter.name_filter import ALL_NAMES, NameFilter
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
_IFF_UP = 1  # netdevice(7)
_BYTES_PER_MEGABIT = 1_000_000 / 8


class NetworkClass:
    """Reads `class/net`."""

    name = "netclass"

    def __init__(
        self, roots: Roots, devices: NameFilter = ALL_NAMES, *, ignore_invalid_speed: bool = True
    ) -> None:
        self._class = f"{roots.sys}/class/net"
        self._accepted, self._ignore_invalid_speed = devices, ignore_invalid_speed
        self._files = KeptFiles()

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
        speed = _property(GaugeFamily, "speed_bytes")
        numbers = {
            attribute: _property(kind, name)
            for kind, names in ((GaugeFamily, _GAUGES), (CounterFamily, _COUNTERS))
            for attribute, name in names.items()
        }
        for device in self._devices():
            directory = f"{self._class}/{device}"
            texts = [self._files.value(f"{directory}/{attribute}") or "" for attribute in _INFO]
            state = _administrative_state(self._files.value(f"{directory}/flags"))
            info.add((device, *texts, state), 1)
            up.add((device,), texts[_INFO.index("operstate")] == "up")
            for attribute, family in numbers.items():
                value = self._files.number(f"{directory}/{attribute}")
                if value is not None:
                    family.add((device,), value)
            megabits = self._files.number(f"{directory}/speed")
            # -1 means that the driver does not know the speed: no sample is better than -125000.
            if megabits is not None and (megabits >= 0 or not self._ignore_invalid_speed):
                speed.add((device,), megabits * _BYTES_PER_MEGABIT)
        self._files.close_unread()
        return [family for family in (up, info, speed, *numbers.values()) if family]

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


def _property(
    kind: type[GaugeFamily] | type[CounterFamily], name: str
) -> GaugeFamily | CounterFamily:
    return kind(f"node_network_{name}", f"Network device property: {name}", labels=("device",))
