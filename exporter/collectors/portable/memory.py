"""Memory and swap space."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final

from exporter.families import Family, GaugeFamily

# psutil's field -> field of Linux's meminfo.
_MEMORY: Final = MappingProxyType(
    {
        "total": "MemTotal",
        "available": "MemAvailable",
        "free": "MemFree",
        "active": "Active",
        "inactive": "Inactive",
    }
)
_SWAP: Final = MappingProxyType({"total": "SwapTotal", "free": "SwapFree"})


class PortableMemory:
    """Asks psutil for memory and swap space.

    Args:
        system: the module psutil.
    """

    name = "meminfo"

    def __init__(self, system: Any) -> None:
        self._system = system

    def collect(self) -> Iterable[Family]:
        """Return one gauge by field; a system lacks some."""
        answers = ((_MEMORY, self._system.virtual_memory()), (_SWAP, self._system.swap_memory()))
        for fields, answer in answers:
            for name, field in fields.items():
                value = getattr(answer, name, None)
                if value is not None:
                    yield GaugeFamily(
                        f"node_memory_{field}_bytes",
                        f"Memory information field {field}_bytes.",
                        value,
                    )
