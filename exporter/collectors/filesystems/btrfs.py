"""Btrfs: allocation by kind of data, devices, commits and errors.

Sources: btrfs(5), "Filesystem's sysfs"; the kernel's fs/btrfs/sysfs.c.
"""

import re
from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots, list_names, read_number, read_text, read_value

_SECTOR_BYTES = 512
_MILLISECONDS = 1000
_KINDS = ("data", "metadata", "system")
# Bytes on disk per byte of data; RAID 5 and 6 depend on the number of devices.
_COPIES = {"single": 1, "dup": 2, "raid0": 1, "raid1": 2, "raid10": 2, "raid1c3": 3, "raid1c4": 4}
_PARITIES = {"raid5": 1, "raid6": 2}
# Line of commit_stats -> metric, divisor.
_COMMITS = {
    "commits": (
        CounterFamily,
        "node_btrfs_commits_total",
        "The total number of commits that have occurred.",
        1,
    ),
    "last_commit_ms": (
        GaugeFamily,
        "node_btrfs_last_commit_seconds",
        "Duration of the most recent commit, in seconds.",
        _MILLISECONDS,
    ),
    "max_commit_ms": (
        GaugeFamily,
        "node_btrfs_max_commit_seconds",
        "Duration of the slowest commit, in seconds.",
        _MILLISECONDS,
    ),
    "total_commit_ms": (
        CounterFamily,
        "node_btrfs_commit_seconds_total",
        "Sum of the duration of all commits, in seconds.",
        _MILLISECONDS,
    ),
}
_UUID = re.compile(r"[0-9a-f-]{36}")


class Btrfs:
    """Reads `fs/btrfs`."""

    name = "btrfs"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.sys}/fs/btrfs"

    def collect(self) -> Iterable[Family]:
        """Return the families of all mounted Btrfs file systems, by UUID."""
        systems = [name for name in list_names(self._directory) if _UUID.fullmatch(name)]
        if not systems:
            raise NoDataError("no Btrfs")
        families = BtrfsFamilies()
        for uuid in systems:
            families.add(uuid, f"{self._directory}/{uuid}")
        return families.all


class BtrfsFamilies:
    """The families of all file systems."""

    def __init__(self) -> None:
        self.info = GaugeFamily(
            "node_btrfs_info", "Filesystem information", labels=("uuid", "label")
        )
        self.reserve = GaugeFamily(
            "node_btrfs_global_rsv_size_bytes", "Size of global reserve.", labels=("uuid",)
        )
        kind = ("uuid", "block_group_type")
        self.reserved = GaugeFamily(
            "node_btrfs_reserved_bytes", "Amount of space reserved for a data type", labels=kind
        )
        layout = (*kind, "mode")
        self.used = GaugeFamily(
            "node_btrfs_used_bytes", "Amount of used space by a layout/data type", labels=layout
        )
        self.size = GaugeFamily(
            "node_btrfs_size_bytes",
            "Amount of space allocated for a layout/data type",
            labels=layout,
        )
        self.ratio = GaugeFamily(
            "node_btrfs_allocation_ratio",
            "Data allocation ratio for a layout/data type",
            labels=layout,
        )
        self.device = GaugeFamily(
            "node_btrfs_device_size_bytes",
            "Size of a device that is part of the filesystem.",
            labels=("uuid", "device"),
        )
        self.errors = CounterFamily(
            "node_btrfs_device_errors_total",
            "Errors reported for the device",
            labels=("uuid", "device", "btrfs_dev_uuid", "type"),
        )
        self.commits = {
            line: (make(name, documentation, labels=("uuid",)), divisor)
            for line, (make, name, documentation, divisor) in _COMMITS.items()
        }

    @property
    def all(self) -> list[Family]:
        """All families."""
        commits = [family for family, _ in self.commits.values()]
        own = (self.info, self.reserve, self.reserved, self.used, self.size, self.ratio)
        return [*own, self.device, self.errors, *commits]

    def add(self, uuid: str, directory: str) -> None:
        """Add the samples of one file system."""
        self.info.add((uuid, read_value(f"{directory}/label") or ""), 1)
        reserve = read_number(f"{directory}/allocation/global_rsv_size")
        if reserve is not None:
            self.reserve.add((uuid,), reserve)
        devices = list_names(f"{directory}/devices")
        for device in devices:
            sectors = read_number(f"{directory}/devices/{device}/size")
            if sectors is not None:
                self.device.add((uuid, device), sectors * _SECTOR_BYTES)
        for kind in _KINDS:
            self._add_allocation(uuid, kind, f"{directory}/allocation/{kind}", len(devices))
        self._add_errors(uuid, f"{directory}/devinfo")
        commits = dict(line.split() for line in _lines(f"{directory}/commit_stats"))
        for line, (family, divisor) in self.commits.items():
            family.add((uuid,), int(commits.get(line, 0)) / divisor)

    def _add_allocation(self, uuid: str, kind: str, directory: str, devices: int) -> None:
        reserved = read_number(f"{directory}/bytes_reserved")
        if reserved is not None:
            self.reserved.add((uuid, kind), reserved)
        for mode in (*_COPIES, *_PARITIES):
            used = read_number(f"{directory}/{mode}/used_bytes")
            size = read_number(f"{directory}/{mode}/total_bytes")
            if used is not None and size is not None:
                self.used.add((uuid, kind, mode), used)
                self.size.add((uuid, kind, mode), size)
                self.ratio.add((uuid, kind, mode), _ratio(mode, devices))

    def _add_errors(self, uuid: str, directory: str) -> None:
        for number in list_names(directory):
            for line in _lines(f"{directory}/{number}/error_stats"):
                kind, _, count = line.partition(" ")
                self.errors.add((uuid, number, "", kind.removesuffix("_errs")), int(count))


def _ratio(mode: str, devices: int) -> float:
    parity = _PARITIES.get(mode)
    if parity is None:
        return _COPIES[mode]
    return devices / (devices - parity) if devices > parity else 0.0


def _lines(path: str) -> list[str]:
    try:
        return read_text(path).splitlines()
    except OSError:
        return []  # Kernels before 5.14 and 6.0 lack these files.
