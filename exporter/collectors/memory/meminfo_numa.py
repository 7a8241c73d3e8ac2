"""Memory usage by NUMA node.

Source: the kernel's Documentation/admin-guide/numastat.rst.
"""

import re
from collections.abc import Iterable, Iterator

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots, list_names, read_lines

_NODE = re.compile(r"node([0-9]+)")
_BYTES_PER_KILOBYTE = 1024


class NodeMemory:
    """Reads `devices/system/node`."""

    name = "meminfo_numa"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.sys}/devices/system/node"

    def collect(self) -> Iterable[Family]:
        """Return one gauge per field of `meminfo`, and a counter per field of `numastat`."""
        families: dict[str, Family] = {}
        for name in list_names(self._directory):
            if match := _NODE.fullmatch(name):
                for field, value in self._fields(f"{self._directory}/{name}"):
                    if field not in families:
                        kind = CounterFamily if field.endswith("_total") else GaugeFamily
                        families[field] = kind(
                            f"node_memory_numa_{field}",
                            f"Memory information field {field}.",
                            labels=("node",),
                        )
                    families[field].add((match[1],), value)
        if not families:
            raise NoDataError("the kernel has no NUMA nodes")
        return families.values()

    @staticmethod
    def _fields(directory: str) -> Iterator[tuple[str, int]]:
        for line in read_lines(f"{directory}/meminfo"):
            # "Node 0 Active(anon):   707915776 kB"
            _, _, name, number, *unit = line.split()
            field = name.rstrip(":").replace("(", "_").replace(")", "")
            yield field, int(number) * (_BYTES_PER_KILOBYTE if unit else 1)
        for line in read_lines(f"{directory}/numastat"):
            name, number = line.split()
            yield f"{name}_total", int(number)
