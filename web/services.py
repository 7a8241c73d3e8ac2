"""The services that the web application depends on, as protocols.

The daemon builds one `Services`. Protocols that only the web needs are defined here.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from prometheus_client import CollectorRegistry

from alerting.book.observation import OpenAlert
from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_check import HostCheck
from alerting.notifications.router import AlertRouter
from alerting.views import CheckView, GroupView
from analytics.service import Analytics
from analytics.sessions.service import AgentSessions
from ingest.devices.inbox import MessageInbox
from ingest.gateway.gateway import PushGateway
from ingest.hosts.pushed_hosts import PushedHosts
from ingest.otlp.receiver import OtlpReceiver
from ingest.remote_write.receiver import RemoteWriteReceiver
from model.clock import Clock
from model.conditions import Conditions
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from model.metadata import MetricMetadata
from model.targets import Target, TargetStatus
from model.web_config.live import LiveWebConfig
from promql.api import QueryEngine
from scraper.fetching.address_policy import AddressPolicySettings
from scraper.fetching.targets import DroppedTarget
from scraper.probing.service import ProbeService
from storage.api.accounts import AccountRecords
from storage.api.alerts import (
    PLAIN_ACKNOWLEDGEMENT,
    Acknowledgement,
    Alert,
    AlertChange,
    AlertRecords,
    CheckOverride,
)
from storage.api.audit import AuditRecords
from storage.api.dashboards.shares import DashboardShareRecords
from storage.api.dashboards.stored import DashboardRecords
from storage.api.fleet.host_views import HostViewRecords
from storage.api.host_keys import HostKeyRecords
from storage.api.hosts import HostRecords
from storage.api.marks.annotations import AnnotationRecords
from storage.api.people.external_identities import ExternalIdentityRecords
from storage.api.people.preferences import PreferenceRecords
from storage.api.people.queries import QueryRecords
from storage.api.people.second_factors import SecondFactorRecords
from storage.api.sample_stats import Cardinality
from storage.api.samples import SampleAdministration, SampleReader
from storage.api.status.pages import StatusPageRecords
from web.identity.keys import KeyRing
from web.management.backups import Backups
from web.management.receivers import ManagedReceivers
from web.management.rule_groups import ManagedRuleGroups


class Alerting(Protocol):
    """The part of `alerting.service.AlertingService` that the web uses."""

    @property
    def receivers(self) -> tuple[tuple[str, str], ...]:
        """The name and the type of each configured receiver."""

    @property
    def router(self) -> AlertRouter:
        """Routes alerts, and keeps silences."""

    def rules(self) -> tuple[GroupView, ...]:
        """Return all rule groups, the host checks first."""

    def open_alerts(self) -> tuple[OpenAlert, ...]:
        """Return the alerts that are pending, firing or without data, oldest first."""

    def check_of(self, instance: str, check: CheckName) -> HostCheck:
        """Return a check as it applies to one host."""

    def check_settings(self, instance: str) -> tuple[CheckView, ...]:
        """Return all host checks with the settings of one host."""

    def subscribe(self, subscriber: Callable[[Sequence[AlertChange]], None]) -> Callable[[], None]:
        """Call `subscriber` with each batch of stored changes; return a function that stops it.

        An acknowledgement is a change that keeps the state.
        """

    async def acknowledge(
        self, alert_id: int, user: str, terms: Acknowledgement = PLAIN_ACKNOWLEDGEMENT
    ) -> Alert:
        """Acknowledge an open alert.

        Raises:
            NotFoundError: no open alert has this id.
        """

    async def unacknowledge(self, alert_id: int) -> Alert:
        """End the acknowledgement of an alert.

        Raises:
            NotFoundError: no alert has this id.
        """

    async def set_override(self, override: CheckOverride) -> None:
        """Give a host its own settings for a check.

        Raises:
            BadOverrideError: they are invalid; the error names the field.
        """

    async def remove_override(self, instance: str, check: str) -> None:
        """Reset a host's check to the default.

        Raises:
            BadOverrideError: there is no such check.
        """

    async def test_receiver(self, name: str) -> None:
        """Send a test notification.

        Raises:
            UnknownReceiverError: no receiver has this name.
            DeliveryError: the delivery failed; the message states the reason.
        """


class Discovered(Protocol):
    """The discovered targets that are not scraped."""

    def pools(self) -> Sequence[str]:
        """Return the names of all jobs, with or without a target, sorted."""

    def dropped(self) -> Sequence[DroppedTarget]:
        """Return the targets that relabelling dropped, up to the limit of their jobs."""

    def dropped_counts(self) -> Mapping[str, int]:
        """Return the number of targets that relabelling dropped, by job."""

    def refused(self) -> Sequence[DroppedTarget]:
        """Return the discovered targets that are invalid."""


@dataclass(frozen=True, slots=True)
class ReloadState:
    """Whether the last reload succeeded, and the times of the last success and failure."""

    successful: bool
    success_ms: int
    failure_ms: int | None = None


class RunningConfiguration(Protocol):
    """The running configuration of the server."""

    @property
    def text(self) -> str:
        """The configuration in the format of Prometheus, without secrets."""

    @property
    def flags(self) -> Mapping[str, str]:
        """The values of Prometheus's command-line flags that have a counterpart here."""

    @property
    def retention(self) -> str:
        """How long samples are kept, as a PromQL duration."""

    @property
    def state(self) -> ReloadState:
        """The result of the last reload."""

    async def reload(self) -> Sequence[str]:
        """Reload the configuration; return the changed settings that need a restart.

        Raises:
            ConfigurationRefusedError: it is invalid; the running one is kept.
        """


