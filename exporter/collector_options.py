"""node_exporter's options of single collectors: `--collector.arp.device-include` and the like.

The command line declares them from the table here, and the catalogue of collectors reads them
by their names. The module imports nothing heavy: `redshank --help` loads it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Union

from exporter.errors import OptionError
from exporter.name_filter import NameFilter

Value = Union[str, bool, tuple[str, ...]]
"""The type of an option's default is that of its value; a tuple is repeatable."""


class CollectorOption(NamedTuple):
    """One option.

    Attributes:
        name: what follows `--collector.`.
        default: its value where the command line lacks it, as in node_exporter.
        documentation: its line of `--help`.
    """

    name: str
    default: Value
    documentation: str

    @property
    def flag(self) -> str:
        """The option as the command line has it."""
        return f"--collector.{self.name}"


def _names(prefix: str, noun: str, exclude: str = "") -> tuple[CollectorOption, ...]:
    return (
        CollectorOption(f"{prefix}-include", "", f"Regular expression of {noun} to include."),
        CollectorOption(f"{prefix}-exclude", exclude, f"Regular expression of {noun} to exclude."),
    )


def _on(name: str, documentation: str) -> CollectorOption:
    return CollectorOption(name, default=True, documentation=documentation)


def _off(name: str, documentation: str) -> CollectorOption:
    return CollectorOption(name, default=False, documentation=documentation)


MOUNT_POINTS = (
    r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
)
FILESYSTEM_TYPES = (
    r"^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|erofs|fusectl"
    r"|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs"
    r"|selinuxfs|squashfs|sysfs|tracefs)$"
)
DISKS = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"
UNITS = r".+\.(automount|device|mount|scope|slice)"
NETSTAT_FIELDS = (
    r"^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
    r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)"
    r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$"
)
VMSTAT_FIELDS = r"^(oom_kill|pgpg|pswp|pg.*fault).*"
IPVS_LABELS = "local_address,local_port,remote_address,remote_port,proto,local_mark"
_NETLINK = "Without effect: /proc and /sys have the same numbers."

PROBES: Mapping[str, str] = MappingProxyType(
    {"http": "a URL", "tcp": "HOST:PORT", "dns": "NAME@SERVER", "icmp": "a host"}
)
"""The kinds of probes, with the form of their targets."""

OPTIONS: Sequence[CollectorOption] = (
    *_names("arp.device", "devices"),
    _on("arp.netlink", _NETLINK),
    _off("bcache.priorityStats", "Report how full caches are; costly."),
    _on("cpu.guest", "Report node_cpu_guest_seconds_total."),
    _off("cpu.info", "Report node_cpu_info."),
    CollectorOption("cpu.info.bugs-include", "", "Report these bugs of CPUs; implies cpu.info."),
    CollectorOption("cpu.info.flags-include", "", "Report these flags of CPUs; implies cpu.info."),
    CollectorOption(
        "certificates.endpoint", (), "TLS server whose certificate to read: HOST:PORT."
    ),
    CollectorOption("certificates.file", (), "Certificate to read: a path, or a pattern."),
    *_names("diskstats.device", "block devices", DISKS),
    *_names("ethtool.device", "interfaces"),
    CollectorOption("ethtool.metrics-include", ".*", "Regular expression of statistics."),
    *_names("filesystem.fs-types", "file system types", FILESYSTEM_TYPES),
    *_names("filesystem.mount-points", "mount points", MOUNT_POINTS),
    *_names("hwmon.chip", "chips"),
    *_names("hwmon.sensor", "sensors, as CHIP;SENSOR"),
    *_names("interrupts.name", "interrupts, as TYPE;INFO;DEVICES"),
    _on("interrupts.include-zeros", "Report interrupts that never occurred."),
    CollectorOption("ipvs.backend-labels", IPVS_LABELS, "Labels of backends, with commas."),
    CollectorOption(
        "netclass.ignored-devices", "^$", "Regular expression of interfaces to leave out."
    ),
    _on("netclass.ignore-invalid-speed", "Leave out a speed that is not known."),
    _off("netclass.netlink", _NETLINK),
    _on("netdev.address-info", "Report the addresses of interfaces."),
    *_names("netdev.device", "interfaces, for netdev and addresses"),
    _off("netdev.label-ifalias", "Add the label ifalias."),
    _on("netdev.netlink", _NETLINK),
    CollectorOption("netstat.fields", NETSTAT_FIELDS, "Regular expression of counters."),
    CollectorOption(
        "powersupply.ignored-supplies", "^$", "Regular expression of supplies to leave out."
    ),
    _off("processes_top.identify", "Add the labels name, user and pid: series come and go."),
    *(
        CollectorOption(f"probes.{kind}", (), f"Target to probe: {form}.")
        for kind, form in PROBES.items()
    ),
    *_names("qdisc.device", "interfaces"),
    _off("rapl.enable-zone-label", "Report one metric with a label rapl_zone."),
    *_names("slabinfo.slabs", "caches"),
    _off("stat.softirq", "Report node_softirqs_total by vector."),
    CollectorOption("sysctl.include", (), "Setting to report as numbers: NAME or NAME:KEY,KEY."),
    CollectorOption("sysctl.include-info", (), "Setting to report as the text of a label."),
    *_names("systemd.unit", "units, matched as a whole", UNITS),
    _off("systemd.enable-restarts-metrics", "Report restarts of services."),
    _off("systemd.enable-start-time-metrics", "Report start times of units."),
    _off("systemd.enable-task-metrics", "Report tasks of services."),
    CollectorOption(
        "tapestats.ignored-devices", "^$", "Regular expression of drives to leave out."
    ),
    CollectorOption("ups.server", "127.0.0.1", "NUT server: HOST or HOST:PORT."),
    CollectorOption("vmstat.fields", VMSTAT_FIELDS, "Regular expression of fields."),
)

