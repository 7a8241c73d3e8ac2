"""The table of host checks: the measured value of each, and the texts of its alerts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from alerting.book.identities import check_identity
from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks import expressions
from alerting.checks.expressions import Expression
from model.labels import Labels

_FILESYSTEM = frozenset({"mountpoint"})
_CERTIFICATE = frozenset({"filename", "filepath", "secret_name", "subject_CN", "target"})


class Unit(StrEnum):
    """The unit of a check's values and thresholds, as people read it."""

    PERCENT = "%"
    PER_CORE = "per core"
    CELSIUS = "°C"
    SECONDS = "s"
    HOURS = "h"
    DAYS = "d"
    NONE = ""

    def written(self, value: float) -> str:
        """Return a value with its unit: `91 %`, `0.5 %`, `2.4 per core`."""
        digits = f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}".removesuffix(".0")
        return f"{digits} {self}".rstrip()


@dataclass(frozen=True, slots=True)
class CheckKind:
    """A kind of host check: the measured value, and the texts of its alerts.

    Attributes:
        check: the check.
        title: its name on pages.
        alert: the name of its alerts.
        summary: what an alert says, with `{host}`, `{part}`, `{value}` and `{count}`, the value
            as a whole number.
        expression: its PromQL, see `expressions`; None for `down`, which reads `up`.
        bounds: the PromQL of the value's bounds by name, read only for alerts.
        parts: the labels that tell the parts of a host apart that have alerts of their own.
        unit: the unit of values and thresholds.
        falling: the condition holds below the thresholds, not above.
        trips_above: for a check without thresholds: its condition holds above this value,
            and its alert lasts until the value is zero.
        always_there: a host that is up and stops reporting this has a fault. Without it,
            what is no longer reported is gone, as a filesystem that was unmounted.
        period_ms: how often it is evaluated at most; for what costs much and changes slowly.
    """

    check: CheckName
    title: str
    alert: str
    summary: str
    expression: Expression | None = None
    bounds: Callable[[HostCheckSettings, str], Mapping[str, str]] | None = None
    parts: frozenset[str] = frozenset()
    unit: Unit = Unit.PERCENT
    falling: bool = False
    trips_above: float | None = None
    always_there: bool = False
    period_ms: int = 60_000

    @property
    def most(self) -> float:
        """The highest threshold that makes sense."""
        return 100.0 if self.unit is Unit.PERCENT else 1e9

    @property
    def has_thresholds(self) -> bool:
        """Whether people choose thresholds of values."""
        return self.expression is not None and self.trips_above is None

    @property
    def sign(self) -> float:
        """A factor for values and thresholds: after it, the condition holds above."""
        return -1.0 if self.falling else 1.0

    def part(self, target: Labels) -> str:
        """Return the part of the host that an alert is about, "" for the whole host."""
        return " ".join(target.get(name) for name in sorted(self.parts) if target.get(name))

    def summary_of(self, target: Labels, host: str, value: float) -> str:
        """Return the summary of an alert whose condition holds.

        Args:
            target: the labels that tell the host and its part apart.
            host: the host's name.
            value: the value of the expression.
        """
        written, count = self.unit.written(value), f"{value:.0f}"
        return self.summary.format(host=host, part=self.part(target), value=written, count=count)


_ALL = (
    CheckKind(CheckName.DOWN, "Host down", "HostDown", "{host} is down", trips_above=0.0),
    CheckKind(
        CheckName.CPU,
        "CPU",
        "HostHighCpu",
        "CPU of {host} at {value}",
        expressions.cpu,
        always_there=True,
        # An average over minutes hardly changes in less.
        period_ms=30_000,
    ),
    CheckKind(
        CheckName.LOAD,
        "Load",
        "HostHighLoad",
        "Load of {host} is {value}",
        expressions.load,
        unit=Unit.PER_CORE,
    ),
    CheckKind(
        CheckName.MEMORY,
        "Memory",
        "HostHighMemory",
        "Memory of {host} at {value}",
        expressions.memory,
        always_there=True,
        period_ms=0,
    ),
    CheckKind(
        CheckName.SWAP, "Swap", "HostHighSwap", "Swap of {host} at {value}", expressions.swap
    ),
    CheckKind(
        CheckName.OOM,
        "Out of memory",
        "HostOutOfMemory",
        "{host} ran out of memory: the kernel killed {count} of its processes",
        expressions.oom,
        trips_above=0.0,
    ),
    CheckKind(
        CheckName.DISK,
        "Disk",
        "HostDiskFilling",
        "Disk {part} of {host} at {value}",
        expressions.disk,
        parts=_FILESYSTEM,
        period_ms=0,
    ),
    CheckKind(
        CheckName.DISK_FULL,
        "Disk forecast",
        "HostDiskFullSoon",
        "Disk {part} of {host} is full in {value}",
        expressions.disk_full,
        expressions.disk_full_bounds,
        parts=_FILESYSTEM,
        unit=Unit.HOURS,
        falling=True,
        period_ms=300_000,
    ),
    CheckKind(
        CheckName.INODES,
        "Inodes",
        "HostInodesFilling",
        "Inodes of {part} of {host} at {value}",
        expressions.inodes,
        parts=_FILESYSTEM,
    ),
    CheckKind(
        CheckName.READ_ONLY,
        "Read-only disk",
        "HostDiskReadOnly",
        "Disk {part} of {host} became read-only",
        expressions.read_only,
        parts=_FILESYSTEM,
        trips_above=1.0,
    ),
    CheckKind(
        CheckName.NETWORK,
        "Network errors",
        "HostNetworkErrors",
        "{value} of the packets of {part} of {host} are erroneous",
        expressions.network,
        parts=frozenset({"device"}),
    ),
    CheckKind(
        CheckName.TEMPERATURE,
        "Temperature",
        "HostHot",
        "Sensor {part} of {host} at {value}",
        expressions.temperature,
        parts=frozenset({"chip", "sensor"}),
        unit=Unit.CELSIUS,
    ),
    CheckKind(
        CheckName.CLOCK,
        "Clock",
        "HostClockOff",
        "The clock of {host} is {value} off",
        expressions.clock,
        unit=Unit.SECONDS,
    ),
    CheckKind(
        CheckName.UNITS,
        "Failed units",
        "HostUnitFailed",
        "{part} of {host} has failed",
        expressions.units,
        parts=frozenset({"name"}),
        trips_above=0.0,
    ),
    CheckKind(
        CheckName.COLLECTORS,
        "Collectors",
        "HostCollectorFails",
        "The exporter of {host} can no longer collect {part}",
        expressions.collectors,
        parts=frozenset({"collector"}),
        trips_above=1.0,
    ),
    CheckKind(
        CheckName.CERTIFICATES,
        "Certificates",
        "HostCertificateEnds",
        "Certificate {part} of {host} ends in {value}",
        expressions.certificates,
        parts=_CERTIFICATE,
        unit=Unit.DAYS,
        falling=True,
    ),
    CheckKind(
        CheckName.REBOOT,
        "Restarted",
        "HostRestarted",
        "{host} has restarted",
        expressions.reboot,
        trips_above=0.0,
    ),
)
KINDS: Mapping[CheckName, CheckKind] = MappingProxyType({kind.check: kind for kind in _ALL})
"""All host checks, in the order of pages and evaluation."""

KINDS_BY_RULE: Mapping[str, CheckKind] = MappingProxyType(
    {check_identity(kind.check): kind for kind in _ALL}
)
"""The same by the rule that an alert of the check names."""
