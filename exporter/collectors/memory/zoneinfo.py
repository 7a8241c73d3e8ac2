"""Pages and watermarks of each memory zone.

Source: proc(5).
"""

import re
from collections.abc import Iterable

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots, read_lines

_ZONE = re.compile(r"Node (\d+), zone +(\S+)")
# Field of the kernel -> end of the metric's name, HELP.
_FIELDS = {
    "high": ("high_pages", "Zone watermark pages_high"),
    "low": ("low_pages", "Zone watermark pages_low"),
    "managed": ("managed_pages", "Present pages managed by the buddy system"),
    "min": ("min_pages", "Zone watermark pages_min"),
    "nr_active_anon": ("nr_active_anon_pages", "Number of anonymous pages recently more used"),
    "nr_active_file": ("nr_active_file_pages", "Number of active pages with file-backing"),
    "nr_anon_pages": ("nr_anon_pages", "Number of anonymous pages currently used by the system"),
    "nr_anon_transparent_hugepages": (
        "nr_anon_transparent_hugepages",
        "Number of anonymous transparent huge pages currently used by the system",
    ),
    "nr_dirtied": ("nr_dirtied_total", "Page dirtyings since bootup"),
    "nr_dirty": ("nr_dirty_pages", "Number of dirty pages"),
    "nr_file_pages": ("nr_file_pages", "Number of file pages"),
    "nr_free_pages": ("nr_free_pages", "Total number of free pages in the zone"),
    "nr_inactive_anon": ("nr_inactive_anon_pages", "Number of anonymous pages recently less used"),
    "nr_inactive_file": ("nr_inactive_file_pages", "Number of inactive pages with file-backing"),
    "nr_isolated_anon": ("nr_isolated_anon_pages", "Temporary isolated pages from anon lru"),
    "nr_isolated_file": ("nr_isolated_file_pages", "Temporary isolated pages from file lru"),
    "nr_kernel_stack": ("nr_kernel_stacks", "Number of kernel stacks"),
    "nr_mapped": ("nr_mapped_pages", "Number of mapped pages"),
    "nr_shmem": ("nr_shmem_pages", "Number of shmem pages (included tmpfs/GEM pages)"),
    "nr_slab_reclaimable": ("nr_slab_reclaimable_pages", "Number of reclaimable slab pages"),
    "nr_slab_unreclaimable": ("nr_slab_unreclaimable_pages", "Number of unreclaimable slab pages"),
    "nr_unevictable": ("nr_unevictable_pages", "Number of unevictable pages"),
    "nr_writeback": ("nr_writeback_pages", "Number of writeback pages"),
    "nr_written": ("nr_written_total", "Page writings since bootup"),
    "numa_foreign": ("numa_foreign_total", "Was intended here, hit elsewhere"),
    "numa_hit": ("numa_hit_total", "Allocated in intended node"),
    "numa_interleave": ("numa_interleave_total", "Interleaver preferred this zone"),
    "numa_local": ("numa_local_total", "Allocation from local node"),
    "numa_miss": ("numa_miss_total", "Allocated in non intended node"),
    "numa_other": ("numa_other_total", "Allocation from other node"),
    "present": ("present_pages", "Physical pages existing within the zone"),
    "spanned": ("spanned_pages", "Total pages spanned by the zone, including holes"),
}


class MemoryZones:
    """Reads `zoneinfo`."""

    name = "zoneinfo"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/zoneinfo"

    def collect(self) -> Iterable[Family]:
        """Return one family per field, by node and zone."""
        families: dict[str, Family] = {}
        zone: tuple[str, ...] = ()
        for line in read_lines(self._path):
            if match := _ZONE.match(line):
                zone = (match[1], match[2])
                continue
            words = line.split()
            if len(words) >= 2 and words[0] == "protection:":
                for position, word in enumerate(words[1:]):
                    name, documentation = (
                        f"protection_{position}",
                        f"Protection array {position}. field",
                    )
                    _add(families, (name, documentation), zone, word.strip("(),"))
            elif len(words) == 2 and words[0] in _FIELDS:
                _add(families, _FIELDS[words[0]], zone, words[1])
        return families.values()


def _add(
    families: dict[str, Family], field: tuple[str, str], zone: tuple[str, ...], number: str
) -> None:
    name, documentation = field
    family = families.get(name)
    if family is None:
        kind = CounterFamily if name.endswith("_total") else GaugeFamily
        family = kind(f"node_zoneinfo_{name}", documentation, labels=("node", "zone"))
        families[name] = family
    family.add(zone, int(number))
