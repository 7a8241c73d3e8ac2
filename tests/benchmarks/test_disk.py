from dataclasses import replace
from pathlib import Path

from benchmarks.disk import History, open_metrics_time, text_format_time
from benchmarks.harness.recordings.recording import Recording


def lines_of(history: History, path: Path) -> list[str]:
    history.write(path, text_format_time)
    return path.read_text().splitlines()


def test_every_sample_of_every_host_has_its_time(recording: Recording, tmp_path: Path) -> None:
    history = History(recording, hosts=2, start_ms=10_000)
    *lines, end = lines_of(history, tmp_path / "history")
    assert end == "# EOF"
    assert len(lines) == history.samples == 2 * 5 * 4
    assert len(set(lines)) == len(lines)
    first, second = lines[0], lines[4]
    labels = 'node_cpu_seconds_total{cpu="0",mode="idle",instance="host00%d:9100",job="node"}'
    assert first == labels % 0 + " 0.5 10000"
    assert second == labels % 1 + " 0.5 12500"
    assert 'node_load1{instance="host000:9100",job="node"} 0.25 10000' in lines


def test_times_are_as_recorded_or_even(recording: Recording) -> None:
    recorded = History(recording, hosts=1, start_ms=10_000)
    assert list(recorded.times_ms()) == [10_000, 15_004, 20_008, 25_012, 30_016]
    even = replace(recorded, even=True)
    assert list(even.times_ms()) == [10_000, 15_000, 20_000, 25_000, 30_000]


def test_open_metrics_has_seconds() -> None:
    assert open_metrics_time(1_700_000_000_042) == b"1700000000.042"
    assert text_format_time(1_700_000_000_042) == b"1700000000042"
