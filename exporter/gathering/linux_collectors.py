"""The collectors that run by default on Linux, and their construction from the settings."""

from collections.abc import Callable

from exporter.collector_options import CollectorOptions
from exporter.collectors.collector import Collector
from exporter.collectors.cpu.cpu import CPU
from exporter.collectors.cpu.cpu_info import CPUInformation
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
from exporter.collectors.network.ipvs import LABELS as BACKEND_LABELS
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
from exporter.errors import OptionError
from exporter.name_filter import NameFilter, compiled
from exporter.roots import Roots
from exporter.settings import ExporterSettings
from model.clock import Clock

# A mount has less time than its collector, so that a mount that hangs loses its own series
# only.
_MOUNT_DEADLINE_SHARE = 0.5

# The collectors whose only argument is the roots.
_FROM_ROOTS: tuple[Callable[[Roots], Collector], ...] = (
    Bcachefs,
    Btrfs,
    NFSClient,
    NFSServer,
    XFS,
    ZFS,
    Watchdogs,
    SELinux,
    FibreChannel,
    InfiniBand,
    Bonding,
    ConnectionTracking,
    CPUFrequency,
    MachineInformation,
    MemoryErrors,
    Entropy,
    FileDescriptors,
    HungTasks,
    LoadAverage,
    RAIDArrays,
    Memory,
    NVMeDrives,
    OperatingSystem,
    Pressure,
    Processes,
    SchedulerStatistics,
    SocketStatistics,
    Softnet,
    ThermalZones,
    UDPQueues,
    Uname,
)


def default_collectors(settings: ExporterSettings, clock: Clock) -> list[Collector]:
    """Return the collectors that run unless an option disables them.

    Raises:
        PatternError: an option is not a regular expression.
        OptionError: two options contradict each other.
    """
    roots, options = settings.roots, settings.options
    interfaces = options.filter("netdev.device")
    return [
        *(make(roots) for make in _FROM_ROOTS),
        ARPTable(roots, options.filter("arp.device")),
        Bcache(roots, priority_stats=options.is_set("bcache.priorityStats")),
        ClockDiscipline(),
        _cpu(roots, options),
        DiskStatistics(roots, options.filter("diskstats.device")),
        Filesystems(
            roots,
            options.filter("filesystem.mount-points"),
            options.filter("filesystem.fs-types"),
            deadline_s=settings.collector_timeout_s * _MOUNT_DEADLINE_SHARE,
        ),
        HardwareMonitors(roots, options.filter("hwmon.chip"), options.filter("hwmon.sensor")),
        InterfaceAddresses(interfaces),
        KernelStatistics(roots, softirq=options.is_set("stat.softirq")),
        NetworkClass(
            roots,
            options.ignoring("netclass.ignored-devices"),
            ignore_invalid_speed=options.is_set("netclass.ignore-invalid-speed"),
        ),
        NetworkDevices(roots, interfaces, label_ifalias=options.is_set("netdev.label-ifalias")),
        NetworkStatistics(roots, NameFilter(options.text("netstat.fields"))),
        PowerSupplies(roots, options.ignoring("powersupply.ignored-supplies")),
        RunningAveragePower(roots, zone_label=options.is_set("rapl.enable-zone-label")),
        TapeDrives(roots, options.ignoring("tapestats.ignored-devices")),
        TextFiles(*settings.textfile_directories),
        Time(roots, clock),
        VirtualMemory(roots, NameFilter(options.text("vmstat.fields"))),
        VirtualServers(roots, _backend_labels(options.text("ipvs.backend-labels"))),
    ]


def _cpu(roots: Roots, options: CollectorOptions) -> CPU:
    flags = compiled(options.text("cpu.info.flags-include"))
    bugs = compiled(options.text("cpu.info.bugs-include"))
    has_information = options.is_set("cpu.info") or flags or bugs
    return CPU(
        roots,
        guest=options.is_set("cpu.guest"),
        information=CPUInformation(roots, flags, bugs) if has_information else None,
    )


def _backend_labels(text: str) -> list[str]:
    labels = [label.strip() for label in text.split(",") if label.strip()]
    for label in labels:
        if label not in BACKEND_LABELS:
            raise OptionError(
                "--collector.ipvs.backend-labels",
                f"{label!r} is not one of {', '.join(BACKEND_LABELS)}",
            )
    return labels
