"""Alerting as configured: host checks, receivers, rule files and their defaults.

Durations are written in Prometheus's notation (`for: 5m`) and held in milliseconds.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from model.matchers import compile_pattern
from model.quantities import DurationMs, PositiveDurationMs
from storage.api.alerts import Severity


def _pattern(pattern: str) -> str:
    compile_pattern(pattern)
    return pattern


def _http_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url


Pattern = Annotated[str, AfterValidator(_pattern)]
"""An RE2 expression, anchored at both ends."""
Percent = Annotated[float, Field(ge=0, le=100)]


class _Settings(BaseModel):
    # Input is hidden because an error would show the URL it is about, token and all.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CheckSettings(_Settings):
    """What every host check has.

    Attributes:
        enabled: False switches the check off for all hosts.
        for_ms: `for`, how long the condition must hold before the alert fires.
        keep_firing_for_ms: `keep_firing_for`, how long it fires on after recovery.
    """

    enabled: bool = True
    for_ms: DurationMs = Field(default=300_000, alias="for")
    keep_firing_for_ms: DurationMs = Field(default=0, alias="keep_firing_for")


class DownSettings(CheckSettings):
    """The host cannot be scraped; critical."""

    for_ms: DurationMs = Field(default=60_000, alias="for")


class UsageSettings(CheckSettings):
    """A usage in percent.

    Attributes:
        warning, critical: the alert's condition is a usage above this; None is none.
        recovery: the warning is over below this. The critical alert recovers as far
            below `critical` as this is below `warning`.
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
    """CPU time that is neither idle nor waiting for I/O, averaged over `window`."""

    window_ms: PositiveDurationMs = Field(default=300_000, alias="window")


class MemorySettings(UsageSettings):
    """Memory that is not available to new programs."""


class DiskSettings(UsageSettings):
    """Space used of each filesystem.

    Attributes:
        ignored_fstypes: types that are no disk, or always full because read-only.
        ignored_mountpoints: filesystems left out by where they are mounted.
    """

    ignored_fstypes: Pattern = (
        "autofs|bpf|cgroup2?|configfs|cramfs|debugfs|devfs|devpts|devtmpfs|efivarfs|erofs|fdescfs"
        "|fuse\\.(lxcfs|portal|gvfsd-fuse|snapfuse)|fusectl|hugetlbfs|iso9660|linprocfs|mqueue"
        "|nsfs|overlay|proc|procfs|pstore|ramfs|rootfs|rpc_pipefs|securityfs|selinuxfs|squashfs"
        "|sysfs|tmpfs|tracefs|udf"
    )
    ignored_mountpoints: Pattern = "/(dev|proc|run|sys|var/lib/(docker|containers|kubelet))(/.*)?"


class HostCheckSettings(_Settings):
    """The checks that every host gets.

    Attributes:
        no_data_for_ms: how long a check may be without data while its host is up
            before its alert becomes *no data*.
        no_data_limit_ms: after so long without data a fired alert is resolved.
    """

    down: DownSettings = DownSettings()
    cpu: CpuSettings = CpuSettings()
    memory: MemorySettings = MemorySettings()
    disk: DiskSettings = DiskSettings()
    no_data_for_ms: DurationMs = Field(default=300_000, alias="no_data_for")
    no_data_limit_ms: DurationMs = Field(default=86_400_000, alias="no_data_limit")


class _Receiver(_Settings):
    """Somebody to tell.

    Attributes:
        name: how routes and the delivery log call it.
        send_resolved: whether it is told of recoveries too.
        severities: which alerts it is told of; those without a severity go to all.
    """

    name: str = Field(min_length=1)
    send_resolved: bool = True
    severities: frozenset[Severity] = frozenset(Severity)


class LogReceiver(_Receiver):
    """Writes to the server's log."""

    type: Literal["log"] = "log"


class WebhookReceiver(_Receiver):
    """POSTs Alertmanager's webhook document."""

    type: Literal["webhook"] = "webhook"
    url: Annotated[SecretStr, AfterValidator(_http_url)]


class AppriseReceiver(_Receiver):
    """Any service that Apprise knows: `discord://…`, `tgram://…`, `mailto://…`."""

    type: Literal["apprise"] = "apprise"
    url: SecretStr


ReceiverSettings = Annotated[
    LogReceiver | WebhookReceiver | AppriseReceiver, Field(discriminator="type")
]


class DeliverySettings(_Settings):
    """How hard delivery is tried.

    Attributes:
        timeout_ms: how long one attempt may take.
        retry_min_ms, retry_max_ms: the wait after the first failure, doubled with
            each further one up to the latter.
        give_up_after_ms: the age at which a notification is abandoned.
    """

    timeout_ms: PositiveDurationMs = Field(default=10_000, alias="timeout")
    retry_min_ms: PositiveDurationMs = Field(default=5_000, alias="retry_min")
    retry_max_ms: PositiveDurationMs = Field(default=300_000, alias="retry_max")
    give_up_after_ms: PositiveDurationMs = Field(default=86_400_000, alias="give_up_after")


class AlertingSettings(_Settings):
    """Everything about alerting that configuration decides.

    Attributes:
        evaluation_interval_ms: how often host checks, and groups of rule files that
            say nothing else, are evaluated.
        start_delay_ms: rules of rule files are first evaluated so long after the
            start. Above the longest scrape interval, so that each target has been
            scraped before a rule may take its absence for recovery.
        rule_files: Prometheus rule files, glob patterns relative to the configuration.
        external_url: where receivers reach this server, for links.
        receivers: whom to tell; all are told of every alert unless `route` says which.
        route: names of the receivers told by default, None for all.
        history_ms: ended alerts are forgotten after this time.
    """

    evaluation_interval_ms: PositiveDurationMs = Field(default=15_000, alias="evaluation_interval")
    start_delay_ms: DurationMs = Field(default=60_000, alias="start_delay")
    rule_files: tuple[str, ...] = ()
    external_url: str = ""
    checks: HostCheckSettings = HostCheckSettings()
    receivers: tuple[ReceiverSettings, ...] = (LogReceiver(name="log"),)
    route: tuple[str, ...] | None = None
    delivery: DeliverySettings = DeliverySettings()
    history_ms: PositiveDurationMs = Field(default=2 * 365 * 86_400_000, alias="history")

    @model_validator(mode="after")
    def _known_receivers(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"receivers: the name {name!r} is used twice")
        for name in self.route or ():
            if name not in names:
                raise ValueError(f"route: no receiver {name!r}")
        return self

    @property
    def routed(self) -> tuple[ReceiverSettings, ...]:
        """The receivers that are told of alerts."""
        return tuple(
            receiver
            for receiver in self.receivers
            if self.route is None or receiver.name in self.route
        )
