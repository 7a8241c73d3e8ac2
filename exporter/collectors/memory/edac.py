"""Memory errors that the hardware detected, corrected and uncorrected.

Source: the kernel's Documentation/admin-guide/RAS/main.rst.
"""

from collections.abc import Iterable

from exporter.families import CounterFamily, Family
from exporter.roots import Roots, list_names, read_number

_KINDS = {"ce": "correctable", "ue": "uncorrectable"}


class MemoryErrors:
    """Reads `devices/system/edac/mc`."""

    name = "edac"

    def __init__(self, roots: Roots) -> None:
        self._controllers = f"{roots.sys}/devices/system/edac/mc"

    def collect(self) -> Iterable[Family]:
        """Return errors by memory controller and by chip-select row."""
        families = []
        for prefix, kind in _KINDS.items():
            total = CounterFamily(
                f"node_edac_{kind}_errors_total",
                f"Total {kind} memory errors.",
                labels=("controller",),
            )
            rows = CounterFamily(
                f"node_edac_csrow_{kind}_errors_total",
                f"Total {kind} memory errors for this csrow.",
                labels=("controller", "csrow"),
            )
            for name in list_names(self._controllers):
                if name.startswith("mc"):
                    self._add(prefix, name, total, rows)
            families += [total, rows]
        return [family for family in families if family]

    def _add(self, prefix: str, name: str, total: CounterFamily, rows: CounterFamily) -> None:
        directory = f"{self._controllers}/{name}"
        controller = name.removeprefix("mc")
        count = read_number(f"{directory}/{prefix}_count")
        if count is not None:
            total.add((controller,), count)
        unplaced = read_number(f"{directory}/{prefix}_noinfo_count")
        if unplaced is not None:
            rows.add((controller, "unknown"), unplaced)
        for row in list_names(directory):
            placed = read_number(f"{directory}/{row}/{prefix}_count")
            if row.startswith("csrow") and placed is not None:
                rows.add((controller, row.removeprefix("csrow")), placed)
