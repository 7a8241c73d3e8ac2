"""Space and inodes of each mounted file system.

A mount may hang (NFS without its server, a dead FUSE daemon), so each has a deadline of
its own. A mount that hangs loses its own series only, sets node_filesystem_device_error,
and is not queried again before its last query has returned. As in node_exporter, the label
`device_error` has the reason; it is absent while the mount answers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from exporter.deadlines import DeadlineExecutor
from exporter.errors import DeadlineError
from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.pairs import pairs
from exporter.roots import Roots

_OCTAL = re.compile(r"\\([0-7]{3})")
_GAUGES = {
    "size_bytes": "Filesystem size in bytes.",
    "free_bytes": "Filesystem free space in bytes.",
    "avail_bytes": "Filesystem space available to non-root users in bytes.",
    "files": "Filesystem total file nodes.",
    "files_free": "Filesystem total free file nodes.",
}


@dataclass(frozen=True)
class Mount:
    """One line of the mount table; paths may contain surrogate escapes.

    Attributes:
        major, minor: the device's number.
        is_readonly: whether this mount or its whole file system is read-only.
    """

    device: str
    mountpoint: str
    fstype: str
    major: str
    minor: str
    is_readonly: bool


class Filesystems:
    """Reads the mount table of init's namespace and calls statvfs(2) on each mount.

    Args:
        roots: where to read; mount points are reported without the prefix `rootfs`.
        mountpoints, fstypes: the mounts to query.
        deadline_s: how long one mount may take.
        statvfs: returns the state of the file system at a path.
    """

    name = "filesystem"

    def __init__(
        self,
        roots: Roots,
        mountpoints: NameFilter = ALL_NAMES,
        fstypes: NameFilter = ALL_NAMES,
        *,
        deadline_s: float,
        statvfs: Callable[[str], os.statvfs_result] = os.statvfs,
    ) -> None:
        self._roots = roots
        self._tables = [
            KeptFile(f"{roots.proc}/{owner}/mountinfo", "surrogateescape")
            for owner in ("1", "self")
        ]
        self._mountpoints, self._fstypes = mountpoints, fstypes
        self._statvfs = statvfs
        # The last mount table and its mounts: few scrapes see another one.
        self._last: tuple[list[str], list[Mount]] = ([], [])
        self._executor: DeadlineExecutor[os.statvfs_result] = DeadlineExecutor(deadline_s)

    def collect(self) -> Iterable[Family]:
        """Return sizes, inodes, read-only and error flags by device, mount point and type."""
        labels = ("device", "mountpoint", "fstype")
        gauges = [
            GaugeFamily(f"node_filesystem_{name}", documentation, labels=labels)
            for name, documentation in _GAUGES.items()
        ]
        readonly = GaugeFamily("node_filesystem_readonly", "Filesystem read-only status.")
        error = GaugeFamily(
            "node_filesystem_device_error",
            "Whether an error occurred while getting statistics for the given device.",
        )
        info = GaugeFamily(
            "node_filesystem_mount_info",
            "Filesystem mount information.",
            labels=("device", "major", "minor", "mountpoint"),
        )
        mounts = self.mounts()
        results = self._executor.run(
            {mount.mountpoint: self._query(mount.mountpoint) for mount in mounts}
        )
        for mount in mounts:
            values = [_label(text) for text in (mount.device, mount.mountpoint, mount.fstype)]
            result = results[mount.mountpoint]
            status = result.value
            mount_labels = dict(pairs(labels, values))
            if status is None:
                mount_labels["device_error"] = _reason(result.error)
            readonly.add_sample(readonly.name, mount_labels, mount.is_readonly)
            error.add_sample(error.name, mount_labels, status is None)
            if status is None:
                continue
            for gauge, value in pairs(gauges, _sizes(status)):
                gauge.add(values, value)
            device, point, _ = values
            info.add((device, mount.major, mount.minor, point), 1)
        return [*gauges, readonly, error, info]

    def mounts(self) -> list[Mount]:
        """Return the mounts to query, each device, mount point and type once."""
        table = self._table()
        if table == self._last[0]:
            return self._last[1]
        mounts: dict[tuple[str, str, str], Mount] = {}
        for line in table:
            mount = _parsed(line)
            if mount is None or not self._fstypes.accepts(mount.fstype):
                continue
            mount = replace(mount, mountpoint=self._stripped(mount.mountpoint))
            if self._mountpoints.accepts(mount.mountpoint):
                mounts.setdefault((mount.device, mount.mountpoint, mount.fstype), mount)
        self._last = (table, list(mounts.values()))
        return self._last[1]

    def _table(self) -> list[str]:
        # The table of init: that of our own process lacks the mounts that the sandbox of our
        # systemd unit hides, and has those that the sandbox adds.
        for table in self._tables:
            try:
                return table.lines()
            except (FileNotFoundError, PermissionError):
                continue
        raise FileNotFoundError(f"{self._roots.proc}/self/mountinfo")

    def _stripped(self, point: str) -> str:
        """Return a mount point without the prefix `rootfs`, as the host sees it."""
        rootfs = self._roots.rootfs.rstrip("/")
        if rootfs and (point == rootfs or point.startswith(f"{rootfs}/")):
            return point.removeprefix(rootfs) or "/"
        return point

    def _query(self, mountpoint: str) -> Callable[[], os.statvfs_result]:
        path = self._roots.host_path(mountpoint)
        return lambda: self._statvfs(path)


def _parsed(line: str) -> Mount | None:
    """Return the mount of a line, None if the line has another form.

    `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER_OPTIONS`, proc(5).
    """
    ahead, _, behind = line.partition(" - ")
    mount, system = ahead.split(" "), behind.split(" ")
    if len(mount) < 6 or len(system) < 3:
        return None
    major, _, minor = mount[2].partition(":")
    return Mount(
        device=_unescaped(system[1]),
        mountpoint=_unescaped(mount[4]),
        fstype=_unescaped(system[0]),
        major=major,
        minor=minor,
        is_readonly="ro" in mount[5].split(",") or "ro" in system[2].split(","),
    )


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


def _reason(error: Exception | None) -> str:
    """Return why a mount has no sizes, in node_exporter's words."""
    if isinstance(error, DeadlineError):
        return "mountpoint timeout"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)


def _unescaped(text: str) -> str:
    r"""Undo the mount table's octal escapes: `\040` is a space."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text) if "\\" in text else text


def _label(text: str) -> str:
    """Return `text` as a label value: surrogate escapes become U+FFFD."""
    return os.fsencode(text).decode("utf-8", "replace")
