"""The collectors that the settings enable, of those that this system has."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from exporter.collector_options import MISSING_COLLECTORS, PROBES, CollectorOptions
from exporter.collectors.collector import Collector
from exporter.errors import UnknownCollectorError
from exporter.name_filter import NameFilter
from exporter.settings import ExporterSettings
from model.clock import Clock

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
    if sys.platform == "linux":
        from exporter.gathering.linux_collectors import default_collectors
    else:
        from exporter.gathering.portable_collectors import default_collectors
    collectors = {one.name: one for one in default_collectors(settings, clock)}
    known = collectors.keys() | OPT_IN.keys()
    for name in sorted(settings.collectors | settings.enabled | settings.disabled):
        if name not in known:
            raise UnknownCollectorError(name, MISSING_COLLECTORS.get(name, ""))
    defaults = collectors.keys() if settings.defaults else frozenset[str]()
    disabled = set(settings.disabled)
    if not settings.options.is_set("netdev.address-info"):
        disabled.add("addresses")
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
