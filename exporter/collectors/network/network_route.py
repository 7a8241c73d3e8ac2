"""The routing table, and how many routes each interface has.

Source: rtnetlink(7).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from exporter.collectors.netlink import attributes, dump
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots

_ROUTE: Final = 0
_GET: Final = 26
# rtmsg: family, both prefix lengths, type of service, table, protocol, scope, type, flags.
_MESSAGE: Final = struct.Struct("=BBBBBBBBI")
# rtnexthop: length, flags, hops (the weight less one), interface.
_NEXT_HOP: Final = struct.Struct("=HBBi")
_MAIN: Final = 254
_UNICAST: Final = 1
_DESTINATION, _INTERFACE, _GATEWAY, _PRIORITY, _SOURCE, _MULTIPATH = 1, 4, 5, 6, 7, 9
_PROTOCOLS: Final = {
    0: "unspec",
    1: "redirect",
    2: "kernel",
    3: "boot",
    4: "static",
    8: "gated",
    9: "ra",
    10: "mrt",
    11: "zebra",
    12: "bird",
    13: "dnrouted",
    14: "xorp",
    15: "ntk",
    16: "dhcp",
    17: "mrouted",
    42: "babel",
    186: "bgp",
    187: "isis",
    188: "ospf",
    189: "rip",
    192: "eigrp",
}


class Hop(NamedTuple):
    """One way of a route: its interface, gateway and weight."""

    interface: int
    gateway: str
    weight: str


def routes() -> Iterator[bytes]:
    """Yield the kernel's message about each route."""
    return dump(_ROUTE, _GET, _MESSAGE.pack(socket.AF_UNSPEC, *[0] * 8))


class Routes:
    """Asks the kernel over netlink, about this process's network namespace."""

    name = "network_route"

    def __init__(
        self,
        roots: Roots,
        routes: Callable[[], Iterable[bytes]] = routes,
        device_name: Callable[[int], str] = socket.if_indextoname,
    ) -> None:
        del roots
        self._routes, self._device_name = routes, device_name

    def collect(self) -> Iterable[Family]:
        """Return the unicast routes of the main table, and their number by interface."""
        info = GaugeFamily(
            "node_network_route_info",
            "network routing table information",
            labels=("device", "src", "dest", "gw", "priority", "proto", "weight"),
        )
        counts: Counter[str] = Counter()
        for message in self._routes():
            _, length, _, _, table, protocol, _, kind, _ = _MESSAGE.unpack_from(message)
            if table != _MAIN or kind != _UNICAST:
                continue
            found = attributes(message[_MESSAGE.size :])
            source = _address(found.get(_SOURCE))
            destination = _address(found.get(_DESTINATION))
            target = f"{destination}/{length}" if destination else "default"
            priority = str(_number(found.get(_PRIORITY)))
            for hop in _hops(found):
                try:
                    device = self._device_name(hop.interface)
                except OSError:
                    continue  # The interface was removed meanwhile.
                counts[device] += 1
                way = _PROTOCOLS.get(protocol, "unknown")
                labels = (device, source, target, hop.gateway, priority, way, hop.weight)
                info.add(labels, 1)
        routes = GaugeFamily(
            "node_network_routes", "network routes by interface", labels=("device",)
        )
        for device, count in sorted(counts.items()):
            routes.add((device,), count)
        return [info, routes]


def _hops(found: dict[int, bytes]) -> Iterator[Hop]:
    """Yield the ways of a route."""
    if _MULTIPATH not in found:
        yield Hop(_number(found.get(_INTERFACE)), _address(found.get(_GATEWAY)), "")
        return
    data, offset = found[_MULTIPATH], 0
    while offset + _NEXT_HOP.size <= len(data):
        length, _, hops, interface = _NEXT_HOP.unpack_from(data, offset)
        if length < _NEXT_HOP.size:
            return
        inner = attributes(data[offset + _NEXT_HOP.size : offset + length])
        yield Hop(interface, _address(inner.get(_GATEWAY)), str(hops + 1))
        offset += (length + 3) & ~3


def _address(packed: bytes | None) -> str:
    return str(ipaddress.ip_address(packed)) if packed else ""


def _number(packed: bytes | None) -> int:
    return int(struct.unpack_from("=I", packed)[0]) if packed else 0
