"""Energy that CPU packages, cores and memory consumed (RAPL).

Source: the kernel's Documentation/power/powercap/powercap.rst.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family
from exporter.roots import Roots, list_names, read_text, read_value

_MICROJOULES = 1e6
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


class RunningAveragePower:
    """Reads `class/powercap`; since Linux 5.10 only root can read the energy.

    Args:
        roots: where to read.
        zone_label: whether one metric has the zone's name as a label, instead of one metric
            for each name.
    """

    name = "rapl"

    def __init__(self, roots: Roots, *, zone_label: bool = False) -> None:
        self._class = f"{roots.sys}/class/powercap"
        self._zone_label = zone_label

    def collect(self) -> Iterable[Family]:
        """Return the energy in joules by zone.

        Raises:
            NoDataError: the CPU does not measure it, or the kernel does not allow to read it.
        """
        families: dict[str, CounterFamily] = {}
        for name, index, directory in self._zones():
            try:
                joules = int(read_text(f"{directory}/energy_uj")) / _MICROJOULES
            except PermissionError as exc:
                raise NoDataError("only root may read the energy of CPUs") from exc
            if self._zone_label:
                metric, zone = "node_rapl_joules_total", [name]
                documentation, labels = "Current RAPL value in joules", ["rapl_zone"]
            else:
                metric, zone = f"node_rapl_{_NOT_IN_A_NAME.sub('_', name)}_joules_total", []
                documentation, labels = f"Current RAPL {name} value in joules", []
            if metric not in families:
                families[metric] = CounterFamily(
                    metric, documentation, labels=("index", "path", *labels)
                )
            families[metric].add((index, directory, *zone), joules)
        if not families:
            raise NoDataError("the CPU does not measure its energy")
        return families.values()

    def _zones(self) -> Iterator[tuple[str, str, str]]:
        """Yield name, index and directory of each zone: "package-0" is ("package", "0")."""
        count: Counter[str] = Counter()
        for entry in list_names(self._class):
            directory = f"{self._class}/{entry}"
            name = read_value(f"{directory}/name")
            if not name:
                continue
            kind, dash, index = name.rpartition("-")
            if dash and index.isdecimal():
                yield kind, index, directory
            else:
                yield name, str(count[name]), directory
                count[name] += 1
