"""The application in a small world: real records, and doubles of the other services."""

import asyncio
import secrets
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import aiohttp
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from argon2 import PasswordHasher
from prometheus_client import CollectorRegistry, Counter
from pytest_aiohttp import AiohttpClient
from structlog.testing import capture_logs
from yarl import URL

from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from analytics.settings import AnalyticsSettings
from daemon.configuration.configuration import Configuration
from daemon.configuration.settings import BackupSettings, Settings
from daemon.server.management.backup_keeper import BackupKeeper
from daemon.server.management.stored_receivers import StoredReceivers
from daemon.server.management.stored_rules import StoredRules
from daemon.server.project_analytics import analytics_over
from ingest.devices.inbox import MessageInbox
from ingest.hosts.pushed_hosts import PushedHosts
from ingest.series.commits import GroupCommit
from model.clock import Clock
from model.conditions import Conditions
from model.limits import Refusals
from model.metadata import MetricMetadata
from model.targets import Target, TargetStatus
from promql.api import QueryEngine
from scraper.probing.heartbeats import Heartbeats
from scraper.probing.library import ProbeLibrary
from scraper.probing.service import ProbeService
from storage.api.accounts import (
    FULL_SCOPES,
    AccountRecords,
    CredentialKind,
    Role,
    Scope,
    User,
)
from storage.events import DuckEventStore
from storage.messages.log import SqliteMessageLog
from storage.records.store import Records
from tests.promql.scripted_engine import ScriptedEngine
from tests.scraper.recording_appender import RecordingAppender
from tests.web.alerting_double import AlertingDouble, alerting_over
from tests.web.service_doubles import NOW_MS, DiscoveryDouble, FixedConfiguration, MemorySamples
from web.application import Resources, create_app
from web.connections.runner import HttpRunner
from web.http.routing import FURTHER_ROUTES
from web.identity.access_tokens import AccessTokens
from web.identity.keys import KeyRing
from web.identity.secret_hashes import secret_hash
from web.pages import PAGES, PageFactory
from web.services import Pushes, Services
from web.settings import WebSettings

PASSWORD = "correct horse battery"
# The cheapest parameters: the tests do not measure hashing.
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
Client = TestClient[Request, Application]


@cache
def shared_resources() -> Resources:
    """Read files and compile templates once for all tests."""
    return Resources().read()


@dataclass(kw_only=True)
class Doubles:
    """The services that a test sets up, and the clock.

    Attributes:
        changes: one entry for each time that hosts were changed.
    """

    alerting: AlertingDouble
    engine: ScriptedEngine
    samples: MemorySamples
    statuses: list[TargetStatus] = field(default_factory=list)
    discovered: DiscoveryDouble = field(default_factory=DiscoveryDouble)
    configuration: FixedConfiguration = field(default_factory=FixedConfiguration)
    metadata: list[tuple[Target, dict[str, MetricMetadata]]] = field(default_factory=list)
    now: list[int]
    changes: list[None] = field(default_factory=list)

    def clock(self) -> int:
        return self.now[0]


@dataclass(kw_only=True)
class World(Doubles):
    """The running application with its services, and a client without credentials."""

    services: Services
    settings: WebSettings
    accounts: AccountRecords
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

    async def page(self, path: str, status: int = 200, role: Role = Role.ADMIN) -> str:
        """Return the text of a page for a session with this role."""
        url = URL(str(self.client.make_url("/")).rstrip("/") + path, encoded=True)
        response = await self.client.session.get(url, headers=await self.cookie(role))
        text = await response.text()
        assert response.status == status, text
        return text


class _Server(TestServer):
    """The test server, with the runner of the real one."""

    def __init__(self, app: Application, settings: WebSettings, refusals: Refusals) -> None:
        super().__init__(app)
        self._settings, self._refusals = settings, refusals

    async def _make_runner(self, **options: Any) -> HttpRunner:
        return HttpRunner(self.app, self._settings.connections, self._refusals, **options)


async def signed_token(world: World, scopes: frozenset[Scope]) -> dict[str, str]:
    """Return the header of a JWT of an administrator that has these scopes only."""
    tokens = AccessTokens(world.accounts, world.services.keys, world.clock, 1800)
    issued = await tokens.issue(await world.user(), "test", scopes)
    return {"Authorization": f"Bearer {issued.token}"}


