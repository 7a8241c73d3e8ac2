"""Virtual memory statistics: paging, page faults, the OOM killer."""

import re
from collections.abc import Iterable

from exporter.families import Family, UntypedFamily
from exporter.roots import Roots, read_lines

# The fields that node_exporter exports, out of some 200.
_FIELDS = re.compile(r"oom_kill|pgpg|pswp|pg.*fault")


class VirtualMemory:
    """Reads `vmstat`."""

    name = "vmstat"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/vmstat"

    def collect(self) -> Iterable[Family]:
        """Return one untyped family per field."""
        for line in read_lines(self._path):
            field, _, value = line.partition(" ")
            if _FIELDS.match(field):
                yield UntypedFamily(
                    f"node_vmstat_{field}", f"/proc/vmstat information field {field}.", float(value)
                )
