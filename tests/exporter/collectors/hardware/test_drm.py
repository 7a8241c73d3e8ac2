from pathlib import Path

import pytest

from exporter.collectors.hardware.drm import GraphicsCards
from exporter.errors import NoDataError
from tests.exporter.host_tree import key, roots_of, samples


def test_cards_of_amdgpu_report_load_and_memory(tmp_path: Path) -> None:
    card = "sys/class/drm/card0/device"
    roots = roots_of(
        tmp_path,
        {
            f"{card}/uevent": "DRIVER=amdgpu\n",
            f"{card}/gpu_busy_percent": "4\n",
            f"{card}/mem_info_vram_used": "1000\n",
            f"{card}/mem_info_vram_vendor": "samsung\n",
            "sys/class/drm/card1/device/uevent": "DRIVER=i915\n",
            "sys/class/drm/card0-DP-1/status": "connected\n",
        },
    )
    labels = {"memory_vendor": "samsung", "power_performance_level": "", "unique_id": ""}
    assert samples(GraphicsCards(roots)) == {
        key("node_drm_card_info", card="card0", vendor="amd", **labels): 1,
        key("node_drm_gpu_busy_percent", card="card0"): 4,
        key("node_drm_memory_vram_used_bytes", card="card0"): 1000,
    }


def test_host_without_such_a_card_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError):
        samples(GraphicsCards(roots_of(tmp_path, {})))
