"""TCP connections by state, and the bytes in their queues.

Source: sock_diag(7).
"""

import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from exporter.collectors.netlink import dump
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots

_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_ALL_STATES: Final = 0xFFF
# inet_diag_req_v2: family, protocol, extensions, padding, states, then the socket's identity.
_REQUEST: Final = struct.Struct("=BBBxI48x")
# inet_diag_msg: family, state, timer, retransmissions; identity; expires, both queues.
_MESSAGE: Final = struct.Struct("=BBBB48xIII")
_STATES: Final = (
    "",
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
)


def sockets(family: int) -> Iterator[bytes]:
    """Yield the kernel's message about each TCP socket of an address family."""
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _ALL_STATES)
    return dump(_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, request)


class TCPConnections:
    """Asks the kernel's socket diagnosis, of this process's network namespace."""

    name = "tcpstat"

    def __init__(self, roots: Roots, sockets: Callable[[int], Iterable[bytes]] = sockets) -> None:
        del roots
        self._sockets = sockets

    def collect(self) -> Iterable[Family]:
        """Return the number of connections by state, and the bytes in their queues."""
        counts: Counter[str] = Counter(rx_queued_bytes=0, tx_queued_bytes=0)
        for family in (socket.AF_INET, socket.AF_INET6):
            for message in self._sockets(family):
                _, state, _, _, _, received, sent = _MESSAGE.unpack_from(message)
                if 0 < state < len(_STATES):
                    counts[_STATES[state]] += 1
                counts["rx_queued_bytes"] += received
                counts["tx_queued_bytes"] += sent
        states = GaugeFamily(
            "node_tcp_connection_states", "Number of connection states.", labels=("state",)
        )
        for state, count in sorted(counts.items()):
            states.add((state,), count)
        return [states]
