"""The kernel's caches of objects; only root can read them.

Source: slabinfo(5).
"""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.roots import Roots, read_lines

_COLUMNS = (
    ("active_objects", "The number of objects that are currently active (i.e., in use)."),
    (
        "objects",
        (
            "The total number of allocated objects (i.e., objects that are both in "
            "use and not in use)."
        ),
    ),
    ("object_size_bytes", "The size of objects in this slab, in bytes."),
    ("objects_per_slab", "The number of objects stored in each slab."),
    ("pages_per_slab", "The number of pages allocated for each slab."),
)


class Slabs:
    """Reads `slabinfo`."""

    name = "slabinfo"

    def __init__(self, roots: Roots, slabs: NameFilter = ALL_NAMES) -> None:
        self._path = f"{roots.proc}/slabinfo"
        self._slabs = slabs

    def collect(self) -> Iterable[Family]:
        """Return one gauge per column, by cache.

        Raises:
            NoDataError: the exporter is not root.
        """
        families = [
            GaugeFamily(f"node_slabinfo_{name}", documentation, labels=("slab",))
            for name, documentation in _COLUMNS
        ]
        try:
            lines = read_lines(self._path)[2:]
        except PermissionError as exc:
            raise NoDataError("only root may read /proc/slabinfo") from exc
        for line in lines:
            slab, *numbers = line.split()
            if not self._slabs.accepts(slab):
                continue
            for family, number in zip(families, numbers):
                family.add((slab,), int(number))
        return families
