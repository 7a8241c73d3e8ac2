"""Load averages."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.roots import Roots


class LoadAverage:
    """Reads `loadavg`."""

    name = "loadavg"

    def __init__(self, roots: Roots) -> None:
        self._file = KeptFile(f"{roots.proc}/loadavg")

    def collect(self) -> Iterable[Family]:
        """Return the averages over 1, 5 and 15 minutes."""
        loads = self._file.text().split(maxsplit=3)
        return [
            GaugeFamily(f"node_load{minutes}", f"{minutes}m load average.", float(load))
            for minutes, load in zip((1, 5, 15), loads)
        ]
