"""The kernel's load balancer (IPVS): its traffic, and connections by backend.

Source: the kernel's net/netfilter/ipvs/ip_vs_ctl.c.
"""

import re
import socket
from collections.abc import Collection, Iterable, Iterator, Mapping

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.pairs import pairs
from exporter.roots import Roots, read_lines

_TOTALS = (
    ("node_ipvs_connections_total", "The total number of connections made."),
    ("node_ipvs_incoming_packets_total", "The total number of incoming packets."),
    ("node_ipvs_outgoing_packets_total", "The total number of outgoing packets."),
    ("node_ipvs_incoming_bytes_total", "The total amount of incoming data."),
    ("node_ipvs_outgoing_bytes_total", "The total amount of outgoing data."),
)
_GAUGES = (
    ("node_ipvs_backend_weight", "The current backend weight by local and remote address."),
    (
        "node_ipvs_backend_connections_active",
        "The current active connections by local and remote address.",
    ),
    (
        "node_ipvs_backend_connections_inactive",
        "The current inactive connections by local and remote address.",
    ),
)
LABELS = ("local_address", "local_port", "remote_address", "remote_port", "proto", "local_mark")
_IPV4 = re.compile(r"([0-9A-F]{8}):([0-9A-F]{4})")
_IPV6 = re.compile(r"\[([0-9a-fA-F:.]+)\]:([0-9A-F]{4})")


class VirtualServers:
    """Reads `net/ip_vs` and `net/ip_vs_stats`.

    Args:
        roots: where to read.
        labels: the labels of backends; those with equal labels are added up.
    """

    name = "ipvs"

    def __init__(self, roots: Roots, labels: Collection[str] = LABELS) -> None:
        self._statistics = f"{roots.proc}/net/ip_vs_stats"
        self._table = f"{roots.proc}/net/ip_vs"
        self._labels = tuple(label for label in LABELS if label in labels)

    def collect(self) -> Iterable[Family]:
        """Return the totals, and weight and connections by backend.

        Raises:
            NoDataError: the kernel's load balancer is not loaded.
        """
        try:
            totals = read_lines(self._statistics)[2].split()
        except FileNotFoundError:
            raise NoDataError("no IPVS") from None
        for known, number in pairs(_TOTALS, totals):
            yield CounterFamily(*known, int(number, 16))
        sums: dict[tuple[str, ...], list[int]] = {}
        for backend, numbers in _backends(read_lines(self._table)):
            values = tuple(backend[label] for label in self._labels)
            before = sums.setdefault(values, [0, 0, 0])
            sums[values] = [one + other for one, other in pairs(before, numbers)]
        for column, known in enumerate(_GAUGES):
            family = GaugeFamily(*known, labels=self._labels)
            for values, row in sums.items():
                family.add(values, row[column])
            yield family


def _backends(lines: list[str]) -> Iterator[tuple[Mapping[str, str], list[int]]]:
    """Yield the labels of each backend, and its weight and connections."""
    service: dict[str, str] = {}
    for line in lines[3:]:
        words = line.split()
        if not words:
            continue
        if words[0] != "->":
            service = {"proto": words[0], "local_address": "", "local_port": "0", "local_mark": ""}
            if words[0] == "FWM":
                service["local_mark"] = words[1]
            else:
                service["local_address"], service["local_port"] = _address(words[1])
            continue
        address, port = _address(words[1])
        backend = {**service, "remote_address": address, "remote_port": port}
        yield backend, [int(number) for number in words[3:6]]


def _address(text: str) -> tuple[str, str]:
    """Return the address and the port of "C0A80016:0CEA" or "[2001:db8::1]:0CEA"."""
    if match := _IPV4.fullmatch(text):
        return socket.inet_ntoa(bytes.fromhex(match[1])), str(int(match[2], 16))
    if match := _IPV6.fullmatch(text):
        packed = socket.inet_pton(socket.AF_INET6, match[1])
        return socket.inet_ntop(socket.AF_INET6, packed), str(int(match[2], 16))
    raise ValueError(f"not an address: {text!r}")
