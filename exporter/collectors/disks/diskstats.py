"""I/O of each block device, and its description."""

from __future__ import annotations

from collections.abc import Iterable

from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.pairs import pairs
from exporter.roots import Roots, read_lines, read_value

# Counters are divided by these units: 9 / 1000 is 0.009, 9 * 0.001 is 0.009000000000000001.
_SECTORS_PER_BYTE = 1 / 512
_MILLISECONDS = 1000.0
# The columns after the device name (the kernel's Documentation/admin-guide/iostats.rst):
# metric name, HELP and divisor. Older kernels have the first 11 or 15 only.
_COLUMNS: tuple[tuple[str, str, float], ...] = (
    ("reads_completed_total", "The total number of reads completed successfully.", 1),
    ("reads_merged_total", "The total number of reads merged.", 1),
    ("read_bytes_total", "The total number of bytes read successfully.", _SECTORS_PER_BYTE),
    ("read_time_seconds_total", "The total number of seconds spent by all reads.", _MILLISECONDS),
    ("writes_completed_total", "The total number of writes completed successfully.", 1),
    ("writes_merged_total", "The number of writes merged.", 1),
    ("written_bytes_total", "The total number of bytes written successfully.", _SECTORS_PER_BYTE),
    (
        "write_time_seconds_total",
        "This is the total number of seconds spent by all writes.",
        _MILLISECONDS,
    ),
    ("io_now", "The number of I/Os currently in progress.", 1),
    ("io_time_seconds_total", "Total seconds spent doing I/Os.", _MILLISECONDS),
    (
        "io_time_weighted_seconds_total",
        "The weighted # of seconds spent doing I/Os.",
        _MILLISECONDS,
    ),
    ("discards_completed_total", "The total number of discards completed successfully.", 1),
    ("discards_merged_total", "The total number of discards merged.", 1),
    ("discarded_sectors_total", "The total number of sectors discarded successfully.", 1),
    (
        "discard_time_seconds_total",
        "This is the total number of seconds spent by all discards.",
        _MILLISECONDS,
    ),
    (
        "flush_requests_total",
        "The total number of flush requests completed successfully",
        1,
    ),
    (
        "flush_requests_time_seconds_total",
        "This is the total number of seconds spent by all flush requests.",
        _MILLISECONDS,
    ),
)
# Label -> property in udev's database.
_INFO = {
    "path": "ID_PATH",
    "wwn": "ID_WWN",
    "model": "ID_MODEL",
    "serial": "SERIAL",
    "revision": "ID_REVISION",
}
_SERIALS = ("SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL")
_FILESYSTEM = {
    "type": "ID_FS_TYPE",
    "usage": "ID_FS_USAGE",
    "uuid": "ID_FS_UUID",
    "version": "ID_FS_VERSION",
}
# Property -> metric.
_ATA = (
    ("ID_ATA_WRITE_CACHE", "node_disk_ata_write_cache", "ATA disk has a write cache."),
    (
        "ID_ATA_WRITE_CACHE_ENABLED",
        "node_disk_ata_write_cache_enabled",
        "ATA disk has its write cache enabled.",
    ),
    (
        "ID_ATA_ROTATION_RATE_RPM",
        "node_disk_ata_rotation_rate_rpm",
        "ATA disk rotation rate in RPMs (0 for SSDs).",
    ),
)
_MAPPER = {
    "name": "DM_NAME",
    "uuid": "DM_UUID",
    "vg_name": "DM_VG_NAME",
    "lv_name": "DM_LV_NAME",
    "lv_layer": "DM_LV_LAYER",
}


class DiskStatistics:
    """Reads `diskstats`; the descriptions of devices are in udev's database and `sys/block`."""

    name = "diskstats"

    def __init__(self, roots: Roots, devices: NameFilter = ALL_NAMES) -> None:
        self._file = KeptFile(f"{roots.proc}/diskstats")
        self._udev = roots.udev
        self._block = f"{roots.sys}/block"
        self._devices = devices

    def collect(self) -> Iterable[Family]:
        """Return one family per column, by device, and the descriptions of devices."""
        families = [_column(name, documentation) for name, documentation, _ in _COLUMNS]
        info = GaugeFamily(
            "node_disk_info",
            "Info of /sys/block/<block_device>.",
            labels=("device", "major", "minor", *_INFO, "rotational"),
        )
        filesystem = GaugeFamily(
            "node_disk_filesystem_info",
            "Info about disk filesystem.",
            labels=("device", *_FILESYSTEM),
        )
        mapper = GaugeFamily(
            "node_disk_device_mapper_info",
            "Info about disk device mapper.",
            labels=("device", *_MAPPER),
        )
        ata = [
            GaugeFamily(name, documentation, labels=("device",)) for _, name, documentation in _ATA
        ]
        for line in self._file.lines():
            major, minor, device, *counters = line.split()
            if not self._devices.accepts(device):
                continue
            for family, (_, _, unit), counter in zip(families, _COLUMNS, counters):
                family.add((device,), int(counter) / unit)
            udev = self._properties(major, minor)
            # Partitions have no queue.
            rotational = read_value(f"{self._block}/{device}/queue/rotational") or "0"
            info.add((device, major, minor, *_values(udev, _INFO), rotational), 1)
            if udev.get("ID_FS_TYPE"):
                filesystem.add((device, *_values(udev, _FILESYSTEM)), 1)
            if "DM_NAME" in udev:
                mapper.add((device, *_values(udev, _MAPPER)), 1)
            if "ID_ATA" in udev:
                for (key, _, _), family in pairs(_ATA, ata):
                    if udev.get(key, "").isdecimal():
                        family.add((device,), int(udev[key]))
        return [f for f in (*families, info, filesystem, mapper, *ata) if f]

    def _properties(self, major: str, minor: str) -> dict[str, str]:
        try:
            lines = read_lines(f"{self._udev}/b{major}:{minor}")
        except OSError:
            return {}  # There is no udev, as in a container.
        properties = dict(
            line[2:].split("=", 1) for line in lines if line.startswith("E:") and "=" in line
        )
        # The serial number on the label of a SCSI disk, else that of ATA, else that of virtio.
        serials = (properties.get(name) for name in _SERIALS)
        properties["SERIAL"] = next(filter(None, serials), "")
        return properties


def _column(name: str, documentation: str) -> GaugeFamily | CounterFamily:
    kind = CounterFamily if name.endswith("_total") else GaugeFamily
    return kind(f"node_disk_{name}", documentation, labels=("device",))


def _values(udev: dict[str, str], properties: dict[str, str]) -> list[str]:
    return [udev.get(name, "") for name in properties.values()]
