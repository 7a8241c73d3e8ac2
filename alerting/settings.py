"""The `alerting` section of the configuration: receivers, delivery, rule files, limits.

Durations are written in Prometheus's notation (`for: 5m`) and kept in milliseconds.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from alerting.check_settings import HostCheckSettings
from alerting.host_check_settings import AlertingSection
from model.quantities import DurationMs, PositiveDurationMs
from storage.api.alerts import Severity


def _http_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url


class _ReceiverSettings(AlertingSection):
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


class DeliverySettings(AlertingSection):
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


class RuleLimitSettings(AlertingSection):
    """The limits of all rules; a group may have a smaller `limit` of its own.

    Attributes:
        series_per_rule: the most series that an expression may return.
        alerts_per_rule: the most alerts of one rule.
        alerts: the most open alerts in all; host checks and the checks of the server count,
            and are never refused.
        ended_alerts: the most ended alerts that the history keeps; the oldest are deleted.
    """

    series_per_rule: int = Field(default=200_000, ge=1)
    alerts_per_rule: int = Field(default=10_000, ge=1)
    alerts: int = Field(default=50_000, ge=1)
    ended_alerts: int = Field(default=500_000, ge=1000)


class FlappingSettings(AlertingSection):
    """When an alert flaps: it is sent once more, and then ends only after a calm time.

    Attributes:
        fires: so many alerts of the same labels within `within` flap; 0 switches it off.
        within_ms: `within`.
        calm_ms: `calm`, how long the condition of a flapping alert must not hold.
        rules: whether the alerts of rule files flap too; Prometheus knows no flapping.
    """

    fires: Annotated[int, Field(ge=0, le=1000)] = 5
    within_ms: PositiveDurationMs = Field(default=3_600_000, alias="within")
    calm_ms: PositiveDurationMs = Field(default=900_000, alias="calm")
    rules: bool = False

    @model_validator(mode="after")
    def _more_than_one(self) -> Self:
        if self.fires == 1:
            raise ValueError("fires: an alert that fires once does not flap: write 2 or more, or 0")
        return self


class HeartbeatSettings(AlertingSection):
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


class EscalationSettings(AlertingSection):
    """One step of an escalation.

    Attributes:
        receiver: the receiver that is notified first.
        after_ms: `after`, how long it has to acknowledge.
        to: the receiver that is notified next.
    """

    receiver: str = Field(min_length=1)
    after_ms: PositiveDurationMs = Field(alias="after")
    to: str = Field(min_length=1)


class AlertingSettings(AlertingSection):
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
        alertmanager_file: an `alertmanager.yml`, relative to the configuration; its tree
            and receivers take the place of `receivers` and `route`.
        acknowledge_links_ms: `acknowledge_links`, how long the links in notifications count
            that acknowledge an alert without a login; 0 for no links.
        escalations: which receiver is notified next when nobody acknowledges in time.
        limits: the limits of all rules.
        heartbeat: the dead man's switch, None for none.
        flapping: when an alert flaps.
        history_ms: alerts are deleted so long after they ended.
    """

    evaluation_interval_ms: PositiveDurationMs = Field(default=15_000, alias="evaluation_interval")
    start_delay_ms: DurationMs = Field(default=60_000, alias="start_delay")
    rule_files: tuple[str, ...] = ()
    external_url: str = ""
    checks: HostCheckSettings = HostCheckSettings()
    receivers: tuple[ReceiverSettings, ...] = (LogReceiverSettings(name="log"),)
    route: tuple[str, ...] | None = None
    alertmanager_file: str = ""
    acknowledge_links_ms: DurationMs = Field(default=0, alias="acknowledge_links")
    escalations: tuple[EscalationSettings, ...] = ()
    delivery: DeliverySettings = DeliverySettings()
    limits: RuleLimitSettings = RuleLimitSettings()
    heartbeat: HeartbeatSettings | None = None
    flapping: FlappingSettings = FlappingSettings()
    history_ms: PositiveDurationMs = Field(default=2 * 365 * 86_400_000, alias="history")

    @model_validator(mode="after")
    def _known_receivers(self) -> Self:
        names = [receiver.name for receiver in self.receivers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"receivers: the name {name!r} is used twice")
        if self.acknowledge_links_ms and not self.external_url:
            raise ValueError("acknowledge_links: give external_url too, the address of the links")
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
