import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.collector_options import FILESYSTEM_TYPES, MOUNT_POINTS
from exporter.collectors.disks.filesystem import Filesystems, Mount
from exporter.name_filter import NameFilter
from exporter.roots import Roots
from tests.exporter.host_tree import key, roots_of, samples

DEADLINE_S = 0.2


def line(device: str, point: str, fstype: str, options: str = "rw", of_all: str = "rw") -> str:
    """Return a line of a mount table; `of_all` are options of all mounts of the file system."""
    return f"29 1 8:1 / {point} {options} shared:1 - {fstype} {device} {of_all}\n"


def status(_: str) -> os.statvfs_result:
    return os.statvfs_result((4096, 512, 1000, 400, 350, 5000, 4000, 4000, 0, 255))


def filesystems(roots: Roots, statvfs: Callable[[str], os.statvfs_result] = status) -> Filesystems:
    return Filesystems(
        roots,
        NameFilter(exclude=MOUNT_POINTS),
        NameFilter(exclude=FILESYSTEM_TYPES),
        deadline_s=DEADLINE_S,
        statvfs=statvfs,
    )


@pytest.fixture
def dead_server() -> Iterator[threading.Event]:
    """An event that is set at the end of the test, so that no thread stays blocked."""
    back = threading.Event()
    yield back
    back.set()


def test_sizes_are_counted_in_fragments_not_in_blocks(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"proc/1/mountinfo": line("/dev/sda", "/", "ext4")})
    found = samples(filesystems(roots))
    labels = {"device": "/dev/sda", "mountpoint": "/", "fstype": "ext4"}
    assert found[key("node_filesystem_size_bytes", **labels)] == 512_000
    assert found[key("node_filesystem_avail_bytes", **labels)] == 179_200


def test_mount_that_hangs_loses_its_own_series_only(
    tmp_path: Path, dead_server: threading.Event
) -> None:
    queried: list[str] = []

    def statvfs(path: str) -> os.statvfs_result:
        queried.append(path)
        if path.endswith("/nas"):
            dead_server.wait(30)
        return status(path)

    table = line("nas:/", "/nas", "nfs4") + line("/dev/sda", "/", "ext4")
    collector = filesystems(roots_of(tmp_path, {"proc/1/mountinfo": table}), statvfs)
    for _ in range(3):
        found = samples(collector)
        nas = {"device": "nas:/", "mountpoint": "/nas", "fstype": "nfs4"}
        root = {"device": "/dev/sda", "mountpoint": "/", "fstype": "ext4"}
        reason = {"device_error": "mountpoint timeout"}
        assert found[key("node_filesystem_device_error", **nas, **reason)] == 1
        assert found[key("node_filesystem_readonly", **nas, **reason)] == 0
        assert key("node_filesystem_size_bytes", **nas) not in found
        assert found[key("node_filesystem_device_error", **root)] == 0
        assert key("node_filesystem_size_bytes", **root) in found
    assert len([path for path in queried if path.endswith("/nas")]) == 1


def test_mount_that_fails_has_the_reason_as_a_label(tmp_path: Path) -> None:
    def statvfs(_: str) -> os.statvfs_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    roots = roots_of(tmp_path, {"proc/1/mountinfo": line("/dev/sda", "/secret", "ext4")})
    labels = {"device": "/dev/sda", "mountpoint": "/secret", "fstype": "ext4"}
    found = samples(filesystems(roots, statvfs))
    failed = key("node_filesystem_device_error", **labels, device_error="permission denied")
    assert found[failed] == 1


@pytest.mark.parametrize(
    "table",
    [
        line("proc", "/proc", "proc"),
        line("cgroup2", "/sys/fs/cgroup", "cgroup2"),
        line("overlay", "/", "overlay"),
        line("/dev/sda", "/var/lib/docker/overlay2/x", "ext4"),
        line("tmpfs", "/dev/shm", "tmpfs"),
        line("squash", "/snap/core/1", "squashfs", "ro"),
        "garbage\n",
        "29 1 8:1 / /data rw\n",
        "29 1 8:1 / /data rw - ext4\n",
        "\n",
    ],
)
def test_mounts_excluded_by_default_and_garbage_are_absent(tmp_path: Path, table: str) -> None:
    roots = roots_of(tmp_path, {"proc/1/mountinfo": table})
    assert filesystems(roots).mounts() == []


def test_mount_has_the_number_of_its_device(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"proc/1/mountinfo": line("/dev/sda", "/", "ext4")})
    labels = {"device": "/dev/sda", "major": "8", "minor": "1", "mountpoint": "/"}
    assert samples(filesystems(roots))[key("node_filesystem_mount_info", **labels)] == 1


@pytest.mark.parametrize(
    ("options", "of_all", "is_readonly"),
    [("rw,relatime", "rw", 0), ("ro,nosuid", "rw", 1), ("rw", "ro,errors=remount-ro", 1)],
)
def test_mount_is_readonly_by_itself_or_with_its_file_system(
    tmp_path: Path, options: str, of_all: str, is_readonly: int
) -> None:
    table = line("/dev/sda", "/", "ext4", options, of_all)
    found = samples(filesystems(roots_of(tmp_path, {"proc/1/mountinfo": table})))
    labels = {"device": "/dev/sda", "mountpoint": "/", "fstype": "ext4"}
    assert found[key("node_filesystem_readonly", **labels)] == is_readonly


def test_own_mount_table_is_read_if_that_of_init_is_hidden(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"proc/self/mountinfo": line("/dev/sda", "/", "ext4")})
    assert filesystems(roots).mounts() == [
        Mount("/dev/sda", "/", "ext4", "8", "1", is_readonly=False)
    ]


def test_mounts_below_rootfs_are_reported_without_the_prefix(tmp_path: Path) -> None:
    queried: list[str] = []

    def statvfs(path: str) -> os.statvfs_result:
        queried.append(path)
        return status(path)

    roots = roots_of(tmp_path, {})
    table = line("/dev/a", roots.rootfs, "ext4") + line("/dev/b", f"{roots.rootfs}/home", "ext4")
    roots = roots_of(tmp_path, {"proc/1/mountinfo": table})
    collector = filesystems(roots, statvfs)
    samples(collector)
    assert [mount.mountpoint for mount in collector.mounts()] == ["/", "/home"]
    assert queried == [f"{roots.rootfs}/", f"{roots.rootfs}/home"]


def test_mount_point_that_is_not_unicode_is_queried_by_its_bytes(tmp_path: Path) -> None:
    queried: list[bytes] = []

    def statvfs(path: str) -> os.statvfs_result:
        queried.append(os.fsencode(path))
        return status(path)

    table = line("/dev/sdc", "/data/BYTE", "vfat").encode().replace(b"BYTE", b"\xff")
    roots = roots_of(tmp_path, {"proc/1/mountinfo": table})
    found = samples(filesystems(roots, statvfs))
    assert queried[0].endswith(b"/data/\xff")
    labels = {"device": "/dev/sdc", "mountpoint": "/data/\ufffd", "fstype": "vfat"}
    assert key("node_filesystem_size_bytes", **labels) in found


@settings(deadline=None)
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1))
def test_escaped_mount_point_is_unescaped(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    escaped = "".join(f"\\{ord(c):03o}" if c in " \t\n\\#" else c for c in f"/data/{name}")
    roots = roots_of(
        tmp_path_factory.mktemp("host"), {"proc/1/mountinfo": line("/dev/sda", escaped, "ext4")}
    )
    assert [mount.mountpoint for mount in filesystems(roots).mounts()] == [f"/data/{name}"]
