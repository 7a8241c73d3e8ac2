"""Memory usage: every field of `meminfo`."""

import re
from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.roots import Roots

_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")
# The kernel has 60.
_MOST_FIELDS = 1000


class Memory:
    """Reads `meminfo`."""

    name = "meminfo"

    def __init__(self, roots: Roots) -> None:
        self._file = KeptFile(f"{roots.proc}/meminfo")

        # First and third word of a line -> name, HELP and factor.
        self._known: dict[tuple[str, bool], tuple[str, str, int]] = {}

    def collect(self) -> Iterable[Family]:
        """Return one gauge per field: `Active(anon): 7 kB` is node_memory_Active_anon_bytes."""
        families = []
        for line in self._file.lines():
            parts = line.split()
            if len(parts) < 2:
                continue
            key = parts[0], len(parts) > 2
            name, documentation, factor = self._known.get(key) or self._metric(*key)
            families.append(GaugeFamily(name, documentation, float(parts[1]) * factor))
        return families

    def _metric(self, word: str, has_unit: bool) -> tuple[str, str, int]:
        field = _NOT_IN_A_NAME.sub("_", word.rstrip(":").replace(")", ""))
        if has_unit:
            field = f"{field}_bytes"
        metric = f"node_memory_{field}", f"Memory information field {field}.", 1024**has_unit
        if len(self._known) < _MOST_FIELDS:
            self._known[word, has_unit] = metric
        return metric
