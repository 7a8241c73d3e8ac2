"""Virtual memory statistics: paging, page faults, the OOM killer."""

from collections.abc import Iterable

from exporter.families import Family, UntypedFamily
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.roots import Roots, read_lines


class VirtualMemory:
    """Reads `vmstat`."""

    name = "vmstat"

    def __init__(self, roots: Roots, fields: NameFilter = ALL_NAMES) -> None:
        self._path = f"{roots.proc}/vmstat"
        self._fields = fields

    def collect(self) -> Iterable[Family]:
        """Return one untyped family per field."""
        for line in read_lines(self._path):
            field, _, value = line.partition(" ")
            if self._fields.accepts(field):
                yield UntypedFamily(
                    f"node_vmstat_{field}", f"/proc/vmstat information field {field}.", float(value)
                )
