"""The list of all collectors, and their construction from the settings."""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from exporter.collectors.collector import Collector
from exporter.collectors.cpu.cpu import CPU
from exporter.collectors.cpu.cpufreq import CPUFrequency
from exporter.collectors.cpu.schedstat import SchedulerStatistics
from exporter.collectors.disks.bcache import Bcache
from exporter.collectors.disks.diskstats import DiskStatistics
from exporter.collectors.disks.filesystem import Filesystems
from exporter.collectors.disks.mdadm import RAIDArrays
from exporter.collectors.disks.nvme import NVMeDrives
from exporter.collectors.disks.tapestats import TapeDrives
from exporter.collectors.filesystems.bcachefs import Bcachefs
from exporter.collectors.filesystems.btrfs import Btrfs
from exporter.collectors.filesystems.nfs import NFSClient
from exporter.collectors.filesystems.nfsd import NFSServer
from exporter.collectors.filesystems.xfs import XFS
from exporter.collectors.filesystems.zfs import ZFS
from exporter.collectors.hardware.dmi import MachineInformation
from exporter.collectors.hardware.hwmon import HardwareMonitors
from exporter.collectors.hardware.powersupplyclass import PowerSupplies
from exporter.collectors.hardware.rapl import RunningAveragePower
from exporter.collectors.hardware.thermal_zone import ThermalZones
from exporter.collectors.hardware.watchdog import Watchdogs
from exporter.collectors.kernel.entropy import Entropy
from exporter.collectors.kernel.filefd import FileDescriptors
from exporter.collectors.kernel.hung_tasks import HungTasks
from exporter.collectors.kernel.loadavg import LoadAverage
from exporter.collectors.kernel.pressure import Pressure
from exporter.collectors.kernel.processes import Processes
from exporter.collectors.kernel.selinux import SELinux
from exporter.collectors.kernel.stat import KernelStatistics
from exporter.collectors.memory.edac import MemoryErrors
from exporter.collectors.memory.meminfo import Memory
from exporter.collectors.memory.vmstat import VirtualMemory
from exporter.collectors.network.addresses import InterfaceAddresses
from exporter.collectors.network.arp import ARPTable
from exporter.collectors.network.bonding import Bonding
from exporter.collectors.network.conntrack import ConnectionTracking
from exporter.collectors.network.fibrechannel import FibreChannel
from exporter.collectors.network.infiniband import InfiniBand
from exporter.collectors.network.ipvs import VirtualServers
from exporter.collectors.network.netclass import NetworkClass
from exporter.collectors.network.netdev import NetworkDevices
from exporter.collectors.network.netstat import NetworkStatistics
from exporter.collectors.network.sockstat import SocketStatistics
from exporter.collectors.network.softnet import Softnet
from exporter.collectors.network.udp_queues import UDPQueues
from exporter.collectors.system.os_release import OperatingSystem
from exporter.collectors.system.time import Time
from exporter.collectors.system.timex import ClockDiscipline
from exporter.collectors.system.uname import Uname
from exporter.collectors.textfile import TextFiles
from exporter.errors import PatternError, UnknownCollectorError
from exporter.roots import Roots
from exporter.settings import ExporterSettings
from model.clock import Clock

# A mount has less time than its collector, so that a mount that hangs loses its own series
# only.
_MOUNT_DEADLINE_SHARE = 0.5

# The collectors whose only argument is the roots.
_FROM_ROOTS: tuple[Callable[[Roots], Collector], ...] = (
    ARPTable,
    Bcache,
    TapeDrives,
    Bcachefs,
    Btrfs,
    NFSClient,
    NFSServer,
    XFS,
    ZFS,
    RunningAveragePower,
    Watchdogs,
    SELinux,
    FibreChannel,
    InfiniBand,
    VirtualServers,
    Bonding,
    ConnectionTracking,
    CPU,
    CPUFrequency,
    MachineInformation,
    MemoryErrors,
    Entropy,
    FileDescriptors,
    HardwareMonitors,
    HungTasks,
    LoadAverage,
    RAIDArrays,
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
    KernelStatistics,
    ThermalZones,
    UDPQueues,
    Uname,
    VirtualMemory,
)

# Collectors that are off by default, as in node_exporter, with module and class. They are
# imported where one is enabled only.
OPT_IN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "buddyinfo": ("memory.buddyinfo", "BuddyAllocator"),
        "cgroups": ("kernel.cgroups", "ControlGroups"),
        "cpu_vulnerabilities": ("cpu.vulnerabilities", "Vulnerabilities"),
        "interrupts": ("kernel.interrupts", "Interrupts"),
        "ksmd": ("memory.ksmd", "SamePageMerging"),
        "meminfo_numa": ("memory.meminfo_numa", "NodeMemory"),
        "slabinfo": ("memory.slabinfo", "Slabs"),
        "softirqs": ("kernel.interrupts", "SoftInterrupts"),
        "swap": ("memory.swap", "SwapDevices"),
    }
)


def build(settings: ExporterSettings, clock: Clock) -> list[Collector]:
    """Return the enabled collectors, sorted by name.

    Raises:
        UnknownCollectorError: an enabled or disabled collector does not exist.
        PatternError: an exclusion is not a regular expression.
    """
    collectors = {collector.name: collector for collector in _all(settings, clock)}
    known = collectors.keys() | OPT_IN.keys()
    for name in sorted(settings.collectors | settings.enabled | settings.disabled):
        if name not in known:
            raise UnknownCollectorError(name)
    defaults = collectors.keys() if settings.defaults else frozenset[str]()
    wanted = (settings.collectors or defaults | settings.enabled) - settings.disabled
    return [
        collectors[name] if name in collectors else _opted_in(name, settings.roots)
        for name in sorted(wanted)
    ]


def _opted_in(name: str, roots: Roots) -> Collector:
    module, maker = OPT_IN[name]
    make: Callable[[Roots], Collector] = getattr(
        import_module(f"exporter.collectors.{module}"), maker
    )
    return make(roots)


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
        TextFiles(*settings.textfile_directories),
        Time(roots, clock),
    ]


def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as exc:
        raise PatternError(text, str(exc)) from exc
