"""The settings of each host check in `alerting.checks`.

Durations are written in Prometheus's notation (`for: 5m`) and kept in milliseconds.
"""

from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from model.matchers import compile_pattern
from model.quantities import DurationMs, PositiveDurationMs
from storage.api.alerts import Severity


def _pattern(pattern: str) -> str:
    compile_pattern(pattern)
    return pattern


Pattern = Annotated[str, AfterValidator(_pattern)]
"""An RE2 expression, anchored at both ends."""
Percent = Annotated[float, Field(ge=0, le=100)]
NotNegative = Annotated[float, Field(ge=0, le=1e9)]


class AlertingSection(BaseModel):
    """A section of the configuration; unknown keys are errors."""

    # An error would quote its input, and the URL of a receiver may hold a token.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CheckSettings(AlertingSection):
    """Settings that all host checks share.

    Attributes:
        enabled: False switches the check off for all hosts.
        for_ms: `for`, how long the condition must hold before the alert fires.
        keep_firing_for_ms: `keep_firing_for`, how long the alert keeps firing after the
            host has recovered.
    """

    enabled: bool = True
    for_ms: DurationMs = Field(default=300_000, alias="for")
    keep_firing_for_ms: DurationMs = Field(default=0, alias="keep_firing_for")


class DownSettings(CheckSettings):
    """Settings of the check that a host can be scraped; its alert is critical."""

    for_ms: DurationMs = Field(default=60_000, alias="for")


class ThresholdSettings(CheckSettings):
    """Settings of a check that compares a value with thresholds.

    Attributes:
        falling: the alert's condition holds below the thresholds, not above.
        warning, critical: the thresholds; None for no such alert.
        recovery: the warning ends on the other side of this. The critical alert ends as far
            from `critical` as this is from `warning`.
    """

    falling: ClassVar[bool] = False
    warning: NotNegative | None
    critical: NotNegative | None
    recovery: NotNegative

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        self.require_order()
        return self

    def require_order(self) -> None:
        """Raise ValueError unless there is a threshold and the recovery lies before it."""
        thresholds = [value for value in (self.warning, self.critical) if value is not None]
        if not thresholds and self.enabled:
            raise ValueError("give warning or critical, or set enabled: false")
        ordered = [self.recovery, *thresholds]
        if ordered != sorted(ordered, reverse=self.falling):
            side = "below" if self.falling else "above"
            raise ValueError(f"recovery must not be {side} warning, nor warning {side} critical")


class UsageSettings(ThresholdSettings):
    """Settings of a check that compares a share, in percent, with thresholds."""

    warning: Percent | None = 85.0
    critical: Percent | None = 95.0
    recovery: Percent = 80.0


class EventSettings(CheckSettings):
    """Settings of a check of something that is wrong or not, without a threshold.

    Attributes:
        severity: the severity of its alert.
    """

    severity: Severity = Severity.WARNING


class CpuSettings(UsageSettings):
    """Settings of the CPU check: time neither idle nor in I/O wait, averaged over `window`."""

    window_ms: PositiveDurationMs = Field(default=300_000, alias="window")


class MemorySettings(UsageSettings):
    """Settings of the memory check: memory that is not available to new programs."""


class DiskSettings(UsageSettings):
    """Settings of the disk check: used space of each filesystem.

    Attributes:
        ignored_fstypes: filesystem types to leave out: pseudo filesystems, and read-only
            ones, which are always full.
        ignored_mountpoints: mount points to leave out.
    """

    ignored_fstypes: Pattern = (
        "autofs|bpf|cgroup2?|configfs|cramfs|debugfs|devfs|devpts|devtmpfs|efivarfs|erofs|fdescfs"
        "|fuse\\.(lxcfs|portal|gvfsd-fuse|snapfuse)|fusectl|hugetlbfs|iso9660|linprocfs|mqueue"
        "|nsfs|overlay|proc|procfs|pstore|ramfs|rootfs|rpc_pipefs|securityfs|selinuxfs|squashfs"
        "|sysfs|tmpfs|tracefs|udf"
    )
    ignored_mountpoints: Pattern = "/(dev|proc|run|sys|var/lib/(docker|containers|kubelet))(/.*)?"


