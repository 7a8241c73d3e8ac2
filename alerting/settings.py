"""The `alerting` section of the configuration: host checks, receivers, rule files.

Durations are written in Prometheus's notation (`for: 5m`) and kept in milliseconds.
"""

from enum import StrEnum
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


class CheckName(StrEnum):
    """The host checks, by their keys in the configuration and in `CheckOverride.check`."""

    DOWN = "down"
    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"


class _Settings(BaseModel):
    # An error would quote its input, and the URL of a receiver may hold a token.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CheckSettings(_Settings):
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


class HostCheckSettings(_Settings):
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


class _ReceiverSettings(_Settings):
    """Settings that all receivers share.

    Attributes:
        name: the receiver's name in the route and in the delivery log.
        send_resolved: whether the receiver also gets resolved notifications.
        severities: the severities of the alerts to send; an alert with another severity,
            or none, is always sent.
    """

    name: str = Field(min_length=1)
    send_resolved: bool = True
    severities: frozenset[Severity] = frozenset(Severity)


class LogReceiverSettings(_ReceiverSettings):
    """A receiver that writes to the server's log."""

    type: Literal["log"] = "log"


class WebhookReceiverSettings(_ReceiverSettings):
    """A receiver that POSTs Alertmanager's webhook body to a URL."""

    type: Literal["webhook"] = "webhook"
    url: Annotated[SecretStr, AfterValidator(_http_url)]


class AppriseReceiverSettings(_ReceiverSettings):
    """A receiver that sends through Apprise: `discord://…`, `tgram://…`, `mailto://…`."""

    type: Literal["apprise"] = "apprise"
    url: SecretStr


ReceiverSettings = Annotated[
    LogReceiverSettings | WebhookReceiverSettings | AppriseReceiverSettings,
    Field(discriminator="type"),
]


class DeliverySettings(_Settings):
    """Timeout and retries of deliveries.

    Attributes:
        timeout_ms: how long one attempt may take.
        retry_min_ms: the wait after the first failure; each further failure doubles it.
        retry_max_ms: the longest wait.
        give_up_after_ms: the age at which a notification is abandoned.
    """

    timeout_ms: PositiveDurationMs = Field(default=10_000, alias="timeout")
    retry_min_ms: PositiveDurationMs = Field(default=5_000, alias="retry_min")
    retry_max_ms: PositiveDurationMs = Field(default=300_000, alias="retry_max")
    give_up_after_ms: PositiveDurationMs = Field(default=86_400_000, alias="give_up_after")


class RuleLimitSettings(_Settings):
    """The limits of all rules; a group may have a smaller `limit` of its own.

    Attributes:
        series_per_rule: the most series that an expression may return.
        alerts_per_rule: the most alerts of one rule.
        alerts: the most open alerts in all; host checks and the checks of the server count,
            and are never refused.
    """

    series_per_rule: int = Field(default=200_000, ge=1)
    alerts_per_rule: int = Field(default=10_000, ge=1)
    alerts: int = Field(default=50_000, ge=1)


class HeartbeatSettings(_Settings):
    """The dead man's switch: a URL that is called while the alarm works.

    Attributes:
        url: called at each interval; the service behind it alerts when the calls stop.
        interval_ms: `interval`.
        method: GET, POST or HEAD.
        timeout_ms: how long one call may take.
    """

    url: Annotated[SecretStr, AfterValidator(_http_url)]
    interval_ms: Annotated[DurationMs, Field(ge=1000)] = Field(default=60_000, alias="interval")
    method: Literal["GET", "POST", "HEAD"] = "GET"
    timeout_ms: PositiveDurationMs = Field(default=10_000, alias="timeout")


class AlertingSettings(_Settings):
    """The `alerting` section.

    Attributes:
        evaluation_interval_ms: how often host checks, and groups without an interval of
            their own, are evaluated.
        start_delay_ms: how long after the start the rules of rule files are first
            evaluated. It must exceed the longest scrape interval: before a target's
            first scrape its missing series would look like recovery.
        rule_files: Prometheus rule files: glob patterns relative to the configuration.
        external_url: this server's URL for people, used in links.
        receivers: where notifications can be sent.
        route: names of the receivers that get notifications, None for all.
        limits: the limits of all rules.
        heartbeat: the dead man's switch, None for none.
        history_ms: alerts are deleted so long after they ended.
    """

    evaluation_interval_ms: PositiveDurationMs = Field(default=15_000, alias="evaluation_interval")
    start_delay_ms: DurationMs = Field(default=60_000, alias="start_delay")
    rule_files: tuple[str, ...] = ()
    external_url: str = ""
    checks: HostCheckSettings = HostCheckSettings()
    receivers: tuple[ReceiverSettings, ...] = (LogReceiverSettings(name="log"),)
    route: tuple[str, ...] | None = None
    delivery: DeliverySettings = DeliverySettings()
    limits: RuleLimitSettings = RuleLimitSettings()
    heartbeat: HeartbeatSettings | None = None
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
        """The receivers that get notifications."""
        return tuple(
            receiver
            for receiver in self.receivers
            if self.route is None or receiver.name in self.route
        )
