"""Virtual memory statistics: paging, page faults, the OOM killer."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.families import Family, UntypedFamily
from exporter.kept_files import KeptFile
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.roots import Roots

# The kernel has 200.
_MOST_FIELDS = 1000


class VirtualMemory:
    """Reads `vmstat`."""

    name = "vmstat"

    def __init__(self, roots: Roots, fields: NameFilter = ALL_NAMES) -> None:
        self._file = KeptFile(f"{roots.proc}/vmstat")
        self._fields = fields
        # Field -> name and HELP, None for a field that is left out.
        self._known: dict[str, tuple[str, str] | None] = {}

    def collect(self) -> Iterable[Family]:
        """Return one untyped family per field."""
        for line in self._file.lines():
            field, _, value = line.partition(" ")
            known = self._known[field] if field in self._known else self._metric(field)
            if known is not None:
                yield UntypedFamily(*known, float(value))

    def _metric(self, field: str) -> tuple[str, str] | None:
        known = None
        if self._fields.accepts(field):
            known = f"node_vmstat_{field}", f"/proc/vmstat information field {field}."
        if len(self._known) < _MOST_FIELDS:
            self._known[field] = known
        return known
