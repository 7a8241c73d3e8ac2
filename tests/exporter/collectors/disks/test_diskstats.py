from pathlib import Path

from exporter.collectors.disks.diskstats import DiskStatistics
from exporter.name_filter import NameFilter
from tests.exporter.host_tree import roots_of, samples


def test_excluded_disk_is_absent(tmp_path: Path) -> None:
    line = "   8       1 sda1 250 0 2000 36 0 0 0 0 0 36 36\n"
    roots = roots_of(tmp_path, {"proc/diskstats": line})
    assert samples(DiskStatistics(roots, NameFilter(exclude="^sda1$"))) == {}
