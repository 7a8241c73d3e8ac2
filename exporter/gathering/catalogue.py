"""Every collector by name, made from the settings."""

import re
from collections.abc import Callable

from exporter.collectors.addresses import InterfaceAddresses
from exporter.collectors.arp import AddressResolution
from exporter.collectors.bonding import Bonding
from exporter.collectors.collector import Collector
from exporter.collectors.conntrack import ConnectionTracking
from exporter.collectors.cpu import CPU
from exporter.collectors.cpufreq import CPUFrequency
from exporter.collectors.diskstats import DiskStatistics
from exporter.collectors.dmi import MachineInformation
from exporter.collectors.edac import MemoryErrors
from exporter.collectors.entropy import Entropy
from exporter.collectors.filefd import FileDescriptors
from exporter.collectors.filesystem import Filesystems
from exporter.collectors.hwmon import HardwareMonitors
from exporter.collectors.loadavg import LoadAverage
from exporter.collectors.mdadm import Arrays
from exporter.collectors.meminfo import Memory
from exporter.collectors.netclass import NetworkClass
from exporter.collectors.netdev import NetworkDevices
from exporter.collectors.netstat import NetworkStatistics
from exporter.collectors.nvme import NVMeDrives
from exporter.collectors.os_release import OperatingSystem
from exporter.collectors.powersupplyclass import PowerSupplies
from exporter.collectors.pressure import Pressure
from exporter.collectors.processes import Processes
from exporter.collectors.schedstat import SchedulerStatistics
from exporter.collectors.sockstat import SocketStatistics
from exporter.collectors.softnet import Softnet
from exporter.collectors.stat import Statistics
from exporter.collectors.textfile import TextFiles
from exporter.collectors.thermal_zone import ThermalZones
from exporter.collectors.time import Time
from exporter.collectors.timex import ClockDiscipline
from exporter.collectors.udp_queues import UDPQueues
from exporter.collectors.uname import Uname
from exporter.collectors.vmstat import VirtualMemory
from exporter.errors import PatternError, UnknownCollectorError
from exporter.roots import Roots
from exporter.settings import ExporterSettings
from model.clock import Clock

# A mount's deadline lies below the collector's, so that one hung mount costs one mount.
_MOUNT_DEADLINE_SHARE = 0.5

# Those that need nothing but the roots.
_FROM_ROOTS: tuple[Callable[[Roots], Collector], ...] = (
    AddressResolution,
    Bonding,
    ConnectionTracking,
    CPU,
    CPUFrequency,
    MachineInformation,
    MemoryErrors,
    Entropy,
    FileDescriptors,
    HardwareMonitors,
    LoadAverage,
    Arrays,
    Memory,
    NetworkStatistics,
    NVMeDrives,
    OperatingSystem,
    PowerSupplies,
    Pressure,
    Processes,
    SchedulerStatistics,
    SocketStatistics,
    Softnet,
    Statistics,
    ThermalZones,
    UDPQueues,
    Uname,
    VirtualMemory,
)


def build(settings: ExporterSettings, clock: Clock) -> list[Collector]:
    """Return the collectors to run, by name.

    Raises:
        UnknownCollectorError: a name switched on or off does not exist.
        PatternError: an exclusion is no regular expression.
    """
    collectors = {collector.name: collector for collector in _all(settings, clock)}
    for name in sorted(settings.collectors | settings.disabled):
        if name not in collectors:
            raise UnknownCollectorError(name)
    wanted = (settings.collectors or collectors.keys()) - settings.disabled
    return [collectors[name] for name in sorted(wanted)]


def _all(settings: ExporterSettings, clock: Clock) -> list[Collector]:
    roots, exclusions = settings.roots, settings.exclusions
    interfaces = _pattern(exclusions.interfaces)
    return [
        *(make(roots) for make in _FROM_ROOTS),
        ClockDiscipline(),
        DiskStatistics(roots, _pattern(exclusions.disks)),
        Filesystems(
            roots,
            _pattern(exclusions.mountpoints),
            _pattern(exclusions.fstypes),
            deadline_s=settings.collector_timeout_s * _MOUNT_DEADLINE_SHARE,
        ),
        InterfaceAddresses(interfaces),
        NetworkClass(roots, interfaces),
        NetworkDevices(roots, interfaces),
        TextFiles(settings.textfile_directory),
        Time(roots, clock),
    ]


def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as exc:
        raise PatternError(text, str(exc)) from exc
