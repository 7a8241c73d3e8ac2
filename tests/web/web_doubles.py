"""A small world around the application: real records, an engine that is told what to say."""

import asyncio
import secrets
from collections import Counter as Counts
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import aiohttp
import numpy as np
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from argon2 import PasswordHasher
from prometheus_client import CollectorRegistry, Counter
from pytest_aiohttp import AiohttpClient
from structlog.testing import capture_logs

from alerting.book.observation import OpenAlert
from alerting.errors import UnknownReceiverError
from alerting.service import AlertingService, CheckView
from alerting.settings import AlertingSettings
from alerting.views import GroupView
from ingest.devices.inbox import MessageInbox
from ingest.hosts.pushed_hosts import PushedHosts
from ingest.series.commits import GroupCommit
from model.clock import Clock
from model.labels import Labels
from model.matchers import Matcher, matches_all
from model.metadata import MetricMetadata
from model.series import AlignedSeries
from model.targets import Health, Target, TargetStatus
from promql.api import Answer, InstantVector, QueryEngine
from scraper.fetching.targets import DroppedTarget
from storage.api.accounts import (
    FULL_SCOPES,
    AccountRecords,
    CredentialKind,
    Role,
    Scope,
    User,
)
from storage.api.alerts import (
    Alert,
    AlertChange,
    AlertRecords,
    AlertState,
    CheckOverride,
    NewNotification,
)
from storage.api.sample_stats import Cardinality, StoreStats
from storage.api.samples import Layout, ReadBudget, SelectHints, Source, Vector
from storage.messages.log import SqliteMessageLog
from storage.records.store import Records
from tests.promql.scripted_engine import ScriptedEngine
from tests.scraper.recording_appender import RecordingAppender
from web.application import Resources, create_app
from web.http.bodies import SERVER_OPTIONS
from web.http.errors import ConfigurationRefusedError
from web.identity.keys import KeyRing
from web.identity.secret_hashes import secret_hash
from web.pages import PAGES, PageFactory
from web.services import Pushes, ReloadState, Services
from web.settings import WebSettings

NOW_MS = 1_763_820_000_000
PASSWORD = "correct horse battery"
# The cheapest setting there is: these tests are not about how long hashing takes.
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)

Client = TestClient[Request, Application]


class Desk:
    """Alerting as the web asks for it: real settings and records, nothing is evaluated.

    Attributes:
        held: by alert, what keeps it from being told.
        failure: what sending a test meets, None if it is taken.
    """

    def __init__(self, service: AlertingService, records: AlertRecords, clock: Clock) -> None:
        self._service, self._records, self._clock = service, records, clock
        self._open: dict[int, Alert] = {}
        self.groups: tuple[GroupView, ...] = ()
        self.held: dict[int, str] = {}
        self.tested: list[str] = []
        self.failure: Exception | None = None
        self.subscribers: list[Callable[[Sequence[AlertChange]], None]] = []

    @property
    def receivers(self) -> tuple[tuple[str, str], ...]:
        return (("phone", "webhook"),)

    def rules(self) -> tuple[GroupView, ...]:
        return (*self._service.rules(), *self.groups)

    def open_alerts(self) -> tuple[OpenAlert, ...]:
        return tuple(OpenAlert(alert, self.held.get(alert.id, "")) for alert in self._open.values())

    def check_settings(self, instance: str) -> tuple[CheckView, ...]:
        return self._service.check_settings(instance)

    async def put(self, alert: Alert, before: AlertState = AlertState.INACTIVE) -> Alert:
        """Store an alert as if an evaluation had found it so; its id is given by the store."""
        told = (NewNotification("phone", '{"secret": "s"}'),)
        changed = AlertChange(alert, before, told)
        (stored,) = await self._records.record([changed], alert.changed_ms)
        self._open.pop(stored.id, None)
        if stored.is_open:
            self._open[stored.id] = stored
        self._publish(AlertChange(stored, before))
        return stored

    def _publish(self, change: AlertChange) -> None:
        for subscriber in self.subscribers:
            subscriber([change])

    def subscribe(self, subscriber: Callable[[Sequence[AlertChange]], None]) -> Callable[[], None]:
        self.subscribers.append(subscriber)
        return lambda: self.subscribers.remove(subscriber)

    async def acknowledge(self, alert_id: int, user: str) -> Alert:
        alert = await self._records.acknowledge(alert_id, user, self._clock())
        self._open[alert_id] = alert
        self._publish(AlertChange(alert, alert.state))
        return alert

    async def set_override(self, override: CheckOverride) -> None:
        await self._service.set_override(override)

    async def remove_override(self, instance: str, check: str) -> None:
        await self._service.remove_override(instance, check)

    async def test_receiver(self, name: str) -> None:
        if name not in dict(self.receivers):
            raise UnknownReceiverError(name)
        if self.failure is not None:
            raise self.failure
        self.tested.append(name)


