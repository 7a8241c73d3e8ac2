"""The list of all collectors, and their construction from the settings."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from exporter.collector_options import MISSING_COLLECTORS, PROBES, CollectorOptions
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
from exporter.errors import OptionError, UnknownCollectorError
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

# Collectors of what node_exporter does not report.
BEYOND: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "certificates": ("probes.certificates", "Certificates"),
        "nvidia": ("hardware.nvidia", "NvidiaCards"),
        "probes": ("probes.probes", "ServiceProbes"),
        "smart": ("hardware.smart", "SmartDisks"),
        "updates": ("system.updates", "PackageUpdates"),
        "ups": ("hardware.ups", "PowerBackups"),
        "containers": ("containers.containers", "Containers"),
        "processes_top": ("kernel.processes_top", "TopProcesses"),
    }
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
        "drm": ("hardware.drm", "GraphicsCards"),
        "ethtool": ("network.ethtool", "NetworkDrivers"),
        "logind": ("system.logind", "Sessions"),
        "lnstat": ("network.lnstat", "NetworkCaches"),
        "mountstats": ("filesystems.mountstats", "MountStatistics"),
        "network_route": ("network.network_route", "Routes"),
        "qdisc": ("network.qdisc", "QueueingDisciplines"),
        "systemd": ("system.systemd", "SystemdUnits"),
        "sysctl": ("kernel.sysctl", "KernelSettings"),
        "tcpstat": ("network.tcpstat", "TCPConnections"),
        "wifi": ("hardware.wifi", "WirelessInterfaces"),
        "xfrm": ("network.xfrm", "Transformations"),
        "zoneinfo": ("memory.zoneinfo", "MemoryZones"),
        "swap": ("memory.swap", "SwapDevices"),
        **BEYOND,
    }
)


# The arguments of collectors that are off by default, from their options.
_ARGUMENTS: Mapping[str, Callable[[CollectorOptions], Mapping[str, Any]]] = MappingProxyType(
    {
        "interrupts": lambda options: {
            "names": options.filter("interrupts.name"),
            "include_zeros": options.is_set("interrupts.include-zeros"),
        },
        "ethtool": lambda options: {
            "devices": options.filter("ethtool.device"),
            "metrics": NameFilter(options.text("ethtool.metrics-include")),
        },
        "certificates": lambda options: {
            "files": options.texts("certificates.file"),
            "endpoints": options.texts("certificates.endpoint"),
        },
        "probes": lambda options: {
            "targets": {kind: options.texts(f"probes.{kind}") for kind in PROBES}
        },
        "ups": lambda options: {"server": options.text("ups.server")},
        "processes_top": lambda options: {"identify": options.is_set("processes_top.identify")},
        "qdisc": lambda options: {"devices": options.filter("qdisc.device")},
        "sysctl": lambda options: {
            "include": options.texts("sysctl.include"),
            "include_info": options.texts("sysctl.include-info"),
        },
        "systemd": lambda options: {
            "units": options.both("systemd.unit"),
            "restarts": options.is_set("systemd.enable-restarts-metrics"),
            "start_times": options.is_set("systemd.enable-start-time-metrics"),
            "tasks": options.is_set("systemd.enable-task-metrics"),
        },
        "slabinfo": lambda options: {"slabs": options.filter("slabinfo.slabs")},
    }
)


def build(settings: ExporterSettings, clock: Clock) -> list[Collector]:
    """Return the enabled collectors, sorted by name.

    Raises:
        UnknownCollectorError: an enabled or disabled collector does not exist.
        PatternError: an option is not a regular expression.
        OptionError: two options contradict each other.
    """
    collectors = {collector.name: collector for collector in _all(settings, clock)}
    known = collectors.keys() | OPT_IN.keys()
    for name in sorted(settings.collectors | settings.enabled | settings.disabled):
        if name not in known:
            raise UnknownCollectorError(name, MISSING_COLLECTORS.get(name, ""))
    defaults = collectors.keys() if settings.defaults else frozenset[str]()
    disabled = set(settings.disabled)
    if not settings.options.is_set("netdev.address-info"):
        disabled.add(InterfaceAddresses.name)
    wanted = (settings.collectors or defaults | settings.enabled) - disabled
    return [
        collectors[name] if name in collectors else _opted_in(name, settings)
        for name in sorted(wanted)
    ]


def _opted_in(name: str, settings: ExporterSettings) -> Collector:
    module, maker = OPT_IN[name]
    make: Callable[..., Collector] = getattr(import_module(f"exporter.collectors.{module}"), maker)
    arguments = _ARGUMENTS[name](settings.options) if name in _ARGUMENTS else {}
    return make(settings.roots, **arguments)


def _all(settings: ExporterSettings, clock: Clock) -> list[Collector]:
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
