"""IP addresses of each network interface.

Source: rtnetlink(7), RTM_GETADDR.
"""

import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, Union

from exporter.collectors.netlink import attributes, dump
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter

_ROUTE: Final = 0
_GET_ADDRESS: Final = 22
# ifaddrmsg: family, prefix length, flags, scope, interface.
_MESSAGE: Final = struct.Struct("=BBBBI")
_ADDRESS, _LOCAL, _LABEL = 1, 2, 3

IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class InterfaceAddress(NamedTuple):
    """An address of an interface, with the length of its network's prefix."""

    device: str
    address: IPAddress
    prefix_length: int


def host_addresses() -> list[InterfaceAddress]:
    """Return the host's addresses, as getifaddrs(3) names their interfaces.

    Raises:
        NoDataError: neither the kernel's netlink nor psutil works here.
    """
    try:
        return list(of_messages(dump(_ROUTE, _GET_ADDRESS, _MESSAGE.pack(0, 0, 0, 0, 0))))
    except (OSError, AttributeError):  # A sandbox without netlink, or not Linux.
        pass
    try:
        # Imported here: psutil takes 5 MB of memory.
        import psutil
    except ImportError as exc:
        raise NoDataError(f"no netlink, and psutil does not run here: {exc}") from exc
    return list(of_psutil(psutil.net_if_addrs()))


def of_messages(
    messages: Iterable[bytes], name: Callable[[int], str] = socket.if_indextoname
) -> Iterator[InterfaceAddress]:
    """Yield the addresses in the kernel's answers."""
    for message in messages:
        if len(message) < _MESSAGE.size:
            continue
        family, length, _, _, index = _MESSAGE.unpack_from(message)
        found = attributes(message[_MESSAGE.size :])
        # On a point-to-point interface, IFA_ADDRESS is the peer's address.
        content = found.get(_LOCAL, found.get(_ADDRESS, b""))
        if len(content) != {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family):
            continue
        # The label has the name of an alias, such as "eth0:1".
        device = found.get(_LABEL, b"").rstrip(b"\0").decode("utf-8", "replace")
        if not device:
            try:
                device = name(index)
            except OSError:
                continue  # The interface has just been removed.
        yield InterfaceAddress(device, ipaddress.ip_address(content), length)


def of_psutil(interfaces: Any) -> Iterator[InterfaceAddress]:
    """Yield the addresses that psutil lists by interface."""
    for device, addresses in interfaces.items():
        for address in addresses:
            if address.family in (socket.AF_INET, socket.AF_INET6):
                mask = ipaddress.ip_address(address.netmask or 0)
                ip = ipaddress.ip_address(address.address.partition("%")[0])
                yield InterfaceAddress(device, ip, bin(int(mask)).count("1"))


class InterfaceAddresses:
    """Asks the kernel over netlink: no kernel file lists IPv4 addresses."""

    name = "addresses"

    def __init__(
        self,
        devices: NameFilter = ALL_NAMES,
        addresses: Callable[[], Iterable[InterfaceAddress]] = host_addresses,
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
        for device, address, length in sorted(self._addresses(), key=_device):
            if self._devices.accepts(device):
                family.add((device, str(address), str(length), _scope(address)), 1)
        return [family] if family else []


def _device(address: InterfaceAddress) -> str:
    return address.device


def _scope(ip: IPAddress) -> str:
    if ip.is_loopback or ip.is_link_local:
        return "link-local"
    return "global"
