from pathlib import Path

from exporter.collectors.filesystems.bcachefs import Bcachefs
from tests.exporter.host_tree import key, roots_of, samples

UUID = "deadbeef-1234-5678-9012-abcdefabcdef"


def test_sizes_have_binary_units_and_counters_those_since_creation(tmp_path: Path) -> None:
    base = f"sys/fs/bcachefs/{UUID}"
    roots = roots_of(
        tmp_path,
        {
            f"{base}/btree_cache_size": "1.5k\n",
            f"{base}/counters/fsync": "since mount: 1\nsince filesystem creation: 2.00M\n",
            f"{base}/compression_stats": "type compressed uncompressed average\nlz4 1k 2k 3\n",
            f"{base}/errors": "long_name_of_an_error 11299659571772285102\n",
            f"{base}/dev-3/io_done": "read:\nsb : 5\nwrite:\nsb : 6\n",
            f"{base}/dev-3/io_errors": (
                "IO errors since filesystem creation\n  read:    1\nIO errors since 8 y ago\n"
                "  read:    9\n"
            ),
        },
    )
    found = samples(Bcachefs(roots))
    assert found[key("node_bcachefs_btree_cache_size_bytes", uuid=UUID)] == 1536
    assert found[key("node_bcachefs_fsync_total", uuid=UUID)] == 2 * 2**20
    compressed = key("node_bcachefs_compression_compressed_bytes", uuid=UUID, algorithm="lz4")
    assert found[compressed] == 1024
    device = {"uuid": UUID, "device": "3"}
    done = {**device, "operation": "write", "data_type": "sb"}
    assert found[key("node_bcachefs_device_io_done_bytes_total", **done)] == 6
    assert found[key("node_bcachefs_device_io_errors_total", **device, type="read")] == 1