class SwapSettings(UsageSettings):
    """Settings of the swap check: used share of the swap space."""

    for_ms: DurationMs = Field(default=900_000, alias="for")
    recovery: Percent = 75.0


class InodeSettings(UsageSettings):
    """Settings of the check of inodes: used share of those of each filesystem of `disk`."""


class NetworkSettings(UsageSettings):
    """Settings of the network check: erroneous packets of each interface, in percent."""

    for_ms: DurationMs = Field(default=900_000, alias="for")
    warning: Percent | None = 1.0
    critical: Percent | None = 10.0
    recovery: Percent = 0.5


class LoadSettings(ThresholdSettings):
    """Settings of the load check: the load average of five minutes, per core."""

    for_ms: DurationMs = Field(default=900_000, alias="for")
    warning: NotNegative | None = 2.0
    critical: NotNegative | None = 5.0
    recovery: NotNegative = 1.5


class TemperatureSettings(ThresholdSettings):
    """Settings of the temperature check: each sensor, in degrees Celsius."""

    warning: NotNegative | None = 85.0
    critical: NotNegative | None = 95.0
    recovery: NotNegative = 80.0


class ClockSettings(ThresholdSettings):
    """Settings of the clock check: seconds between the host's clock and this server's."""

    for_ms: DurationMs = Field(default=120_000, alias="for")
    warning: NotNegative | None = 5.0
    critical: NotNegative | None = 60.0
    recovery: NotNegative = 3.0


class DiskFullSettings(ThresholdSettings):
    """Settings of the forecast of each filesystem: the hours until it is full.

    Attributes:
        trend_ms: `trend`, the time whose straight line is drawn on.
        least_used: a filesystem is left out while less than this is used, in percent.
    """

    falling: ClassVar[bool] = True
    for_ms: DurationMs = Field(default=1_800_000, alias="for")
    warning: NotNegative | None = 24.0
    critical: NotNegative | None = 4.0
    recovery: NotNegative = 36.0
    trend_ms: PositiveDurationMs = Field(default=21_600_000, alias="trend")
    least_used: Percent = 60.0


class CertificateSettings(ThresholdSettings):
    """Settings of the check of certificates: the days until each ends."""

    falling: ClassVar[bool] = True
    for_ms: DurationMs = Field(default=60_000, alias="for")
    warning: NotNegative | None = 21.0
    critical: NotNegative | None = 7.0
    recovery: NotNegative = 22.0


class ReadOnlySettings(EventSettings):
    """Settings of the check of filesystems of `disk` that became read-only."""

    for_ms: DurationMs = Field(default=60_000, alias="for")
    severity: Severity = Severity.CRITICAL


class UnitSettings(EventSettings):
    """Settings of the check of systemd's failed units.

    Attributes:
        ignored: units to leave out.
    """

    for_ms: DurationMs = Field(default=60_000, alias="for")
    ignored: Pattern = ""


class OomSettings(EventSettings):
    """Settings of the check of processes that the kernel killed for want of memory.

    Attributes:
        window_ms: `window`, how long a kill is an alert.
    """

    for_ms: DurationMs = Field(default=0, alias="for")
    window_ms: PositiveDurationMs = Field(default=600_000, alias="window")


class CollectorSettings(EventSettings):
    """Settings of the check of collectors of the exporter that fail and did work before."""

    for_ms: DurationMs = Field(default=900_000, alias="for")


class RebootSettings(EventSettings):
    """Settings of the check that a host has restarted; it is off by default.

    Attributes:
        within_ms: `within`, how long after its start a host counts as restarted.
    """

    enabled: bool = False
    for_ms: DurationMs = Field(default=0, alias="for")
    within_ms: PositiveDurationMs = Field(default=600_000, alias="within")
