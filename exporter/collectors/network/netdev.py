"""Traffic and errors of each network interface."""

import re
from collections.abc import Iterable

from exporter.families import CounterFamily, Family
from exporter.roots import Roots, read_lines, read_number

# The columns of /proc/net/dev (the kernel's Documentation/filesystems/proc.rst).
_COLUMNS = (
    "receive_bytes",
    "receive_packets",
    "receive_errs",
    "receive_drop",
    "receive_fifo",
    "receive_frame",
    "receive_compressed",
    "receive_multicast",
    "transmit_bytes",
    "transmit_packets",
    "transmit_errs",
    "transmit_drop",
    "transmit_fifo",
    "transmit_colls",
    "transmit_carrier",
    "transmit_compressed",
)


class NetworkDevices:
    """Reads `net/dev`, and sysfs for the one counter that the file lacks."""

    name = "netdev"

    def __init__(self, roots: Roots, exclude: re.Pattern[str] | None = None) -> None:
        self._path = f"{roots.proc}/net/dev"
        self._class = f"{roots.sys}/class/net"
        self._exclude = exclude

    def collect(self) -> Iterable[Family]:
        """Return one counter per column, by device."""
        families = [_family(column) for column in _COLUMNS]
        nohandler = _family("receive_nohandler")
        for line in read_lines(self._path)[2:]:
            # The name of an alias has a colon in it ("eth0:1"), counters never do.
            name, _, counters = line.rpartition(":")
            device = name.strip()
            if not device or (self._exclude and self._exclude.search(device)):
                continue
            for family, value in zip(families, counters.split(), strict=True):
                family.add((device,), float(value))
            unhandled = read_number(f"{self._class}/{device}/statistics/rx_nohandler")
            if unhandled is not None:
                nohandler.add((device,), unhandled)
        return [family for family in (*families, nohandler) if family]


def _family(column: str) -> CounterFamily:
    return CounterFamily(
        f"node_network_{column}_total", f"Network device statistic {column}.", labels=("device",)
    )
