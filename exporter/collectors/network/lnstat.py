"""Statistics of the kernel's network caches, by CPU.

Source: lnstat(8).
"""

from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family
from exporter.pairs import pairs
from exporter.roots import Roots, list_names, read_lines


class NetworkCaches:
    """Reads `net/stat`."""

    name = "lnstat"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.proc}/net/stat"

    def collect(self) -> Iterable[Family]:
        """Return one counter per column, by cache and CPU.

        Raises:
            NoDataError: the kernel has no such file.
        """
        families: dict[str, CounterFamily] = {}
        for subsystem in list_names(self._directory):
            header, *lines = read_lines(f"{self._directory}/{subsystem}")
            columns = header.split()
            for cpu, line in enumerate(lines):
                for column, number in pairs(columns, line.split()):
                    if column not in families:
                        families[column] = CounterFamily(
                            f"node_lnstat_{column}_total",
                            "linux network cache stats",
                            labels=("subsystem", "cpu"),
                        )
                    families[column].add((subsystem, str(cpu)), int(number, 16))
        if not families:
            raise NoDataError("the kernel has no statistics of network caches")
        return families.values()
