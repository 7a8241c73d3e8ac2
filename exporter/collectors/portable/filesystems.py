"""Space of each mounted file system, or drive."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from exporter.deadlines import DeadlineExecutor
from exporter.errors import DeadlineError
from exporter.families import Family, GaugeFamily
from exporter.name_filter import ALL_NAMES, NameFilter

_LABELS = ("device", "mountpoint", "fstype")


class PortableFilesystems:
    """Asks psutil for the mounts and the space of each, which may hang.

    Args:
        system: the module psutil.
        mountpoints, fstypes: the mounts to report.
        deadline_s: how long one mount may take.
    """

    name = "filesystem"

    def __init__(
        self,
        system: Any,
        mountpoints: NameFilter = ALL_NAMES,
        fstypes: NameFilter = ALL_NAMES,
        *,
        deadline_s: float,
    ) -> None:
        self._system, self._mountpoints, self._fstypes = system, mountpoints, fstypes
        self._executor: DeadlineExecutor[Any] = DeadlineExecutor(deadline_s)

    def collect(self) -> Iterable[Family]:
        """Return sizes, read-only and error flags by device, mount point and type."""
        size, free, available = (
            GaugeFamily(f"node_filesystem_{name}_bytes", documentation, labels=_LABELS)
            for name, documentation in (
                ("size", "Filesystem size in bytes."),
                ("free", "Filesystem free space in bytes."),
                ("avail", "Filesystem space available to non-root users in bytes."),
            )
        )
        readonly = GaugeFamily(
            "node_filesystem_readonly", "Filesystem read-only status.", labels=_LABELS
        )
        error = GaugeFamily(
            "node_filesystem_device_error",
            "Whether an error occurred while getting statistics for the given device.",
        )
        mounts = self._mounts()
        results = self._executor.run(
            {point: partial(self._system.disk_usage, point) for point in mounts}
        )
        for point, mount in mounts.items():
            values = (mount.device, point, mount.fstype)
            labels = {"device": mount.device, "mountpoint": point, "fstype": mount.fstype}
            result = results[point]
            readonly.add(values, "ro" in mount.opts.split(","))
            if result.value is None:
                labels["device_error"] = _reason(result.error)
            error.add_sample(error.name, labels, result.value is None)
            if result.value is not None:
                size.add(values, result.value.total)
                free.add(values, result.value.total - result.value.used)
                available.add(values, result.value.free)
        return [size, free, available, readonly, error]

    def _mounts(self) -> dict[str, Any]:
        return {
            mount.mountpoint: mount
            for mount in self._system.disk_partitions(all=False)
            # Windows lists drives without a medium, which have no type.
            if mount.fstype
            and self._fstypes.accepts(mount.fstype)
            and self._mountpoints.accepts(mount.mountpoint)
        }


def _reason(error: Exception | None) -> str:
    """Return why a mount has no sizes."""
    if isinstance(error, DeadlineError):
        return "mountpoint timeout"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
