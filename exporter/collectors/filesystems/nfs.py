"""The NFS client: network, RPCs, and calls of each procedure.

Source: the kernel's net/sunrpc/stats.c.
"""

from collections.abc import Iterable
from itertools import zip_longest

from exporter.collectors.filesystems import nfs_procedures
from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family
from exporter.pairs import pairs
from exporter.roots import Roots, read_text

_PROCEDURES = {
    "2": ("proc2", nfs_procedures.VERSION_2),
    "3": ("proc3", nfs_procedures.VERSION_3),
    "4": ("proc4", nfs_procedures.CLIENT_4),
}
_RPCS = (
    ("node_nfs_rpcs_total", "Total number of RPCs performed."),
    ("node_nfs_rpc_retransmissions_total", "Number of RPC transmissions performed."),
    (
        "node_nfs_rpc_authentication_refreshes_total",
        "Number of RPC authentication refreshes performed.",
    ),
)


class NFSClient:
    """Reads `net/rpc/nfs`."""

    name = "nfs"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/net/rpc/nfs"

    def collect(self) -> Iterable[Family]:
        """Return packets and connections, RPCs, and requests by version and procedure.

        Raises:
            NoDataError: the kernel's NFS client is not loaded.
        """
        try:
            lines = nfs_procedures.lines_by_name(read_text(self._path))
        except FileNotFoundError:
            raise NoDataError("no NFS client") from None
        packets = CounterFamily(
            "node_nfs_packets_total",
            "Total NFSd network packets (sent+received) by protocol type.",
            labels=("protocol",),
        )
        # The columns are all packets, those of UDP and of TCP, and connections.
        _, udp, tcp, connections = (int(number) for number in lines["net"][:4])
        packets.add(("udp",), udp)
        packets.add(("tcp",), tcp)
        yield packets
        yield CounterFamily(
            "node_nfs_connections_total", "Total number of NFSd TCP connections.", connections
        )
        for known, number in pairs(_RPCS, lines["rpc"]):
            yield CounterFamily(*known, int(number))
        requests = CounterFamily(
            "node_nfs_requests_total",
            "Number of NFS procedures invoked.",
            labels=("proto", "method"),
        )
        for version, (line, methods) in _PROCEDURES.items():
            if line in lines:
                # The first number counts the others. Newer kernels have more procedures.
                numbers = lines[line][1 : len(methods) + 1]
                for method, number in zip_longest(methods, numbers, fillvalue="0"):
                    requests.add((version, method), int(number))
        yield requests
