"""Queueing disciplines of each network interface.

Source: tc(8), the kernel's include/uapi/linux/gen_stats.h.
"""

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from exporter.collectors.netlink import attributes, dump
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.pairs import pairs
from exporter.roots import Roots

_ROUTE: Final = 0
_GET: Final = 38
# tcmsg: family, interface, handle, parent, information.
_MESSAGE: Final = struct.Struct("=BxxxiIII")
_ROOT: Final = 0xFFFFFFFF
_KIND: Final = 1
_STATISTICS: Final = 7
_BASIC: Final = 1
_QUEUE: Final = 3
_FAMILIES: Final = (
    (CounterFamily, "bytes_total", "Number of bytes sent."),
    (CounterFamily, "packets_total", "Number of packets sent."),
    (CounterFamily, "drops_total", "Number of packets dropped."),
    (
        CounterFamily,
        "requeues_total",
        "Number of packets dequeued, not transmitted, and requeued.",
    ),
    (CounterFamily, "overlimits_total", "Number of overlimit packets."),
    (
        GaugeFamily,
        "current_queue_length",
        "Number of packets currently in queue to be sent.",
    ),
    (GaugeFamily, "backlog", "Number of bytes currently in queue to be sent."),
)


def disciplines() -> Iterator[bytes]:
    """Yield the kernel's message about each queueing discipline."""
    return dump(_ROUTE, _GET, _MESSAGE.pack(socket.AF_UNSPEC, 0, 0, 0, 0))


class QueueingDisciplines:
    """Asks the kernel over netlink, about this process's network namespace."""

    name = "qdisc"

    def __init__(
        self,
        roots: Roots,
        devices: NameFilter = ALL_NAMES,
        disciplines: Callable[[], Iterable[bytes]] = disciplines,
        device_name: Callable[[int], str] = socket.if_indextoname,
    ) -> None:
        del roots
        self._devices, self._disciplines = devices, disciplines
        self._device_name = device_name

    def collect(self) -> Iterable[Family]:
        """Return traffic and queues of the interfaces' root disciplines, by interface and kind."""
        families = [
            kind(f"node_qdisc_{name}", documentation, labels=("device", "kind"))
            for kind, name, documentation in _FAMILIES
        ]
        for message in self._disciplines():
            _, index, _, parent, _ = _MESSAGE.unpack_from(message)
            found = attributes(message[_MESSAGE.size :])
            try:
                device = self._device_name(index)
            except OSError:
                continue  # The interface was removed meanwhile.
            if parent in (0, _ROOT) and self._devices.accepts(device):
                labels = (device, found.get(_KIND, b"").rstrip(b"\0").decode("utf-8", "replace"))
                for family, value in pairs(families, _numbers(found)):
                    family.add(labels, value)
        return families


def _numbers(found: dict[int, bytes]) -> tuple[int, ...]:
    """Return the values in the order of `_FAMILIES`."""
    statistics = attributes(found.get(_STATISTICS, b""))
    sent, packets = struct.unpack_from("=QI", statistics.get(_BASIC, bytes(12)))
    queue = struct.unpack_from("=IIIII", statistics.get(_QUEUE, bytes(20)))
    length, backlog, drops, requeues, overlimits = queue
    return sent, packets, drops, requeues, overlimits, length, backlog
