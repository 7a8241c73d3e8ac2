"""Memory usage: every field of `meminfo`."""

import re
from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_lines

_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


class Memory:
    """Reads `meminfo`."""

    name = "meminfo"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/meminfo"

    def collect(self) -> Iterable[Family]:
        """Return one gauge per field: `Active(anon): 7 kB` is node_memory_Active_anon_bytes."""
        families = []
        for line in read_lines(self._path):
            parts = line.split()
            if len(parts) < 2:
                continue
            field = _NOT_IN_A_NAME.sub("_", parts[0].rstrip(":").replace(")", ""))
            value = float(parts[1])
            if len(parts) > 2:
                field, value = f"{field}_bytes", value * 1024
            families.append(
                GaugeFamily(f"node_memory_{field}", f"Memory information field {field}.", value)
            )
        return families
