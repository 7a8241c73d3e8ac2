"""Swap devices and files: size, use and priority."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_lines

_BYTES_PER_KILOBYTE = 1024
_COLUMNS = (
    ("node_swap_size_bytes", "Swap device size in bytes.", _BYTES_PER_KILOBYTE),
    ("node_swap_used_bytes", "Swap device used in bytes.", _BYTES_PER_KILOBYTE),
    ("node_swap_priority", "Swap device priority.", 1),
)


class SwapDevices:
    """Reads `swaps`."""

    name = "swap"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/swaps"

    def collect(self) -> Iterable[Family]:
        """Return size, use and priority by device."""
        families = [
            GaugeFamily(name, documentation, labels=("device", "swap_type"))
            for name, documentation, _ in _COLUMNS
        ]
        for line in read_lines(self._path)[1:]:
            device, kind, *numbers = line.split()
            for family, (_, _, unit), number in zip(families, _COLUMNS, numbers):
                family.add((device, kind), int(number) * unit)
        return families
