from pathlib import Path

import pytest

from exporter.collectors.filesystems.btrfs import Btrfs
from exporter.errors import NoDataError
from tests.exporter.host_tree import key, roots_of, samples

UUID = "0abb23a9-579b-43e6-ad30-227ef47fcb9d"


def test_allocation_ratio_of_raid_depends_on_the_devices(tmp_path: Path) -> None:
    base = f"sys/fs/btrfs/{UUID}"
    roots = roots_of(
        tmp_path,
        {
            f"{base}/label": "home\n",
            f"{base}/allocation/data/raid5/used_bytes": "10\n",
            f"{base}/allocation/data/raid5/total_bytes": "20\n",
            **{f"{base}/devices/sd{disk}/size": "8\n" for disk in "abc"},
            f"{base}/devinfo/1/error_stats": "write_errs 3\n",
            f"{base}/commit_stats": "commits 7\nlast_commit_ms 1500\n",
        },
    )
    found = samples(Btrfs(roots))
    labels = {"uuid": UUID, "block_group_type": "data", "mode": "raid5"}
    assert found[key("node_btrfs_allocation_ratio", **labels)] == 1.5
    assert found[key("node_btrfs_used_bytes", **labels)] == 10
    assert found[key("node_btrfs_device_size_bytes", uuid=UUID, device="sda")] == 4096
    assert found[key("node_btrfs_last_commit_seconds", uuid=UUID)] == 1.5
    assert found[key("node_btrfs_info", uuid=UUID, label="home")] == 1
    errors = {"uuid": UUID, "device": "1", "btrfs_dev_uuid": "", "type": "write"}
    assert found[key("node_btrfs_device_errors_total", **errors)] == 3


def test_host_without_btrfs_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError):
        Btrfs(roots_of(tmp_path, {"sys/fs/btrfs/features/raid56": "0\n"})).collect()
