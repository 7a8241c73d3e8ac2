from pathlib import Path

from exporter.collectors.cpu.cpu import CPU
from tests.exporter.host_tree import key, roots_of, samples


def stat(idle: int, iowait: int) -> str:
    return f"cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 100 0 200 {idle} {iowait} 0 0 0 0 0\nintr 5\n"


IDLE = key("node_cpu_seconds_total", cpu="0", mode="idle")
IOWAIT = key("node_cpu_seconds_total", cpu="0", mode="iowait")


def test_time_that_steps_back_a_little_keeps_its_last_value(tmp_path: Path) -> None:
    collector = CPU(roots_of(tmp_path, {"proc/stat": stat(1000, 500)}))
    samples(collector)
    (tmp_path / "proc/stat").write_text(stat(1100, 450))
    after = samples(collector)
    assert (after[IDLE], after[IOWAIT]) == (11.0, 5.0)


def test_cpu_that_was_plugged_in_again_starts_at_its_new_time(tmp_path: Path) -> None:
    collector = CPU(roots_of(tmp_path, {"proc/stat": stat(100_000, 500)}))
    samples(collector)
    (tmp_path / "proc/stat").write_text(stat(10, 1))
    after = samples(collector)
    assert (after[IDLE], after[IOWAIT]) == (0.1, 0.01)


def test_idle_time_that_falls_by_exactly_three_seconds_is_a_reset(tmp_path: Path) -> None:
    for before, after, expected in ((510, 210, 2.1), (510, 211, 5.1)):
        collector = CPU(roots_of(tmp_path / str(after), {"proc/stat": stat(before, 500)}))
        samples(collector)
        (tmp_path / str(after) / "proc/stat").write_text(stat(after, 1))
        assert samples(collector)[IDLE] == expected


def test_kernel_without_guest_times_yields_no_guest_metric(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"proc/stat": "cpu  1 2 3 4\ncpu0 1 2 3 4\n"})
    names = {name for name, _ in samples(CPU(roots))}
    assert names == {"node_cpu_seconds_total"}
