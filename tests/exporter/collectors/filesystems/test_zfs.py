from pathlib import Path

from exporter.collectors.filesystems.xfs import XFS
from exporter.collectors.filesystems.zfs import ZFS
from tests.exporter.host_tree import key, roots_of, samples

HEADER = "6 1 0x01 2 100 1 2\nname type data\n"


def test_module_pools_and_datasets_are_read(tmp_path: Path) -> None:
    base = "proc/spl/kstat/zfs"
    roots = roots_of(
        tmp_path,
        {
            f"{base}/arcstats": HEADER + "size 4 77\nstate 7 text\nlow 3 -5\n",
            f"{base}/tank/io": "12 3 0x00 1 80 1 2\nnread nwritten\n4 5\n",
            f"{base}/tank/state": "DEGRADED\n",
            f"{base}/tank/objset-0x36": HEADER + "dataset_name 7 tank/home dir\nreads 4 6\n",
        },
    )
    found = samples(ZFS(roots))
    assert found[key("node_zfs_arc_size")] == 77
    assert found[key("node_zfs_arc_low")] == -5
    assert key("node_zfs_arc_state") not in found
    assert found[key("node_zfs_zpool_nwritten", zpool="tank")] == 5
    dataset = key("node_zfs_zpool_dataset_reads", zpool="tank", dataset="tank/home dir")
    assert found[dataset] == 6
    assert found[key("node_zfs_zpool_state", zpool="tank", state="degraded")] == 1
    assert found[key("node_zfs_zpool_state", zpool="tank", state="online")] == 0


def test_statistics_of_each_xfs_are_read(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"sys/fs/xfs/sda1/stats/stats": "rw 28 3\nunknown 1\n"})
    assert samples(XFS(roots)) == {
        key("node_xfs_write_calls_total", device="sda1"): 28,
        key("node_xfs_read_calls_total", device="sda1"): 3,
    }