@asynccontextmanager
async def world_at(
    tmp_path: Path,
    aiohttp_client: AiohttpClient,
    settings: WebSettings | None = None,
    pages: Sequence[PageFactory] = PAGES,
    other_engine: QueryEngine | None = None,
    **further: Any,
) -> AsyncIterator[World]:
    """Start the application in a new world.

    Args:
        tmp_path: for the records and keys.
        aiohttp_client: pytest-aiohttp's fixture.
        settings: of the web.
        pages: the registry of pages.
        other_engine: evaluates queries instead of the scripted engine.
        **further: services in place of the defaults.
    """
    settings = settings or WebSettings()
    now = [NOW_MS]
    samples = MemorySamples()
    engine = ScriptedEngine(samples, by_part=True)
    async with (
        opened_records(tmp_path) as records,
        opened_pushes(records, tmp_path, lambda: now[0]) as pushes,
        opened_events(tmp_path) as events,
        aiohttp.ClientSession() as session,
    ):
        alerting = alerting_over(records, engine, session, lambda: now[0])
        doubles = Doubles(alerting=alerting, engine=engine, samples=samples, now=now)
        keys = await asyncio.to_thread(KeyRing.open, tmp_path / "keys.json", NOW_MS)
        services = _services(records, pushes, keys, events, doubles)
        backups = BackupKeeper(tmp_path, BackupSettings, doubles.clock)
        chosen: dict[str, Any] = {"engine": other_engine or engine, "backups": backups} | further
        services = replace(services, **chosen)
        app = create_app(services, settings, await asyncio.to_thread(shared_resources), pages)
        server = _Server(app, settings, services.refusals)
        # The client would start it with other options; it accepts a running server.
        await server.start_server()
        # Tests look at all of `ROUTES`.
        await app[FURTHER_ROUTES]()
        with capture_logs() as logs:
            yield World(
                services=services,
                settings=settings,
                accounts=records.accounts,
                logs=logs,
                client=cast("Client", await aiohttp_client(server)),
                **{each.name: getattr(doubles, each.name) for each in fields(doubles)},
            )


def _services(
    records: Records, pushes: Pushes, keys: KeyRing, events: DuckEventStore, doubles: Doubles
) -> Services:
    async def hosts_changed() -> None:
        doubles.changes.append(None)
        await pushes.hosts.refresh()

    registry, refusals = CollectorRegistry(), Refusals()
    Counter("redshank_example", "An example.", registry=registry).inc()
    return Services(
        hosts=records.hosts,
        host_views=records.host_views,
        accounts=records.accounts,
        alerts=records.alerts,
        audit=records.audit,
        second_factors=records.second_factors,
        keys=keys,
        alerting=doubles.alerting,
        samples=doubles.samples,
        sample_administration=doubles.samples,
        cardinality=doubles.samples.cardinality,
        engine=doubles.engine,
        targets=lambda: doubles.statuses,
        discovered=doubles.discovered,
        pushes=pushes,
        configuration=doubles.configuration,
        target_metadata=lambda: doubles.metadata,
        registry=registry,
        conditions=Conditions(doubles.clock),
        analytics=analytics_over(AnalyticsSettings(), records, events, doubles.clock, refusals),
        refusals=refusals,
        agent_sessions=AgentSessions.over(SessionSettings(), events.agent_sessions, doubles.clock),
        annotations=records.annotations,
        dashboards=records.dashboards,
        dashboard_shares=records.dashboard_shares,
        queries=records.queries,
        preferences=records.preferences,
        identities=records.external_identities,
        managed_receivers=StoredReceivers(records.added_receivers, keys, doubles.clock),
        managed_rules=stored_rules_over(records, doubles.alerting, doubles.clock),
        status_pages=records.status_pages,
        probes=probes_over(records, keys, doubles.clock),
        clock=doubles.clock,
        version="0.1.0",
        started_ms=NOW_MS - 3_600_000,
        hosts_changed=hosts_changed,
    )


def stored_rules_over(records: Records, alerting: AlertingDouble, clock: Clock) -> StoredRules:
    """Return the stored rules over opened records; alerting shows them, beside no rule files."""
    lock = asyncio.Lock()

    @asynccontextmanager
    async def changing() -> AsyncIterator[Configuration]:
        async with lock:
            yield Configuration(Settings())

    rules = StoredRules(records.rule_groups, clock)
    rules.follow(changing, alerting.show)
    return rules


def probes_over(records: Records, keys: KeyRing, clock: Clock) -> ProbeService:
    """Return the probes over opened records; `load` reads them."""
    heartbeats = Heartbeats(records.probes, secret_hash, clock)
    return ProbeService.of(ProbeLibrary(records.probes, keys, clock), heartbeats, clock)


@cache
def _new_records() -> bytes:
    """Return the file of records without a row; to create its tables takes 20 ms each time."""
    with TemporaryDirectory() as made:
        path = Path(made) / "records.db"
        records = Records(path)
        records.open()
        records.close()
        return path.read_bytes()


@asynccontextmanager
async def opened_records(folder: Path) -> AsyncIterator[Records]:
    """Open the records in a folder, or new ones."""
    records = Records(path := folder / "records.db")
    if not await asyncio.to_thread(path.exists):
        await asyncio.to_thread(lambda: path.write_bytes(_new_records()))
    await asyncio.to_thread(records.open)
    try:
        yield records
    finally:
        await asyncio.to_thread(records.close)


@asynccontextmanager
async def opened_events(folder: Path) -> AsyncIterator[DuckEventStore]:
    """Open the event store in a folder; its file is created with the first event."""
    events = DuckEventStore(folder / "events.duckdb")
    try:
        yield events
    finally:
        await asyncio.to_thread(events.close)


@asynccontextmanager
async def opened_pushes(
    records: Records, folder: Path, clock: Clock, appender: RecordingAppender | None = None
) -> AsyncIterator[Pushes]:
    """Receive pushed data with a real message log and an appender in memory."""
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
