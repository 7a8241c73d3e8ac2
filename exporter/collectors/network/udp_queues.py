"""Bytes in the send and receive queues of UDP sockets."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.roots import Roots


class UDPQueues:
    """Reads `net/udp` and `net/udp6`."""

    name = "udp_queues"

    def __init__(self, roots: Roots) -> None:
        self._files = {
            "v4": KeptFile(f"{roots.proc}/net/udp"),
            "v6": KeptFile(f"{roots.proc}/net/udp6"),
        }

    def collect(self) -> Iterable[Family]:
        """Return bytes by queue and version of IP."""
        family = GaugeFamily(
            "node_udp_queues",
            "Number of allocated memory in the kernel for UDP datagrams in bytes.",
            labels=("queue", "ip"),
        )
        for version, file in self._files.items():
            try:
                lines = file.lines()[1:]
            except FileNotFoundError:
                continue  # This version of IP is disabled.
            queues = [line.split()[4].split(":") for line in lines]
            family.add(("tx", version), sum(int(tx, 16) for tx, _ in queues))
            family.add(("rx", version), sum(int(rx, 16) for _, rx in queues))
        return [family]
