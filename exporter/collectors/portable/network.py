"""Traffic and properties of each network interface."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter

# psutil's field -> column of Linux's /proc/net/dev.
_COLUMNS: Final = (
    ("bytes_recv", "receive_bytes"),
    ("packets_recv", "receive_packets"),
    ("errin", "receive_errs"),
    ("dropin", "receive_drop"),
    ("bytes_sent", "transmit_bytes"),
    ("packets_sent", "transmit_packets"),
    ("errout", "transmit_errs"),
    ("dropout", "transmit_drop"),
)
_BYTES_PER_MEGABIT: Final = 1_000_000 / 8


class _InterfaceCollector:
    """A collector of network interfaces.

    Args:
        system: the module psutil.
        devices: the interfaces to report.
    """

    def __init__(self, system: Any, devices: NameFilter = ALL_NAMES) -> None:
        self._system, self._devices = system, devices


class PortableTraffic(_InterfaceCollector):
    """Asks psutil for the counters of each interface."""

    name = "netdev"

    def collect(self) -> Iterable[Family]:
        """Return one counter by field, by device."""
        interfaces = sorted((self._system.net_io_counters(pernic=True) or {}).items())
        for field, column in _COLUMNS:
            family = CounterFamily(
                f"node_network_{column}_total",
                f"Network device statistic {column}.",
                labels=("device",),
            )
            for device, counters in interfaces:
                if self._devices.accepts(device):
                    family.add((device,), getattr(counters, field))
            if family:
                yield family


class PortableInterfaces(_InterfaceCollector):
    """Asks psutil for state, speed and MTU of each interface."""

    name = "netclass"

    def collect(self) -> Iterable[Family]:
        """Return node_network_up, _mtu_bytes and _speed_bytes, by device."""
        up = GaugeFamily(
            "node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.", labels=("device",)
        )
        mtu, speed = (
            GaugeFamily(
                f"node_network_{name}", f"Network device property: {name}", labels=("device",)
            )
            for name in ("mtu_bytes", "speed_bytes")
        )
        for device, found in sorted(self._system.net_if_stats().items()):
            if not self._devices.accepts(device):
                continue
            up.add((device,), found.isup)
            mtu.add((device,), found.mtu)
            # 0 is a speed that the driver does not know.
            if found.speed > 0:
                speed.add((device,), found.speed * _BYTES_PER_MEGABIT)
        return [family for family in (up, mtu, speed) if family]
