"""I/O of each disk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family
from exporter.name_filter import ALL_NAMES, NameFilter

_MILLISECONDS: Final = 1000.0
# psutil's field, ending of the metric's name, HELP and divisor.
_COUNTERS: Final = (
    ("read_count", "reads_completed", "The total number of reads completed successfully.", 1),
    ("read_bytes", "read_bytes", "The total number of bytes read successfully.", 1),
    (
        "read_time",
        "read_time_seconds",
        "The total number of seconds spent by all reads.",
        _MILLISECONDS,
    ),
    ("write_count", "writes_completed", "The total number of writes completed successfully.", 1),
    ("write_bytes", "written_bytes", "The total number of bytes written successfully.", 1),
    (
        "write_time",
        "write_time_seconds",
        "This is the total number of seconds spent by all writes.",
        _MILLISECONDS,
    ),
)


class PortableDisks:
    """Asks psutil for the counters of each disk.

    Args:
        system: the module psutil.
        devices: the disks to report.
    """

    name = "diskstats"

    def __init__(self, system: Any, devices: NameFilter = ALL_NAMES) -> None:
        self._system, self._devices = system, devices

    def collect(self) -> Iterable[Family]:
        """Return one counter by field, by device.

        Raises:
            NoDataError: the host has no disks, as a container.
        """
        disks = self._system.disk_io_counters(perdisk=True)
        if not disks:
            raise NoDataError("psutil knows no disk")
        for field, name, documentation, divisor in _COUNTERS:
            family = CounterFamily(f"node_disk_{name}_total", documentation, labels=("device",))
            for device, counters in sorted(disks.items()):
                value = getattr(counters, field, None)
                if value is not None and self._devices.accepts(device):
                    family.add((device,), value / divisor)
            if family:
                yield family
