import json
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.hardware.nvidia import NvidiaCards
from exporter.collectors.hardware.smart import SmartDisks
from exporter.collectors.programs import BackgroundProgram, ProgramOutput
from exporter.errors import NoDataError
from exporter.roots import Roots
from tests.exporter.host_tree import key, samples

SCAN = {"devices": [{"name": "/dev/sda", "type": "sat"}, {"name": "/dev/nvme0", "type": "nvme"}]}
ATA = {
    "model_name": "WDC WD40",
    "serial_number": "WD-1",
    "device": {"protocol": "ATA"},
    "smart_status": {"passed": True},
    "temperature": {"current": 31},
    "power_on_time": {"hours": 2},
    "ata_smart_attributes": {
        "table": [
            {"id": 5, "name": "Reallocated_Sector_Ct", "value": 200, "worst": 199, "thresh": 140,
             "raw": {"value": 7}},
            {"id": 5, "name": "Twice"},
        ]
    },
}  # fmt: skip
NVME = {
    "smart_status": {"passed": False},
    "nvme_smart_health_information_log": {"percentage_used": 4, "data_units_written": 3},
}


def printing(answer: Callable[[Sequence[str]], object], status: int = 0) -> Any:
    """Return a maker of programs that print what `answer` returns for their command line."""

    class Double:
        def __init__(self, command: Sequence[str], interval_s: float, deadline_s: float) -> None:
            self._command = command

        def output(self) -> ProgramOutput | None:
            found = answer(self._command)
            if isinstance(found, bytes):
                return ProgramOutput(found, status)
            return None if found is None else ProgramOutput(json.dumps(found).encode(), status)

    return cast("type[BackgroundProgram]", Double)


def smartctl(command: Sequence[str]) -> object:
    if "--scan" in command:
        return SCAN
    return {"/dev/sda": ATA, "/dev/nvme0": NVME}[command[-1]]


def test_disks_have_health_temperature_and_attributes() -> None:
    found = samples(SmartDisks(Roots(), printing(smartctl)))
    prefix = "smartctl_device"
    assert found[key(f"{prefix}_smart_status", device="sda")] == 1
    assert found[key(f"{prefix}_smart_status", device="nvme0")] == 0
    assert found[key(f"{prefix}_temperature", device="sda", temperature_type="current")] == 31
    assert found[key(f"{prefix}_power_on_seconds", device="sda")] == 7200
    assert found[key(f"{prefix}_bytes_written", device="nvme0")] == 1_536_000
    labels = {"device": "sda", "attribute_name": "Reallocated_Sector_Ct", "attribute_id": "5"}
    assert found[key(f"{prefix}_attribute", **labels, attribute_value_type="raw")] == 7
    assert found[key(f"{prefix}_attribute", **labels, attribute_value_type="thresh")] == 140
    assert [name for name, _ in found].count(f"{prefix}_attribute") == 4


def test_host_whose_disks_smartctl_does_not_know_has_no_data() -> None:
    with pytest.raises(NoDataError):
        samples(SmartDisks(Roots(), printing(lambda _: {"devices": []})))
    assert samples(SmartDisks(Roots(), printing(lambda _: None))) == {}


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*ATA, *NVME, "table", "raw", "value", "id", "name", "current", "hours"]
            ),
            inner,
        )
    ),
)


@given(odd=ODD | st.binary(max_size=30))
def test_odd_answers_about_a_disk_fail_no_scrape(odd: object) -> None:
    answer = printing(lambda command: SCAN if "--scan" in command else odd)
    for family in SmartDisks(Roots(), answer).collect():
        assert family.name.startswith("smartctl_device")


CARD = (
    b"GPU-1, NVIDIA RTX 4090, 550.1, P2, 85, 40, 24564, 12000, 12564, 66, 310.5, 450.0, 55,"
    b" 2520, 10501, [N/A]\n"
)


def test_cards_have_load_memory_and_power() -> None:
    found = samples(NvidiaCards(Roots(), printing(lambda _: CARD)))
    assert found[key("nvidia_smi_utilization_gpu_ratio", uuid="GPU-1")] == pytest.approx(0.85)
    assert found[key("nvidia_smi_memory_used_bytes", uuid="GPU-1")] == 12000 * 2**20
    assert found[key("nvidia_smi_power_draw_watts", uuid="GPU-1")] == 310.5
    info = {"name": "NVIDIA RTX 4090", "driver_version": "550.1", "pstate": "P2"}
    assert found[key("nvidia_smi_gpu_info", uuid="GPU-1", **info)] == 1
    assert "nvidia_smi_encoder_stats_session_count" not in {name for name, _ in found}


def test_program_that_fails_fails_the_collector() -> None:
    with pytest.raises(OSError, match="status 9"):
        samples(NvidiaCards(Roots(), printing(lambda _: b"", status=9)))


@given(
    output=st.binary(max_size=200) | st.integers(0, len(CARD)).map(lambda end: CARD[:end] + CARD)
)
def test_odd_output_about_cards_fails_no_scrape(output: bytes) -> None:
    for family in NvidiaCards(Roots(), printing(lambda _: output)).collect():
        assert family.name.startswith("nvidia_smi_")
