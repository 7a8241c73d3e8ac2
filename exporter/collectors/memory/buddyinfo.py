"""Free blocks of memory by size: how fragmented the memory is."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_lines


class BuddyAllocator:
    """Reads `buddyinfo`."""

    name = "buddyinfo"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/buddyinfo"

    def collect(self) -> Iterable[Family]:
        """Return the free blocks by NUMA node, zone and size, a power of two of pages."""
        family = GaugeFamily(
            "node_buddyinfo_blocks",
            "Count of free blocks according to size.",
            labels=("node", "zone", "size"),
        )
        for line in read_lines(self._path):
            # "Node 0, zone   DMA   1   0 ..."
            _, node, _, zone, *counts = line.split()
            for size, count in enumerate(counts):
                family.add((node.rstrip(","), zone, str(size)), int(count))
        return [family]
