import os
from pathlib import Path

from exporter.collector_options import CollectorOptions
from exporter.collectors.kernel.processes_top import MOST, TopProcesses
from exporter.gathering.catalogue import build
from exporter.roots import Roots
from exporter.settings import ExporterSettings
from tests.exporter.host_tree import key, samples

PAGE, HERTZ = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
CPU = "node_processes_top_cpu_ratio"
MEMORY = "node_processes_top_resident_memory_bytes"


class Host:
    """A procfs of made-up processes, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.now_s = folder / "proc", 100.0
        (folder / "etc").mkdir()
        user = os.getuid()
        (folder / "etc" / "passwd").write_text(f"# no entry\nann:x:{user}:0::/:/bin/sh\n")
        self.roots = Roots(proc=str(self.proc), rootfs=str(folder))

    def write(self, pid: int, ticks: int, pages: int, name: str = "x", started: int = 7) -> None:
        (self.proc / str(pid)).mkdir(parents=True, exist_ok=True)
        fields = ["S", *["0"] * 10, str(ticks), "0", *["0"] * 6, str(started), "0", str(pages)]
        (self.proc / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)} 0 0\n")

    def collector(self, *, identify: bool = False) -> TopProcesses:
        return TopProcesses(self.roots, identify=identify, monotonic=lambda: self.now_s)


def test_only_the_ten_largest_are_reported_by_rank(tmp_path: Path) -> None:
    host = Host(tmp_path)
    for pid in range(1, 31):
        host.write(pid, 0, pid)
    found = samples(host.collector())
    assert len(found) == MOST
    assert found[key(MEMORY, rank="1")] == 30 * PAGE
    assert found[key(MEMORY, rank="10")] == 21 * PAGE


def test_cpu_is_that_since_the_last_scrape(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.write(1, 5_000, 0)
    host.write(2, 10, 0)
    collector = host.collector()
    assert samples(collector) == {}
    host.now_s += 10
    host.write(1, 5_000 + HERTZ, 0)
    host.write(2, 10 + 5 * HERTZ, 0)
    host.write(3, 2 * HERTZ, 0)
    found = samples(collector)
    assert [found[key(CPU, rank=str(rank))] for rank in (1, 2, 3)] == [0.5, 0.2, 0.1]


def test_reused_pid_starts_again(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.write(1, 9_000, 0)
    collector = host.collector()
    samples(collector)
    host.now_s += 10
    host.write(1, HERTZ, 0, started=8)
    assert samples(collector) == {key(CPU, rank="1"): 0.1}


def test_names_users_and_pids_are_labels_on_request(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.write(41, 0, 2, name="a (b) c")
    found = samples(host.collector(identify=True))
    labels = {"rank": "1", "name": "a (b) c", "user": "ann", "pid": "41"}
    assert found == {(MEMORY, frozenset(labels.items())): 2 * PAGE}


def test_collector_is_off_by_default_and_its_option_reaches_it() -> None:
    assert "processes_top" not in [each.name for each in build(ExporterSettings(), lambda: 0)]
    options = CollectorOptions({"processes_top.identify": True})
    settings = ExporterSettings(collectors=frozenset({"processes_top"}), options=options)
    (collector,) = build(settings, lambda: 0)
    found = samples(collector)
    assert found
    assert all(len(labels) == 4 for _, labels in found)


def test_processes_of_this_host_include_one_with_memory() -> None:
    found = samples(TopProcesses(Roots()))
    assert 0 < len(found) <= MOST
    assert found[key(MEMORY, rank="1")] > 0
