"""Traffic and errors of each network interface."""

from collections.abc import Iterable

from exporter.families import CounterFamily, Family
from exporter.kept_files import KeptFile, KeptFiles
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.pairs import pairs
from exporter.roots import Roots, read_value

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

    def __init__(
        self, roots: Roots, devices: NameFilter = ALL_NAMES, *, label_ifalias: bool = False
    ) -> None:
        self._file = KeptFile(f"{roots.proc}/net/dev")
        self._class = f"{roots.sys}/class/net"
        self._attributes = KeptFiles()
        self._devices, self._label_ifalias = devices, label_ifalias

    def collect(self) -> Iterable[Family]:
        """Return one counter per column, by device."""
        labels = ("device", "ifalias") if self._label_ifalias else ("device",)
        families = [_family(column, labels) for column in _COLUMNS]
        nohandler = _family("receive_nohandler", labels)
        for line in self._file.lines()[2:]:
            # The name of an alias has a colon in it ("eth0:1"), counters never do.
            name, _, counters = line.rpartition(":")
            device = name.strip()
            if not device or not self._devices.accepts(device):
                continue
            values: tuple[str, ...] = (device,)
            if self._label_ifalias:
                values = (device, read_value(f"{self._class}/{device}/ifalias") or "")
            for family, value in pairs(families, counters.split()):
                family.add(values, float(value))
            unhandled = self._attributes.number(f"{self._class}/{device}/statistics/rx_nohandler")
            if unhandled is not None:
                nohandler.add(values, unhandled)
        self._attributes.close_unread()
        return [family for family in (*families, nohandler) if family]


def _family(column: str, labels: tuple[str, ...]) -> CounterFamily:
    return CounterFamily(
        f"node_network_{column}_total", f"Network device statistic {column}.", labels=labels
    )
