"""The collectors that run by default on systems without procfs: macOS, Windows, BSD."""

from __future__ import annotations

from typing import Any

from exporter.collectors.collector import Collector
from exporter.collectors.network.addresses import InterfaceAddresses
from exporter.collectors.portable.cpu import PortableCPU
from exporter.collectors.portable.disks import PortableDisks
from exporter.collectors.portable.filesystems import PortableFilesystems
from exporter.collectors.portable.host import (
    PortableBattery,
    PortableLoad,
    PortableProcesses,
    PortableStatistics,
    PortableUname,
)
from exporter.collectors.portable.memory import PortableMemory
from exporter.collectors.portable.network import PortableInterfaces, PortableTraffic
from exporter.collectors.system.time import Time
from exporter.collectors.textfile import TextFiles
from exporter.settings import ExporterSettings
from model.clock import Clock

# A mount has less time than its collector, so that a mount that hangs loses its own series only.
_MOUNT_DEADLINE_SHARE = 0.5


def default_collectors(
    settings: ExporterSettings, clock: Clock, system: Any = None
) -> list[Collector]:
    """Return the collectors that run unless an option disables them.

    Args:
        settings: of the exporter; options of collectors that are not here have no effect.
        clock: the time that `node_time_seconds` reports.
        system: the module psutil; None imports it.

    Raises:
        PatternError: an option is not a regular expression.
        OptionError: two options contradict each other.
    """
    if system is None:
        import psutil

        system = psutil
    options = settings.options
    interfaces = options.filter("netdev.device")
    return [
        InterfaceAddresses(interfaces),
        PortableBattery(system),
        PortableCPU(system),
        PortableDisks(system, options.filter("diskstats.device")),
        PortableFilesystems(
            system,
            options.filter("filesystem.mount-points"),
            options.filter("filesystem.fs-types"),
            deadline_s=settings.collector_timeout_s * _MOUNT_DEADLINE_SHARE,
        ),
        PortableInterfaces(system, options.ignoring("netclass.ignored-devices")),
        PortableLoad(system),
        PortableMemory(system),
        PortableProcesses(system),
        PortableStatistics(system),
        PortableTraffic(system, interfaces),
        PortableUname(),
        TextFiles(*settings.textfile_directories),
        Time(settings.roots, clock),
    ]