@dataclass(frozen=True, slots=True)
class Pushes:
    """Receivers of pushed data: messages of devices and reports of hosts, and host keys."""

    inbox: MessageInbox
    hosts: PushedHosts
    keys: HostKeyRecords


async def _nothing_to_do() -> None:
    return None


async def _no_file() -> bytes | None:
    return None


def _no_target_metadata() -> Iterable[tuple[Target, Mapping[str, MetricMetadata]]]:
    return ()


def _always() -> bool:
    return True


EXPORTER_COMMANDS: Final = (
    ("Redshank's exporter", "redshank exporter"),
    ("node_exporter on Debian and Ubuntu", "sudo apt install prometheus-node-exporter"),
)
"""Commands that start an exporter on a host, with titles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services that the application depends on.

    Attributes:
        alerts: the stored alerts and their history; `alerting` has the open ones.
        sample_administration: deletes samples and copies the store.
        cardinality: returns statistics of the active series, each list up to a limit;
            blocks.
        keys: signs access tokens and encrypts secrets.
        targets: returns the status of all targets; called on the event loop.
        discovered: the discovered targets that are not scraped.
        configuration: the running configuration.
        added_hosts: returns the addresses at which users may add hosts.
        pushes: the receivers of pushed data.
        hosts_changed: awaited after a host was added or removed.
        host_checks: returns the current settings of host checks.
        target_metadata: returns each target with its metadata by metric family.
        alertmanagers: returns the URLs of the external Alertmanagers that get the alerts.
        managed_receivers: receivers that administrators add; None where nobody may.
        managed_rules: rule groups that editors make; None where nobody may.
        backups: backups of this server; None where none can be made.
        server_zone: the time zone of the server's machine, such as `Europe/Berlin`.
        registry: the server's own metrics, for `/metrics`.
        remote_write: receives samples by remote write; None if it is off.
        otlp: receives what OpenTelemetry SDKs and Collectors send; None if it is off.
        push_gateway: keeps the metrics of batch jobs; None if it is off.
        refusals: counts what each limit refused; the application adds to it.
        memory: how near the process is to its memory limit.
        conditions: what is wrong with the server itself.
        analytics: projects, events and their reports.
        agent_sessions: sessions of coding agents.
        annotations: marks on charts.
        dashboards: the stored dashboards.
        dashboard_shares: links that show dashboards without a login.
        queries: the queries that users ran and saved.
        preferences: how pages look for each user.
        identities: who users are at an OpenID Connect provider.
        probes: the probes that the server runs.
        status_pages: the stored status pages.
        status_domains: the slug of the status page of each host name that has one.
        web_config: TLS, users and headers; None for plain HTTP without them.
        ready: returns whether start-up is complete, for `/-/ready`.
        clock: returns the current time.
        version: the version of Redshank.
        exporter_file: returns the exporter as one file, None if it cannot be built.
        listen: the address of the server, as configured.
        exporter_commands: commands that start an exporter on a host, with titles.
        started_ms: when the server started.
    """

    hosts: HostRecords
    host_views: HostViewRecords
    accounts: AccountRecords
    alerts: AlertRecords
    audit: AuditRecords
    second_factors: SecondFactorRecords
    keys: KeyRing
    alerting: Alerting
    samples: SampleReader
    sample_administration: SampleAdministration
    cardinality: Callable[[int], Cardinality]
    engine: QueryEngine
    targets: Callable[[], Sequence[TargetStatus]]
    discovered: Discovered
    pushes: Pushes
    configuration: RunningConfiguration
    registry: CollectorRegistry
    conditions: Conditions
    analytics: Analytics
    agent_sessions: AgentSessions
    annotations: AnnotationRecords
    dashboards: DashboardRecords
    dashboard_shares: DashboardShareRecords
    queries: QueryRecords
    preferences: PreferenceRecords
    identities: ExternalIdentityRecords
    probes: ProbeService
    status_pages: StatusPageRecords
    clock: Clock
    version: str
    started_ms: int
    hosts_changed: Callable[[], Awaitable[None]] = _nothing_to_do
    added_hosts: Callable[[], AddressPolicySettings] = AddressPolicySettings
    host_checks: Callable[[], HostCheckSettings] = HostCheckSettings
    target_metadata: Callable[[], Iterable[tuple[Target, Mapping[str, MetricMetadata]]]] = (
        _no_target_metadata
    )
    alertmanagers: Callable[[], Sequence[str]] = tuple
    managed_receivers: ManagedReceivers | None = None
    managed_rules: ManagedRuleGroups | None = None
    backups: Backups | None = None
    server_zone: str = "UTC"
    ready: Callable[[], bool] = _always
    remote_write: RemoteWriteReceiver | None = None
    otlp: OtlpReceiver | None = None
    push_gateway: PushGateway | None = None
    web_config: LiveWebConfig | None = None
    status_domains: dict[str, str] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)
    memory: MemoryReading = field(default_factory=MemoryReading)
    exporter_file: Callable[[], Awaitable[bytes | None]] = _no_file
    listen: str = "127.0.0.1:9190"
    exporter_commands: Sequence[tuple[str, str]] = EXPORTER_COMMANDS
