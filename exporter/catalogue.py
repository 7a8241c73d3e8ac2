"""Every collector by name, and which of them run unless told otherwise."""

import re
from collections.abc import Callable

from exporter.collectors.collector import Collector
from exporter.collectors.cpu import CPU
from exporter.collectors.diskstats import DiskStatistics
from exporter.collectors.filesystem import Filesystems
from exporter.collectors.loadavg import LoadAverage
from exporter.collectors.meminfo import Memory
from exporter.collectors.netclass import NetworkClass
from exporter.collectors.netdev import NetworkDevices
from exporter.collectors.stat import Statistics
from exporter.collectors.time import Time
from exporter.collectors.uname import Uname
from exporter.errors import UnknownCollectorError
from exporter.settings import ExporterSettings
from model.clock import Clock

Factory = Callable[[ExporterSettings, Clock], Collector]

# A mount's deadline lies below the collector's, so that one hung mount costs one mount.
_MOUNT_DEADLINE_SHARE = 0.5

FACTORIES: dict[str, Factory] = {
    "cpu": lambda settings, _: CPU(settings.roots),
    "diskstats": lambda settings, _: DiskStatistics(
        settings.roots, _pattern(settings.exclusions.disks)
    ),
    "filesystem": lambda settings, _: Filesystems(
        settings.roots,
        _pattern(settings.exclusions.mountpoints),
        _pattern(settings.exclusions.fstypes),
        deadline_s=settings.collector_timeout_s * _MOUNT_DEADLINE_SHARE,
    ),
    "loadavg": lambda settings, _: LoadAverage(settings.roots),
    "meminfo": lambda settings, _: Memory(settings.roots),
    "netclass": lambda settings, _: NetworkClass(
        settings.roots, _pattern(settings.exclusions.interfaces)
    ),
    "netdev": lambda settings, _: NetworkDevices(
        settings.roots, _pattern(settings.exclusions.interfaces)
    ),
    "stat": lambda settings, _: Statistics(settings.roots),
    "time": lambda settings, clock: Time(settings.roots, clock),
    "uname": lambda settings, _: Uname(settings.roots),
}
OFF_BY_DEFAULT: frozenset[str] = frozenset()


def build(settings: ExporterSettings, clock: Clock) -> list[Collector]:
    """Return the collectors to run, by name.

    Raises:
        UnknownCollectorError: a name switched on or off does not exist.
    """
    for name in sorted(settings.enabled | settings.disabled):
        if name not in FACTORIES:
            raise UnknownCollectorError(name)
    wanted = (FACTORIES.keys() - OFF_BY_DEFAULT) | settings.enabled
    return [FACTORIES[name](settings, clock) for name in sorted(wanted - settings.disabled)]


def _pattern(text: str) -> re.Pattern[str] | None:
    return re.compile(text) if text else None
