from pathlib import Path

from exporter.collectors.disks.bcache import Bcache
from exporter.collectors.disks.tapestats import TapeDrives
from tests.exporter.host_tree import key, roots_of, samples

UUID = "deaddd54-c735-46d5-868e-f331c5fd7c74"


def test_a_tenth_of_a_unit_is_a_hundred_of_the_next_smaller_one(tmp_path: Path) -> None:
    base = f"sys/fs/bcache/{UUID}"
    roots = roots_of(
        tmp_path,
        {
            f"{base}/tree_depth": "2\n",
            f"{base}/bdev0/writeback_rate_debug": "rate:\t1.1M/sec\nchange:\t-2.5k/sec\n",
            f"{base}/cache0/priority_stats": "Unused:\t\t99%\nMetadata:\t0%\n",
        },
    )
    device = {"backing_device": "bdev0", "uuid": UUID}
    found = samples(Bcache(roots))
    assert found[key("node_bcache_writeback_rate", **device)] == 2**20 + 100 * 2**10
    assert found[key("node_bcache_writeback_change", **device)] == -2548
    assert found[key("node_bcache_tree_depth", uuid=UUID)] == 2
    priority = key("node_bcache_priority_stats_unused_percent", cache_device="cache0", uuid=UUID)
    assert priority not in found
    assert samples(Bcache(roots, priority_stats=True))[priority] == 99


def test_tape_drive_has_one_device_of_several(tmp_path: Path) -> None:
    files = {f"sys/class/scsi_tape/{name}/stats/io_ns": "2500000000\n" for name in ("st0", "nst0")}
    found = samples(TapeDrives(roots_of(tmp_path, files)))
    assert found == {key("node_tape_io_time_seconds_total", device="st0"): 2.5}
