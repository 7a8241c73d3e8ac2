"""Space and inodes of each mounted file system.

A mount may hang (NFS without its server, a dead FUSE daemon), so each has a deadline
of its own: it costs its own series, shows as node_filesystem_device_error, and is not
asked again before it has come back.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.gathering.supervision import Supervisor
from exporter.roots import Roots, read_lines

_OCTAL = re.compile(r"\\([0-7]{3})")
_GAUGES = {
    "size_bytes": "Filesystem size in bytes.",
    "free_bytes": "Filesystem free space in bytes.",
    "avail_bytes": "Filesystem space available to non-root users in bytes.",
    "files": "Filesystem total file nodes.",
    "files_free": "Filesystem total free file nodes.",
}


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the mount table; paths may hold surrogate escapes."""

    device: str
    mountpoint: str
    fstype: str
    options: tuple[str, ...]


class Filesystems:
    """Reads the mount table of init's namespace and asks statvfs(2) of each mount.

    Args:
        roots: mount points are below `rootfs`, and shown without it.
        exclude_mountpoints, exclude_fstypes: mounts never looked at.
        deadline_s: how long one mount may take.
        statvfs: what tells about a path.
    """

    name = "filesystem"

    def __init__(
        self,
        roots: Roots,
        exclude_mountpoints: re.Pattern[str] | None = None,
        exclude_fstypes: re.Pattern[str] | None = None,
        *,
        deadline_s: float,
        statvfs: Callable[[str], os.statvfs_result] = os.statvfs,
    ) -> None:
        self._roots = roots
        self._exclude_mountpoints = exclude_mountpoints
        self._exclude_fstypes = exclude_fstypes
        self._statvfs = statvfs
        self._supervisor: Supervisor[os.statvfs_result] = Supervisor(deadline_s)

    def collect(self) -> Iterable[Metric]:
        """Return sizes, read-only and error flags, by device, mount point and type."""
        labels = ("device", "mountpoint", "fstype")
        gauges = [
            GaugeMetricFamily(f"node_filesystem_{name}", documentation, labels=labels)
            for name, documentation in _GAUGES.items()
        ]
        readonly = GaugeMetricFamily(
            "node_filesystem_readonly", "Filesystem read-only status.", labels=labels
        )
        error = GaugeMetricFamily(
            "node_filesystem_device_error",
            "Whether an error occurred while getting statistics for the given device.",
            labels=labels,
        )
        mounts = self.mounts()
        outcomes = self._supervisor.run(
            {mount.mountpoint: self._asking(mount.mountpoint) for mount in mounts}
        )
        for mount in mounts:
            values = [_shown(text) for text in (mount.device, mount.mountpoint, mount.fstype)]
            status = outcomes[mount.mountpoint].value
            readonly.add_metric(values, "ro" in mount.options)
            error.add_metric(values, status is None)
            if status is None:
                continue
            for gauge, value in zip(gauges, _sizes(status), strict=True):
                gauge.add_metric(values, value)
        return [*gauges, readonly, error]

    def mounts(self) -> list[Mount]:
        """Return the mounts to look at, each device, point and type once."""
        mounts: dict[tuple[str, str, str], Mount] = {}
        for line in self._table():
            parts = line.split(" ")
            if len(parts) < 4:
                continue
            device, point, fstype = (_unescaped(part) for part in parts[:3])
            if _matches(self._exclude_fstypes, fstype):
                continue
            point = self._stripped(point)
            if not _matches(self._exclude_mountpoints, point):
                key = device, point, fstype
                mounts.setdefault(key, Mount(*key, tuple(parts[3].split(","))))
        return list(mounts.values())

    def _table(self) -> list[str]:
        # Init's: our own leaves out what a unit's sandbox hides, and adds what it makes.
        for owner in ("1", "self"):
            try:
                return read_lines(f"{self._roots.proc}/{owner}/mounts", "surrogateescape")
            except (FileNotFoundError, PermissionError):
                continue
        raise FileNotFoundError(f"{self._roots.proc}/self/mounts")

    def _stripped(self, point: str) -> str:
        """Return a mount point as the host knows it."""
        rootfs = self._roots.rootfs.rstrip("/")
        if rootfs and (point == rootfs or point.startswith(f"{rootfs}/")):
            return point.removeprefix(rootfs) or "/"
        return point

    def _asking(self, mountpoint: str) -> Callable[[], os.statvfs_result]:
        path = self._roots.host_path(mountpoint)
        return lambda: self._statvfs(path)


def _sizes(status: os.statvfs_result) -> tuple[int, int, int, int, int]:
    """Return values in the order of `_GAUGES`."""
    unit = status.f_frsize
    return (
        status.f_blocks * unit,
        status.f_bfree * unit,
        status.f_bavail * unit,
        status.f_files,
        status.f_ffree,
    )


def _unescaped(text: str) -> str:
    r"""Undo the mount table's octal escapes: `\040` is a space."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text) if "\\" in text else text


def _shown(text: str) -> str:
    """Return `text` as valid Unicode, for a label."""
    return os.fsencode(text).decode("utf-8", "replace")


def _matches(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is not None and pattern.search(text) is not None