MISSING_COLLECTORS: Mapping[str, str] = MappingProxyType(
    {
        "drbd": "it is off by default in node_exporter; read /proc/drbd with a text file",
        "ntp": "node_exporter deprecates it; `timex` reports the state of the clock",
        "pcidevice": "it is an inventory of PCI devices, which no rule or dashboard measures",
        "perf": "hardware counters need CAP_PERFMON, which the exporter runs without",
        "runit": "node_exporter deprecates it",
        "supervisord": "node_exporter deprecates it",
    }
)
"""Collectors of node_exporter that this exporter lacks, with the reason."""

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        **{f"{name}.": reason for name, reason in MISSING_COLLECTORS.items()},
        "netclass_rtnl.with-stats": "the collector reads /sys; netdev has the statistics",
        "netdev.enable-detailed-metrics": "it gives metrics other names than dashboards query",
        "qdisc.fixtures": "it is for node_exporter's own tests",
        "wifi.fixtures": "it is for node_exporter's own tests",
    }
)
"""The beginnings of options of node_exporter that cannot be honoured, with the reason."""

_DEFAULTS: Mapping[str, Value] = MappingProxyType({one.name: one.default for one in OPTIONS})


class CollectorOptions:
    """The options of all collectors.

    Args:
        given: values by option name, of those that the command line has.

    Raises:
        KeyError: there is no such option.
    """

    def __init__(self, given: Mapping[str, Value] = MappingProxyType({})) -> None:
        for name in given:
            _DEFAULTS[name]
        self._given = dict(given)

    def is_set(self, name: str) -> bool:
        """Report whether an option that takes no value is on."""
        return bool(self._given.get(name, _DEFAULTS[name]))

    def text(self, name: str) -> str:
        """Return the value of an option."""
        return str(self._given.get(name, _DEFAULTS[name]))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of a repeatable option."""
        values = self._given.get(name, _DEFAULTS[name])
        return values if isinstance(values, tuple) else (str(values),)

    def filter(self, prefix: str) -> NameFilter:
        """Return the filter of `prefix-include` and `prefix-exclude`.

        An include pattern replaces the default exclude pattern.

        Raises:
            OptionError: the command line has both.
            PatternError: one is not a regular expression.
        """
        include, exclude = f"{prefix}-include", f"{prefix}-exclude"
        if not self._given.get(include):
            return NameFilter(exclude=self.text(exclude))
        if self._given.get(exclude):
            raise OptionError(
                f"--collector.{exclude}", f"it excludes --collector.{include}; use one of them"
            )
        return NameFilter(include=self.text(include))

    def both(self, prefix: str) -> NameFilter:
        """Return the filter of two patterns that apply together and to whole names.

        Raises:
            PatternError: one is not a regular expression.
        """
        return NameFilter(
            _whole(self.text(f"{prefix}-include")), _whole(self.text(f"{prefix}-exclude"))
        )

    def ignoring(self, name: str) -> NameFilter:
        """Return the filter that refuses the names that an option's pattern matches.

        Raises:
            PatternError: it is not a regular expression.
        """
        return NameFilter(exclude=self.text(name))


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$" if pattern else ""
