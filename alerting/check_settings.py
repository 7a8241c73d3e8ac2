"""The `alerting.checks` section of the configuration: host checks, checks of the server.

Durations are written in Prometheus's notation (`for: 5m`) and kept in milliseconds.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from model.matchers import compile_pattern
from model.quantities import DurationMs, PositiveDurationMs


def _pattern(pattern: str) -> str:
    compile_pattern(pattern)
    return pattern


Pattern = Annotated[str, AfterValidator(_pattern)]
"""An RE2 expression, anchored at both ends."""
Percent = Annotated[float, Field(ge=0, le=100)]


class CheckName(StrEnum):
    """The host checks, by their keys in the configuration and in `CheckOverride.check`."""

    DOWN = "down"
    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"


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


class UsageSettings(CheckSettings):
    """Settings of a check that compares a usage, in percent, with thresholds.

    Attributes:
        warning, critical: the alert's condition holds above this; None for no such alert.
        recovery: the warning ends below this. The critical alert ends as far below
            `critical` as this is below `warning`.
    """

    warning: Percent | None = 85.0
    critical: Percent | None = 95.0
    recovery: Percent = 80.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        thresholds = [value for value in (self.warning, self.critical) if value is not None]
        if not thresholds and self.enabled:
            raise ValueError("give warning or critical, or set enabled: false")
        if sorted([self.recovery, *thresholds]) != [self.recovery, *thresholds]:
            raise ValueError("recovery must not be above warning, nor warning above critical")
        return self


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


class ServerCheckSettings(CheckSettings):
    """Settings of the check of the server itself, which raises an alert for each condition.

    The alert keeps firing for a minute, so that a disk on the verge of full sends one
    notification, not one for each commit.
    """

    for_ms: DurationMs = Field(default=0, alias="for")
    keep_firing_for_ms: DurationMs = Field(default=60_000, alias="keep_firing_for")


class SelfCheckName(StrEnum):
    """The checks of the server itself, by their keys in the configuration."""

    EVALUATION = "evaluation"
    LOOP = "loop"


class LagSettings(CheckSettings):
    """Settings of a check of the server itself: how late it may be.

    Attributes:
        warning_ms, critical_ms: `warning` and `critical`; the alert's condition holds above
            this lag. None for no such alert.
    """

    for_ms: DurationMs = Field(default=0, alias="for")
    keep_firing_for_ms: DurationMs = Field(default=60_000, alias="keep_firing_for")
    warning_ms: PositiveDurationMs | None = Field(default=30_000, alias="warning")
    critical_ms: PositiveDurationMs | None = Field(default=120_000, alias="critical")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        thresholds = [value for value in (self.warning_ms, self.critical_ms) if value is not None]
        if not thresholds and self.enabled:
            raise ValueError("give warning or critical, or set enabled: false")
        if thresholds != sorted(thresholds):
            raise ValueError("warning must not be above critical")
        return self


class LoopLagSettings(LagSettings):
    """Settings of the check that the event loop runs."""

    warning_ms: PositiveDurationMs | None = Field(default=5_000, alias="warning")
    critical_ms: PositiveDurationMs | None = Field(default=30_000, alias="critical")


class HostCheckSettings(AlertingSection):
    """The host checks and their defaults, and the checks of the server itself.

    Attributes:
        server: an alert for each condition that degrades the server. No host has an
            override for it, nor for `evaluation` and `loop`.
        evaluation: host checks and rules are evaluated on time.
        loop: the event loop, which does everything else, runs.
        no_data_for_ms: an alert becomes *no data* when its check has had no data for so
            long while the host is up.
        no_data_limit_ms: an alert that has fired is resolved after so long without data.
    """

    down: DownSettings = DownSettings()
    cpu: CpuSettings = CpuSettings()
    memory: MemorySettings = MemorySettings()
    disk: DiskSettings = DiskSettings()
    server: ServerCheckSettings = ServerCheckSettings()
    evaluation: LagSettings = LagSettings()
    loop: LoopLagSettings = LoopLagSettings()
    no_data_for_ms: DurationMs = Field(default=300_000, alias="no_data_for")
    no_data_limit_ms: DurationMs = Field(default=86_400_000, alias="no_data_limit")