def an_alert(
    state: AlertState = AlertState.FIRING,
    *,
    name: str = "HighCpu",
    instance: str = "a:9100",
    severity: str = "critical",
    summary: str = "CPU at 97.5 %",
    value: float = 97.5,
    now_ms: int = NOW_MS,
) -> Alert:
    """Return an alert that is not stored yet."""
    return Alert(
        id=0,
        rule="host/cpu",
        labels=Labels.of(alertname=name, instance=instance, severity=severity, job="node"),
        annotations=Labels.of(summary=summary),
        state=state,
        value=value,
        active_ms=now_ms,
        changed_ms=now_ms,
        fired_ms=None if state is AlertState.PENDING else now_ms,
        resolved_ms=now_ms if state is AlertState.RESOLVED else None,
    )


@dataclass
class MemorySamples:
    """`SampleReader` over a fixed list of label sets."""

    known: list[Labels] = field(default_factory=list)
    stored: list[AlignedSeries] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    state: StoreStats | None = None

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        found = []
        for part in self.stored:
            rows = [row for row, one in enumerate(part.labels) if matches_all(matchers, one)]
            labels = [part.labels[row] for row in rows]
            found.append(AlignedSeries.of_source(labels, part.times_ms[0], part.values[rows]))
        return found

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        self.asked.append((start_ms, end_ms))
        found = sorted(
            labels
            for labels in self.known
            if not selectors
            or any(all(m.matches(labels.get(m.name)) for m in each) for each in selectors)
        )
        return found[: limit or None]

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        found = self.series(selectors, start_ms, end_ms)
        return sorted({name for labels in found for name, _ in labels})[: limit or None]

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        found = self.series(selectors, start_ms, end_ms)
        return sorted({labels.get(name) for labels in found} - {""})[: limit or None]

    def stats(self) -> StoreStats:
        return self.state or StoreStats(len(self.known), 1, 1, 0, 0, 0, 0, None, None)

    def cardinality(self, limit: int) -> Cardinality:
        pairs = Counts(pair for labels in self.known for pair in labels)
        names = Counts(labels.metric for labels in self.known)
        return Cardinality(
            len(self.known),
            len(pairs),
            1,
            None,
            None,
            series_by_metric=tuple(names.most_common(limit)),
            values_by_label=tuple(Counts(name for name, _ in pairs).most_common(limit)),
            series_by_pair=tuple((f"{a}={b}", n) for (a, b), n in pairs.most_common(limit)),
        )


def target_status(
    name: str = "web-1",
    instance: str = "10.0.0.5:9100",
    health: Health = Health.UP,
    error: str = "",
    host_id: int | None = None,
    now_ms: int = NOW_MS,
) -> TargetStatus:
    """Return how a host's target stands."""
    target = Target(
        url=f"http://{instance}/metrics",
        labels=Labels.of(job="node", instance=instance),
        interval_s=15.0,
        timeout_s=10.0,
        discovered=Labels.of(__address__=instance, __scheme__="http"),
        host=name,
        host_id=host_id,
    )
    return TargetStatus(
        target=target,
        health=health,
        last_error=error,
        last_scrape_ms=now_ms - 4_000,
        last_up_ms=now_ms - 4_000 if health is Health.UP else now_ms - 600_000,
        duration_s=0.0123,
        samples=507,
        next_scrape_ms=now_ms + 11_000,
    )


