"""A small recording, with which a fleet starts at once."""

from pathlib import Path

import pytest

from benchmarks.harness.recordings.recording import (
    Recording,
    Scrape,
    read_recording,
    write_recording,
)

_EXPOSITION = """\
# HELP node_cpu_seconds_total Seconds the CPUs spent in each mode.
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} %d.5
node_cpu_seconds_total{cpu="0",mode="user"} %d
# TYPE node_load1 gauge
node_load1 0.25
node_textfile_label{path="C:\\\\} b"} 1
"""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark these tests as slow: they start servers and fleets, and no part of Redshank."""
    item.add_marker(pytest.mark.slow)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Five scrapes of four series, 5 s apart with a slight delay."""
    path = tmp_path / "node_exporter.scrapes.zst"
    write_recording(
        path,
        (
            Scrape(1_700_000_000_000 + number * 5_004, (_EXPOSITION % (number, number)).encode())
            for number in range(5)
        ),
    )
    return read_recording(path)
