"""Everything that the web application is handed: the protocols it talks to.

The daemon builds one `Services`. What other packages already define is named by
their protocols; what only the web needs is defined here.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from prometheus_client import CollectorRegistry

from alerting.book.observation import OpenAlert
from alerting.service import CheckView
from alerting.settings import HostCheckSettings
from alerting.views import GroupView
from ingest.devices.inbox import MessageInbox
from ingest.gateway.gateway import PushGateway
from ingest.hosts.pushed_hosts import PushedHosts
from ingest.remote_write.receiver import RemoteWriteReceiver
from model.clock import Clock
from model.metadata import MetricMetadata
from model.targets import Target, TargetStatus
from promql.api import QueryEngine
from scraper.fetching.address_policy import AddressPolicySettings
from scraper.fetching.targets import DroppedTarget
from storage.api.accounts import AccountRecords
from storage.api.alerts import Alert, AlertChange, AlertRecords, CheckOverride
from storage.api.audit import AuditRecords
from storage.api.host_keys import HostKeyRecords
from storage.api.hosts import HostRecords
from storage.api.sample_stats import Cardinality
from storage.api.samples import SampleReader
from storage.api.second_factors import SecondFactorRecords
from web.http.quotas import Holder
from web.identity.keys import KeyRing


class Alerting(Protocol):
    """What pages ask of alerting; `alerting.service.AlertingService` is one."""

    @property
    def receivers(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each configured receiver."""

    def rules(self) -> tuple[GroupView, ...]:
        """Return every group with its rules, the host checks first."""

    def open_alerts(self) -> tuple[OpenAlert, ...]:
        """Return the alerts that are pending, firing or without data, oldest first."""

    def check_settings(self, instance: str) -> tuple[CheckView, ...]:
        """Return every host check as it applies to one host."""

    def subscribe(self, subscriber: Callable[[Sequence[AlertChange]], None]) -> Callable[[], None]:
        """Call `subscriber` with each batch of stored changes; return what ends that.

        An acknowledgement is a change too, from a state to the same state.
        """

    async def acknowledge(self, alert_id: int, user: str) -> Alert:
        """Mark an open alert as being worked on.

        Raises:
            NotFoundError: no open alert has this id.
        """

    async def set_override(self, override: CheckOverride) -> None:
        """Give a host its own settings for a check.

        Raises:
            BadOverrideError: they make no sense; it names the field.
        """

    async def remove_override(self, instance: str, check: str) -> None:
        """Return a host's check to the default.

        Raises:
            BadOverrideError: there is no such check.
        """

    async def test_receiver(self, name: str) -> None:
        """Send a notification that says it is a test.

        Raises:
            UnknownReceiverError: no receiver has this name.
            DeliveryError: it was not taken; the message says why.
        """


class Discovered(Protocol):
    """What discovery found beside the targets that are scraped."""

    def pools(self) -> Sequence[str]:
        """Return the names of all jobs, those without a target too, sorted."""

    def dropped(self) -> Sequence[DroppedTarget]:
        """Return the targets that relabelling dropped, as many as their jobs keep."""

    def dropped_counts(self) -> Mapping[str, int]:
        """Return for each job how many targets relabelling dropped."""

    def refused(self) -> Sequence[DroppedTarget]:
        """Return what was found and no target can be made of."""


@dataclass(frozen=True, slots=True)
class ReloadState:
    """How the last reload went, and when the configuration was last taken over."""

    successful: bool
    success_ms: int


class RunningConfiguration(Protocol):
    """The configuration that the server runs on."""

    @property
    def text(self) -> str:
        """It in the form of a Prometheus configuration, without secrets."""

    @property
    def flags(self) -> Mapping[str, str]:
        """What Prometheus has flags for, under its names."""

    @property
    def retention(self) -> str:
        """How long samples are kept, as a duration."""

    @property
    def state(self) -> ReloadState:
        """How the last reload went."""

    async def reload(self) -> Sequence[str]:
        """Read every file again; return the settings that need a restart.

        Raises:
            ConfigurationRefusedError: something is wrong; nothing has changed.
        """


@dataclass(frozen=True, slots=True)
class Pushes:
    """What comes by itself: messages of devices, reports of hosts, and the hosts' keys."""

    inbox: MessageInbox
    hosts: PushedHosts
    keys: HostKeyRecords


async def _nothing_to_do() -> None:
    return None


def _no_target_metadata() -> Iterable[tuple[Target, Mapping[str, MetricMetadata]]]:
    return ()


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the application talks to.

    Attributes:
        alerts: what was; `alerting` knows what is open and takes what people do.
        cardinality: what the active series are made of, so many entries a list; blocks.
        keys: sign access tokens and seal secrets.
        targets: how every target stands now; called on the event loop.
        discovered: what was found beside them.
        configuration: what the server runs on.
        added_hosts: where a host that somebody adds may be, as of now.
        pushes: what takes what comes by itself.
        hosts_changed: awaited after a host was added or removed.
        host_checks: the checks of every host, and which filesystems count, as of now.
        target_metadata: for each target, by metric family, what it says of it.
        registry: the server's own metrics, for `/metrics`.
        remote_write: what takes samples of other servers; None where nothing does.
        push_gateway: what keeps the metrics of batch jobs; None where nothing does.
        refusals: how many requests were beyond a quota, counted by the application.
        ready: whether start-up is complete, for `/-/ready`.
        clock: the current time.
        version: of Redshank.
        exporter_commands: ways to start an exporter on a host: a title and the command.
        started_ms: when the server started.
    """

    hosts: HostRecords
    accounts: AccountRecords
    alerts: AlertRecords
    audit: AuditRecords
    second_factors: SecondFactorRecords
    keys: KeyRing
    alerting: Alerting
    samples: SampleReader
    cardinality: Callable[[int], Cardinality]
    engine: QueryEngine
    targets: Callable[[], Sequence[TargetStatus]]
    discovered: Discovered
    pushes: Pushes
    configuration: RunningConfiguration
    registry: CollectorRegistry
    clock: Clock
    version: str
    started_ms: int
    hosts_changed: Callable[[], Awaitable[None]] = _nothing_to_do
    added_hosts: Callable[[], AddressPolicySettings] = AddressPolicySettings
    host_checks: Callable[[], HostCheckSettings] = HostCheckSettings
    target_metadata: Callable[[], Iterable[tuple[Target, Mapping[str, MetricMetadata]]]] = (
        _no_target_metadata
    )
    ready: Callable[[], bool] = _always
    remote_write: RemoteWriteReceiver | None = None
    push_gateway: PushGateway | None = None
    refusals: Counter[Holder] = field(default_factory=Counter)
    exporter_commands: Sequence[tuple[str, str]] = (
        ("Redshank's exporter", "redshank exporter"),
        ("node_exporter on Debian and Ubuntu", "sudo apt install prometheus-node-exporter"),
    )
