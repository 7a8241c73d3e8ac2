"""Pages of memory that the kernel merged because they are equal (KSM).

Source: the kernel's Documentation/admin-guide/mm/ksm.rst.
"""

from collections.abc import Iterable

from exporter.collectors.number_files import NumberFile, NumberFiles
from exporter.families import Family
from exporter.roots import Roots

_FILES = tuple(
    NumberFile(file, f"node_ksmd_{name}", f"ksmd '{file}' file.", divisor)
    for file, name, divisor in (
        ("full_scans", "full_scans_total", 1),
        ("merge_across_nodes", "merge_across_nodes", 1),
        ("pages_shared", "pages_shared", 1),
        ("pages_sharing", "pages_sharing", 1),
        ("pages_to_scan", "pages_to_scan", 1),
        ("pages_unshared", "pages_unshared", 1),
        ("pages_volatile", "pages_volatile", 1),
        ("run", "run", 1),
        ("sleep_millisecs", "sleep_seconds", 1000),
    )
)


class SamePageMerging:
    """Reads `kernel/mm/ksm`."""

    name = "ksmd"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.sys}/kernel/mm/ksm"
        self._files = NumberFiles(_FILES, ())

    def collect(self) -> Iterable[Family]:
        """Return one family per file."""
        return self._files.families([((), self._directory)])
