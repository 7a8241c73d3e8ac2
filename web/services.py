"""Everything that the web application is handed: the protocols it talks to.

The daemon builds one `Services`. What other packages already define is named by
their protocols; what only the web needs is defined here.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry

from model.clock import Clock
from model.labels import Labels
from model.matchers import Matcher
from promql.api import QueryEngine
from scraper.families import MetricMetadata
from scraper.targets import TargetStatus
from storage.api.accounts import AccountRecords
from storage.api.alerts import Alert, CheckOverride, Notification, Transition
from storage.api.hosts import HostRecords
from storage.api.samples import SampleReader


class AlertReader(Protocol):
    """What people see of alerts; `AlertRecords` is one."""

    async def open_alerts(self) -> Sequence[Alert]:
        """Return the alerts that are pending, firing or without data, oldest first."""

    async def alert(self, alert_id: int) -> Alert:
        """Return one alert.

        Raises:
            NotFoundError: no alert has this id.
        """

    async def resolved(self, limit: int, before_id: int | None = None) -> Sequence[Alert]:
        """Return resolved alerts, newest first."""

    async def history(
        self, limit: int, before_id: int | None = None, alert_id: int | None = None
    ) -> Sequence[Transition]:
        """Return transitions, newest first, of all alerts or of one."""

    async def notifications(
        self, limit: int, before_id: int | None = None
    ) -> Sequence[Notification]:
        """Return the delivery log with what still waits, newest first."""

    async def overrides(self) -> Sequence[CheckOverride]:
        """Return every host's own check settings."""


class AlertActions(Protocol):
    """What people do to alerts; `AlertRecords` is one, until alerting stands between."""

    async def acknowledge(self, alert_id: int, user: str, now_ms: int) -> Alert:
        """Mark an open alert as being worked on.

        Raises:
            NotFoundError: no alert has this id, or it is not open.
        """

    async def set_override(self, override: CheckOverride) -> None:
        """Store one host's settings for one check."""

    async def remove_override(self, instance: str, check: str) -> None:
        """Return a host's check to the default."""


@dataclass(frozen=True, slots=True)
class CheckDefault:
    """A host check as it stands for every host without settings of its own.

    Attributes:
        check: `down`, `cpu`, `memory` or `disk`.
        title: what people read: "CPU".
        unit: of the thresholds: "%", or "" where the check has none.
        warning, critical, recovery: thresholds in that unit, None where it has none.
        for_s: how long the condition must hold before the alert fires.
    """

    check: str
    title: str
    unit: str
    warning: float | None
    critical: float | None
    recovery: float | None
    for_s: float


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule as `/api/v1/rules` shows it; `alert` names an alerting rule, else ""."""

    name: str
    query: str
    alerting: bool
    labels: Labels = field(default_factory=Labels)
    annotations: Labels = field(default_factory=Labels)
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    health: str = "unknown"
    last_error: str = ""
    last_evaluation_ms: int | None = None
    evaluation_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RuleGroupView:
    """One group of rules as `/api/v1/rules` shows it."""

    name: str
    file: str
    interval_s: float
    rules: tuple[RuleView, ...]
    last_evaluation_ms: int | None = None
    evaluation_s: float = 0.0


async def _nothing_to_do() -> None:
    return None


def _no_groups() -> Sequence[RuleGroupView]:
    return ()


def _no_metadata() -> Mapping[str, Collection[MetricMetadata]]:
    return {}


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the application talks to.

    Attributes:
        parse_selector: a series selector's matchers; raises `ParseError`.
        targets: how every target stands now; called on the event loop.
        hosts_changed: awaited after a host was added or removed.
        check_defaults: the host checks, in the order people read them.
        rule_groups: the rules that are evaluated.
        metadata: by metric family, what targets say of it.
        registry: the server's own metrics, for `/metrics`.
        ready: whether start-up is complete, for `/-/ready`.
        clock: the current time.
        version: of Redshank.
        exporter_commands: ways to start an exporter on a host: a title and the command.
        started_ms: when the server started.
    """

    hosts: HostRecords
    accounts: AccountRecords
    alerts: AlertReader
    alert_actions: AlertActions
    samples: SampleReader
    engine: QueryEngine
    parse_selector: Callable[[str], Sequence[Matcher]]
    targets: Callable[[], Sequence[TargetStatus]]
    registry: CollectorRegistry
    clock: Clock
    version: str
    started_ms: int
    hosts_changed: Callable[[], Awaitable[None]] = _nothing_to_do
    check_defaults: Sequence[CheckDefault] = ()
    rule_groups: Callable[[], Sequence[RuleGroupView]] = _no_groups
    metadata: Callable[[], Mapping[str, Collection[MetricMetadata]]] = _no_metadata
    ready: Callable[[], bool] = _always
    exporter_commands: Sequence[tuple[str, str]] = (
        ("Redshank's exporter", "redshank exporter"),
        ("node_exporter on Debian and Ubuntu", "sudo apt install prometheus-node-exporter"),
    )
