"""bcachefs: counters, compression, B-tree writes, errors, and I/O of each device.

Source: the kernel's fs/bcachefs/sysfs.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots, list_names, read_text, read_value

_UUID = re.compile(r"[0-9a-f-]{36}")
_DEVICE = re.compile(r"dev-([0-9]+)")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kMGTPE]?)")
_POWERS: dict[str, int] = {unit: 1024**power for power, unit in enumerate(("", *"kMGTPE"))}
_COUNT = re.compile(r"since filesystem creation:\s*(\S+)")
# The columns of `errors` touch each other where numbers are long.
_ERROR = re.compile(r"([a-z0-9_]+)\s+([0-9]+)")
_WRITE = re.compile(r"([a-z_]+):\s+([0-9]+)\s+(\S+)")
_IO_ERROR = re.compile(r"\s*(read|write|checksum):\s*([0-9]+)")
_IO_DONE = re.compile(r"([a-z_]+)\s*:\s*([0-9]+)?")


class Bcachefs:
    """Reads `fs/bcachefs`."""

    name = "bcachefs"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.sys}/fs/bcachefs"

    def collect(self) -> Iterable[Family]:
        """Return the families of all mounted bcachefs file systems, by UUID."""
        systems = [name for name in list_names(self._directory) if _UUID.fullmatch(name)]
        if not systems:
            raise NoDataError("no bcachefs")
        families = BcachefsFamilies()
        for uuid in systems:
            families.add(uuid, f"{self._directory}/{uuid}")
        return families.all


class BcachefsFamilies:
    """The families of all file systems."""

    def __init__(self) -> None:
        self.counters: dict[str, CounterFamily] = {}
        self.info = _gauge("info", "Filesystem information.")
        self.cache = _gauge("btree_cache_size_bytes", "Btree cache memory usage in bytes.")
        self.compressed = _gauge(
            "compression_compressed_bytes", "Compressed size by algorithm.", "algorithm"
        )
        self.uncompressed = _gauge(
            "compression_uncompressed_bytes", "Uncompressed size by algorithm.", "algorithm"
        )
        self.errors = _counter("errors_total", "Error count by error type.", "error_type")
        self.writes = _counter("btree_writes_total", "Number of btree writes by type.", "type")
        self.write_size = _gauge(
            "btree_write_average_size_bytes", "Average btree write size by type.", "type"
        )
        self.device = _gauge("device_info", "Device information.", "device", "label", "state")
        self.bucket = _gauge("device_bucket_size_bytes", "Bucket size in bytes.", "device")
        self.buckets = _gauge("device_buckets", "Total number of buckets.", "device")
        self.durability = _gauge("device_durability", "Device durability setting.", "device")
        self.io = _counter(
            "device_io_done_bytes_total",
            "IO bytes by operation type and data type.",
            "device",
            "operation",
            "data_type",
        )
        self.io_errors = _counter(
            "device_io_errors_total", "IO errors by error type.", "device", "type"
        )

    @property
    def all(self) -> list[Family]:
        """All families."""
        return [
            *self.counters.values(),
            self.info,
            self.cache,
            self.compressed,
            self.uncompressed,
            self.errors,
            self.writes,
            self.write_size,
            self.device,
            self.bucket,
            self.buckets,
            self.durability,
            self.io,
            self.io_errors,
        ]

    def add(self, uuid: str, directory: str) -> None:
        """Add the samples of one file system."""
        self.info.add((uuid,), 1)
        cache = _size(read_value(f"{directory}/btree_cache_size"))
        if cache is not None:
            self.cache.add((uuid,), cache)
        for line in _lines(f"{directory}/compression_stats")[1:]:
            algorithm, *sizes = line.split()
            compressed, uncompressed = _size(sizes[0]), _size(sizes[1])
            if compressed is not None and uncompressed is not None:
                self.compressed.add((uuid, algorithm), compressed)
                self.uncompressed.add((uuid, algorithm), uncompressed)
        for line in _lines(f"{directory}/errors"):
            if match := _ERROR.match(line):
                self.errors.add((uuid, match[1]), int(match[2]))
        for line in _lines(f"{directory}/btree_write_stats"):
            if match := _WRITE.match(line):
                self.writes.add((uuid, match[1]), int(match[2]))
                self.write_size.add((uuid, match[1]), _size(match[3]) or 0)
        self._add_counters(uuid, f"{directory}/counters")
        for name in list_names(directory):
            if match := _DEVICE.fullmatch(name):
                self._add_device(uuid, match[1], f"{directory}/{name}")

    def _add_counters(self, uuid: str, directory: str) -> None:
        for name in list_names(directory):
            match = _COUNT.search(read_value(f"{directory}/{name}") or "")
            count = _size(match[1]) if match else None
            if count is None:
                continue
            if name not in self.counters:
                self.counters[name] = _counter(
                    f"{name}_total", f"Bcachefs counter {name} since filesystem creation."
                )
            self.counters[name].add((uuid,), count)

    def _add_device(self, uuid: str, device: str, directory: str) -> None:
        label = read_value(f"{directory}/label") or ""
        state = read_value(f"{directory}/state") or ""
        self.device.add((uuid, device, label, state), 1)
        for file, family in (
            ("bucket_size", self.bucket),
            ("nbuckets", self.buckets),
            ("durability", self.durability),
        ):
            number = _size(read_value(f"{directory}/{file}"))
            if number is not None:
                family.add((uuid, device), number)
        operation = ""
        for line in _lines(f"{directory}/io_done"):
            match = _IO_DONE.fullmatch(line.strip())
            if match and match[2] is None:
                operation = match[1]
            elif match:
                self.io.add((uuid, device, operation, match[1]), int(match[2]))
        for line in _lines(f"{directory}/io_errors"):
            if line.startswith("IO errors since") and "creation" not in line:
                break
            if match := _IO_ERROR.match(line):
                self.io_errors.add((uuid, device, match[1]), int(match[2]))


def _gauge(name: str, documentation: str, *labels: str) -> GaugeFamily:
    return GaugeFamily(f"node_bcachefs_{name}", documentation, labels=("uuid", *labels))


def _counter(name: str, documentation: str, *labels: str) -> CounterFamily:
    return CounterFamily(f"node_bcachefs_{name}", documentation, labels=("uuid", *labels))


def _size(text: str | None) -> int | None:
    """Return the bytes of "48.9G", in which a G is 2 to the power of 30."""
    match = _SIZE.fullmatch(text.strip()) if text else None
    return int(float(match[1]) * _POWERS[match[2]]) if match else None


def _lines(path: str) -> list[str]:
    try:
        return read_text(path).splitlines()
    except OSError:
        return []
