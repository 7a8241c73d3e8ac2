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
    roots = roots_of(tmp_path, {"proc/1/mounts": "/dev/sda / ext4 rw 0 0\n"})
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

    table = "nas:/ /nas nfs4 rw 0 0\n/dev/sda / ext4 rw 0 0\n"
    collector = filesystems(roots_of(tmp_path, {"proc/1/mounts": table}), statvfs)
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

    roots = roots_of(tmp_path, {"proc/1/mounts": "/dev/sda /secret ext4 rw 0 0\n"})
    labels = {"device": "/dev/sda", "mountpoint": "/secret", "fstype": "ext4"}
    found = samples(filesystems(roots, statvfs))
    failed = key("node_filesystem_device_error", **labels, device_error="permission denied")
    assert found[failed] == 1


@pytest.mark.parametrize(
    "line",
    [
        "proc /proc proc rw 0 0",
        "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0",
        "overlay / overlay rw 0 0",
        "/dev/sda /var/lib/docker/overlay2/x ext4 rw 0 0",
        "tmpfs /dev/shm tmpfs rw 0 0",
        "squash /snap/core/1 squashfs ro 0 0",
        "garbage",
        "",
    ],
)
def test_mounts_excluded_by_default_are_absent(tmp_path: Path, line: str) -> None:
    roots = roots_of(tmp_path, {"proc/1/mounts": f"{line}\n"})
    assert filesystems(roots).mounts() == []


def test_own_mount_table_is_read_if_that_of_init_is_hidden(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"proc/self/mounts": "/dev/sda / ext4 rw 0 0\n"})
    assert filesystems(roots).mounts() == [Mount("/dev/sda", "/", "ext4", ("rw",))]


def test_mounts_below_rootfs_are_reported_without_the_prefix(tmp_path: Path) -> None:
    queried: list[str] = []

    def statvfs(path: str) -> os.statvfs_result:
        queried.append(path)
        return status(path)

    roots = roots_of(tmp_path, {})
    table = f"/dev/a {roots.rootfs} ext4 rw 0 0\n/dev/b {roots.rootfs}/home ext4 rw 0 0\n"
    roots = roots_of(tmp_path, {"proc/1/mounts": table})
    collector = filesystems(roots, statvfs)
    samples(collector)
    assert [mount.mountpoint for mount in collector.mounts()] == ["/", "/home"]
    assert queried == [f"{roots.rootfs}/", f"{roots.rootfs}/home"]


def test_mount_point_that_is_not_unicode_is_queried_by_its_bytes(tmp_path: Path) -> None:
    queried: list[bytes] = []

    def statvfs(path: str) -> os.statvfs_result:
        queried.append(os.fsencode(path))
        return status(path)

    roots = roots_of(tmp_path, {"proc/1/mounts": b"/dev/sdc /data/\xff vfat rw 0 0\n"})
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
        tmp_path_factory.mktemp("host"), {"proc/1/mounts": f"/dev/sda {escaped} ext4 rw 0 0\n"}
    )
    assert [mount.mountpoint for mount in filesystems(roots).mounts()] == [f"/data/{name}"]
