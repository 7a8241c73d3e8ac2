"""Graphics cards of AMD: load and memory.

Source: the kernel's Documentation/gpu/amdgpu/driver-misc.rst.
"""

import re
from collections.abc import Iterable

from exporter.collectors.number_files import NumberFile, NumberFiles
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_value

_CARD = re.compile(r"card[0-9]+")
_FILES = (
    NumberFile(
        "gpu_busy_percent",
        "node_drm_gpu_busy_percent",
        "How busy the GPU is as a percentage.",
    ),
    NumberFile(
        "mem_info_gtt_total",
        "node_drm_memory_gtt_size_bytes",
        "The size of the graphics translation table (GTT) block in bytes.",
    ),
    NumberFile(
        "mem_info_gtt_used",
        "node_drm_memory_gtt_used_bytes",
        "The used amount of the graphics translation table (GTT) block in bytes.",
    ),
    NumberFile(
        "mem_info_vis_vram_total",
        "node_drm_memory_vis_vram_size_bytes",
        "The size of visible VRAM in bytes.",
    ),
    NumberFile(
        "mem_info_vis_vram_used",
        "node_drm_memory_vis_vram_used_bytes",
        "The used amount of visible VRAM in bytes.",
    ),
    NumberFile(
        "mem_info_vram_total", "node_drm_memory_vram_size_bytes", "The size of VRAM in bytes."
    ),
    NumberFile(
        "mem_info_vram_used",
        "node_drm_memory_vram_used_bytes",
        "The used amount of VRAM in bytes.",
    ),
)
# Label -> file.
_INFO = {
    "memory_vendor": "mem_info_vram_vendor",
    "power_performance_level": "power_dpm_force_performance_level",
    "unique_id": "unique_id",
}


class GraphicsCards:
    """Reads `class/drm`, the cards of the driver amdgpu."""

    name = "drm"

    def __init__(self, roots: Roots) -> None:
        self._class = f"{roots.sys}/class/drm"
        self._files = NumberFiles(_FILES, ("card",))

    def collect(self) -> Iterable[Family]:
        """Return load, memory and description by card.

        Raises:
            NoDataError: no card has the driver amdgpu.
        """
        cards = {name: f"{self._class}/{name}/device" for name in self._cards()}
        if not cards:
            raise NoDataError("no graphics card of the driver amdgpu")
        info = GaugeFamily(
            "node_drm_card_info", "Card information", labels=("card", *_INFO, "vendor")
        )
        for card, directory in cards.items():
            texts = [read_value(f"{directory}/{file}") or "" for file in _INFO.values()]
            info.add((card, *texts, "amd"), 1)
        return [info, *self._files.families(((card,), path) for card, path in cards.items())]

    def _cards(self) -> list[str]:
        return [
            name
            for name in list_names(self._class)
            if _CARD.fullmatch(name)
            and "DRIVER=amdgpu" in (read_value(f"{self._class}/{name}/device/uevent") or "")
        ]
