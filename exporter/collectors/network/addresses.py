"""IP addresses of each network interface."""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter


class NetworkAddress(Protocol):
    """The attributes of psutil's addresses that the collector reads."""

    @property
    def family(self) -> int:
        """AF_INET, AF_INET6, or the family of hardware addresses."""

    @property
    def address(self) -> str:
        """The address; an IPv6 address may have a zone (`fe80::1%eth0`)."""

    @property
    def netmask(self) -> str | None:
        """The netmask in the form of an address, None for hardware addresses."""


def host_addresses() -> Mapping[str, Sequence[NetworkAddress]]:
    """Return the host's addresses by interface.

    Raises:
        NoDataError: psutil's native library does not run here. That happens to the
            one-file exporter on a platform other than the one it was built for.
    """
    try:
        import psutil
    except ImportError as exc:
        raise NoDataError(f"psutil does not run here: {exc}") from exc
    return psutil.net_if_addrs()


class InterfaceAddresses:
    """Calls getifaddrs(3), through psutil: no kernel file lists IPv4 addresses."""

    name = "addresses"

    def __init__(
        self,
        devices: NameFilter = ALL_NAMES,
        addresses: Callable[[], Mapping[str, Sequence[NetworkAddress]]] = host_addresses,
    ) -> None:
        self._devices = devices
        self._addresses = addresses

    def collect(self) -> Iterable[Family]:
        """Return node_network_address_info, by device, address, prefix length and scope."""
        family = GaugeFamily(
            "node_network_address_info",
            "node network address by device",
            labels=("device", "address", "netmask", "scope"),
        )
        for device, addresses in sorted(self._addresses().items()):
            if not self._devices.accepts(device):
                continue
            for address in addresses:
                if address.family in (socket.AF_INET, socket.AF_INET6):
                    ip = ipaddress.ip_address(address.address.partition("%")[0])
                    length = _prefix_length(address.netmask or "")
                    family.add((device, str(ip), length, _scope(ip)), 1)
        return [family] if family else []


def _prefix_length(netmask: str) -> str:
    return str(int(ipaddress.ip_address(netmask)).bit_count()) if netmask else ""


def _scope(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if ip.is_loopback or ip.is_link_local:
        return "link-local"
    return "global"