def vector(values: Mapping[Labels, float], time_ms: int = NOW_MS) -> Answer:
    """Return an instant query's answer."""
    return Answer(InstantVector(time_ms, tuple(values), np.array(list(values.values()))))


@dataclass
class Finds:
    """What discovery found, as it is told."""

    names: list[str] = field(default_factory=list)
    dropped_targets: list[DroppedTarget] = field(default_factory=list)
    refused_targets: list[DroppedTarget] = field(default_factory=list)

    def pools(self) -> Sequence[str]:
        return sorted(self.names)

    def dropped(self) -> Sequence[DroppedTarget]:
        return self.dropped_targets

    def dropped_counts(self) -> Mapping[str, int]:
        counts = Counts(each.pool for each in self.dropped_targets)
        return {name: counts[name] for name in self.pools()}

    def refused(self) -> Sequence[DroppedTarget]:
        return self.refused_targets


@dataclass
class FixedConfiguration:
    """A configuration that is reloaded as the test says."""

    text: str = "global:\n  scrape_interval: 15s\n"
    flags: Mapping[str, str] = field(default_factory=lambda: {"config.file": "/etc/redshank.yml"})
    retention: str = "730d"
    state: ReloadState = field(default_factory=lambda: ReloadState(True, NOW_MS - 60_000))  # noqa: FBT003
    restart_needed: tuple[str, ...] = ()
    error: str = ""
    reloads: int = 0

    async def reload(self) -> Sequence[str]:
        self.reloads += 1
        if self.error:
            raise ConfigurationRefusedError(self.error)
        return self.restart_needed


class NoAppender:
    """Takes nothing: alerting is not started, so that it records nothing."""

    def source(self, labels: Labels, stream: str = "") -> Source:
        raise AssertionError("nothing is evaluated here")

    def layout(self, series: Sequence[Labels]) -> Layout:
        raise AssertionError("nothing is evaluated here")

    def append(self, source: Source, vector: Vector) -> None:
        raise AssertionError("nothing is evaluated here")

    async def commit(self) -> None:
        raise AssertionError("nothing is evaluated here")


@cache
def shared_resources() -> Resources:
    """Read files and compile templates once for all tests."""
    return Resources.read()


@dataclass
class World:
    """The application with all that surrounds it, and a client without credentials."""

    services: Services
    settings: WebSettings
    accounts: AccountRecords
    desk: Desk
    engine: ScriptedEngine
    samples: MemorySamples
    statuses: list[TargetStatus]
    finds: Finds
    configuration: FixedConfiguration
    metadata: list[tuple[Target, dict[str, MetricMetadata]]]
    now: list[int]
    changes: list[None]
    logs: list[MutableMapping[str, Any]]
    client: Client

    async def user(self, name: str = "ann", role: Role = Role.ADMIN) -> User:
        """Return a user of this name, added on first use; the password is PASSWORD."""
        known = await self.accounts.user(name)
        return known or await self.accounts.add_user(name, role, PASSWORD_HASH, NOW_MS)

    async def secret(
        self,
        kind: CredentialKind,
        role: Role = Role.ADMIN,
        scopes: frozenset[Scope] = FULL_SCOPES,
    ) -> str:
        """Return the secret of a new session or token of a user with this role."""
        user = await self.user(f"the-{role}", role)
        secret = f"{kind}-{role}-{secrets.token_hex(8)}"
        await self.accounts.add_credential(
            user.id, kind, secret_hash(secret), "test", NOW_MS, NOW_MS + 86_400_000, scopes
        )
        return secret

    async def bearer(
        self, role: Role = Role.ADMIN, scopes: frozenset[Scope] = FULL_SCOPES
    ) -> dict[str, str]:
        """Return the header of a token with this role."""
        secret = await self.secret(CredentialKind.BEARER, role, scopes)
        return {"Authorization": f"Bearer {secret}"}

    async def cookie(self, role: Role = Role.ADMIN) -> dict[str, str]:
        """Return the cookie header of a session with this role."""
        return {"Cookie": f"redshank_session={await self.secret(CredentialKind.SESSION, role)}"}


