"""The ARP table: neighbours whose hardware address the host knows."""

from collections import Counter
from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.roots import Roots


class ARPTable:
    """Reads `net/arp`."""

    name = "arp"

    def __init__(self, roots: Roots, devices: NameFilter = ALL_NAMES) -> None:
        self._file = KeptFile(f"{roots.proc}/net/arp")
        self._devices = devices

    def collect(self) -> Iterable[Family]:
        """Return the number of entries by device."""
        family = GaugeFamily("node_arp_entries", "ARP entries by device", labels=("device",))
        entries = Counter(line.split()[-1] for line in self._file.lines()[1:] if line.strip())
        for device, count in sorted(entries.items()):
            if self._devices.accepts(device):
                family.add((device,), count)
        return [family] if family else []