@asynccontextmanager
async def world_at(
    tmp_path: Path,
    aiohttp_client: AiohttpClient,
    settings: WebSettings | None = None,
    pages: Sequence[PageFactory] = PAGES,
    other_engine: QueryEngine | None = None,
    **further: Any,
) -> AsyncIterator[World]:
    """Start the application in a new world, with another engine and `further` services if given."""
    settings = settings or WebSettings()
    now, changes = [NOW_MS], list[None]()
    samples = MemorySamples()
    engine = ScriptedEngine(samples, by_part=True)
    statuses: list[TargetStatus] = []
    finds, configuration = Finds(), FixedConfiguration()
    metadata: list[tuple[Target, dict[str, MetricMetadata]]] = []
    registry = CollectorRegistry()
    Counter("redshank_example", "An example.", registry=registry).inc()

    def clock() -> int:
        return now[0]

    async def hosts_changed() -> None:
        changes.append(None)
        await pushes.hosts.refresh()

    async with (
        opened_records(tmp_path) as records,
        opened_pushes(records, tmp_path, clock) as pushes,
        aiohttp.ClientSession() as session,
    ):
        desk = desk_over(records, engine, session, clock)
        services = Services(
            hosts=records.hosts,
            accounts=records.accounts,
            alerts=records.alerts,
            audit=records.audit,
            second_factors=records.second_factors,
            keys=await asyncio.to_thread(KeyRing.open, tmp_path / "keys.json", NOW_MS),
            alerting=desk,
            samples=samples,
            cardinality=samples.cardinality,
            engine=other_engine or engine,
            targets=lambda: statuses,
            discovered=finds,
            pushes=pushes,
            configuration=configuration,
            target_metadata=lambda: metadata,
            registry=registry,
            clock=clock,
            version="0.1.0",
            started_ms=NOW_MS - 3_600_000,
            hosts_changed=hosts_changed,
            **further,
        )
        app = create_app(services, settings, await asyncio.to_thread(shared_resources), pages)
        server = TestServer(app)
        # The client would start it with other options; it takes one that runs.
        await server.start_server(**SERVER_OPTIONS)
        with capture_logs() as logs:
            yield World(
                services=services,
                settings=settings,
                accounts=records.accounts,
                desk=desk,
                engine=engine,
                samples=samples,
                statuses=statuses,
                finds=finds,
                configuration=configuration,
                metadata=metadata,
                now=now,
                changes=changes,
                logs=logs,
                client=cast("Client", await aiohttp_client(server)),
            )


@asynccontextmanager
async def opened_records(folder: Path) -> AsyncIterator[Records]:
    """Open the records in a folder."""
    records = Records(folder / "records.db")
    await asyncio.to_thread(records.open)
    try:
        yield records
    finally:
        await asyncio.to_thread(records.close)


@asynccontextmanager
async def opened_pushes(
    records: Records, folder: Path, clock: Clock, appender: RecordingAppender | None = None
) -> AsyncIterator[Pushes]:
    """Take what is pushed into a real message log and an appender that keeps everything."""
    appender = appender or RecordingAppender()
    messages = SqliteMessageLog(folder / "messages.db")
    await asyncio.to_thread(messages.open)
    try:
        async with (
            GroupCommit(appender, messages).running() as commits,
            PushedHosts(
                samples=appender,
                reader=MemorySamples(),
                messages=messages,
                commits=commits,
                hosts=records.hosts,
                keys=records.host_keys,
                clock=clock,
            ).running() as hosts,
        ):
            inbox = MessageInbox(appender, messages, commits, clock)
            yield Pushes(inbox, hosts, records.host_keys)
    finally:
        await asyncio.to_thread(messages.close)


def desk_over(
    records: Records, engine: QueryEngine, session: aiohttp.ClientSession, clock: Clock
) -> Desk:
    """Return alerting over real records, not started."""
    service = AlertingService(
        settings=AlertingSettings(),
        records=records.alerts,
        engine=engine,
        appender=NoAppender(),
        hosts=lambda: (),
        session=session,
        clock=clock,
    )
    return Desk(service, records.alerts, clock)
