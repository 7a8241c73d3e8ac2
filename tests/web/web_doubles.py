"""A small world around the application: real hosts, in-memory accounts and alerts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request
from argon2 import PasswordHasher
from prometheus_client import CollectorRegistry, Counter
from pytest_aiohttp import AiohttpClient
from structlog.testing import capture_logs

from model.labels import Labels
from model.matchers import Matcher
from promql.api import Answer, InstantVector, ParseError, QueryOptions
from scraper.targets import Health, Target, TargetStatus
from storage.api.accounts import Credential, CredentialKind, Role, User
from storage.api.alerts import (
    Alert,
    AlertState,
    CheckOverride,
    Notification,
    Transition,
)
from storage.api.errors import NotFoundError, TakenError
from storage.api.samples import ReadBudget, StoreStats
from storage.records.records import Records
from web.accounts.authentication import secret_hash
from web.app import Resources, create_app
from web.services import CheckDefault, Services
from web.settings import WebSettings

NOW_MS = 1_763_820_000_000
PASSWORD = "correct horse battery"
# The cheapest setting there is: these tests are not about how long hashing takes.
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)

Client = TestClient[Request, Application]

CHECKS = (
    CheckDefault("down", "Down", "", None, None, None, 60.0),
    CheckDefault("cpu", "CPU", "%", 85.0, 95.0, 80.0, 300.0),
    CheckDefault("memory", "Memory", "%", 85.0, 95.0, 80.0, 300.0),
    CheckDefault("disk", "Disk", "%", 80.0, 90.0, 78.0, 300.0),
)


class MemoryAccounts:
    """`AccountRecords` in memory."""

    def __init__(self) -> None:
        self.by_name: dict[str, User] = {}
        self.by_hash: dict[str, Credential] = {}
        self._last_id = 0

    def _id(self) -> int:
        self._last_id += 1
        return self._last_id

    async def users(self) -> Sequence[User]:
        return sorted(self.by_name.values(), key=lambda user: user.name)

    async def user(self, name: str) -> User | None:
        return self.by_name.get(name)

    async def add_user(self, name: str, role: Role, password_hash: str, now_ms: int) -> User:
        if name in self.by_name:
            raise TakenError("user", "name", name)
        user = self.by_name[name] = User(self._id(), name, role, password_hash, now_ms)
        return user

    async def set_password(self, name: str, password_hash: str) -> None:
        user = self._known(name)
        self.by_name[name] = replace(user, password_hash=password_hash)
        self._revoke_all(user.id)

    async def remove_user(self, name: str) -> None:
        self._revoke_all(self._known(name).id)
        del self.by_name[name]

    def _known(self, name: str) -> User:
        if name not in self.by_name:
            raise NotFoundError("user", name)
        return self.by_name[name]

    def _revoke_all(self, user_id: int) -> None:
        self.by_hash = {key: each for key, each in self.by_hash.items() if each.user_id != user_id}

    async def add_credential(
        self,
        user_id: int,
        kind: CredentialKind,
        secret_hash: str,
        label: str,
        now_ms: int,
        expires_ms: int,
    ) -> Credential:
        credential = Credential(
            self._id(), user_id, kind, secret_hash, label, now_ms, expires_ms, now_ms
        )
        self.by_hash[secret_hash] = credential
        return credential

    async def credential(self, secret_hash: str, now_ms: int) -> tuple[Credential, User] | None:
        found = self.by_hash.get(secret_hash)
        if found is None or found.expires_ms <= now_ms:
            return None
        return found, next(user for user in self.by_name.values() if user.id == found.user_id)

    async def credentials(self, user_id: int, now_ms: int) -> Sequence[Credential]:
        live = [
            each
            for each in self.by_hash.values()
            if each.user_id == user_id and each.expires_ms > now_ms
        ]
        return sorted(live, key=lambda each: -each.id)

    async def touch_credential(self, credential_id: int, now_ms: int) -> None:
        for key, each in self.by_hash.items():
            if each.id == credential_id:
                self.by_hash[key] = replace(each, last_used_ms=now_ms)

    async def revoke_credential(self, secret_hash: str) -> None:
        self.by_hash.pop(secret_hash, None)


@dataclass
class MemoryAlerts:
    """What the web reads of alerts and does to them, in memory."""

    alerts: dict[int, Alert] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    log: list[Notification] = field(default_factory=list)
    own: dict[tuple[str, str], CheckOverride] = field(default_factory=dict)

    def put(self, alert: Alert) -> Alert:
        self.alerts[alert.id] = alert
        return alert

    async def open_alerts(self) -> Sequence[Alert]:
        return [alert for alert in self.alerts.values() if alert.is_open]

    async def alert(self, alert_id: int) -> Alert:
        if alert_id not in self.alerts:
            raise NotFoundError("alert", alert_id)
        return self.alerts[alert_id]

    async def resolved(self, limit: int, before_id: int | None = None) -> Sequence[Alert]:
        done = [each for each in self.alerts.values() if each.state is AlertState.RESOLVED]
        older = [each for each in done if before_id is None or each.id < before_id]
        return sorted(older, key=lambda each: -each.id)[:limit]

    async def history(
        self, limit: int, before_id: int | None = None, alert_id: int | None = None
    ) -> Sequence[Transition]:
        found = [
            each
            for each in reversed(self.transitions)
            if (before_id is None or each.id < before_id)
            and (alert_id is None or each.alert_id == alert_id)
        ]
        return found[:limit]

    async def notifications(
        self, limit: int, before_id: int | None = None
    ) -> Sequence[Notification]:
        found = [each for each in reversed(self.log) if before_id is None or each.id < before_id]
        return found[:limit]

    async def overrides(self) -> Sequence[CheckOverride]:
        return list(self.own.values())

    async def acknowledge(self, alert_id: int, user: str, now_ms: int) -> Alert:
        alert = self.alerts.get(alert_id)
        if alert is None or not alert.is_open:
            raise NotFoundError("open alert", alert_id)
        if alert.acknowledged_by is None:
            alert = self.put(replace(alert, acknowledged_by=user, acknowledged_ms=now_ms))
        return alert

    async def set_override(self, override: CheckOverride) -> None:
        self.own[override.instance, override.check] = override

    async def remove_override(self, instance: str, check: str) -> None:
        self.own.pop((instance, check), None)


@dataclass
class ScriptedEngine:
    """Answers queries by rules: the first whose text occurs in the query."""

    answers: dict[str, Answer | Exception] = field(default_factory=dict)
    asked: list[tuple[str, int, int, int]] = field(default_factory=list)
    options: QueryOptions | None = None

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        self.asked.append((query, time_ms, time_ms, 0))
        self.options = options
        return self._answer(query, time_ms)

    async def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        self.asked.append((query, start_ms, end_ms, step_ms))
        self.options = options
        return self._answer(query, start_ms)

    def _answer(self, query: str, time_ms: int) -> Answer:
        if not query:
            raise ParseError("unknown position: parse error: no expression found in input", 0, 0)
        for part, answer in self.answers.items():
            if part in query:
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return Answer(InstantVector(time_ms, (), np.empty(0)))


@dataclass
class MemorySamples:
    """`SampleReader` over a fixed list of label sets."""

    known: list[Labels] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
    ) -> list[Any]:
        return []

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
        return StoreStats(len(self.known), 1, 1, 0, 0, 0, 0, None, None)


def parse_selector(text: str) -> Sequence[Matcher]:
    """Parse a bare metric name or `{a="b"}`; enough for these tests."""
    if text.startswith("{") and text.endswith("}"):
        pairs = [part.split("=", 1) for part in text[1:-1].split(",") if part]
        return [Matcher.of(name, "=", value.strip('"')) for name, value in pairs]
    if not text.isidentifier():
        raise ParseError(f"1:1: parse error: unexpected {text!r}", 0, len(text))
    return [Matcher.of("__name__", "=", text)]


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


@cache
def shared_resources() -> Resources:
    """Read files and compile templates once for all tests."""
    return Resources.read()


@dataclass
class World:
    """The application with all that surrounds it, and a client without credentials."""

    services: Services
    settings: WebSettings
    accounts: MemoryAccounts
    alerts: MemoryAlerts
    engine: ScriptedEngine
    samples: MemorySamples
    statuses: list[TargetStatus]
    now: list[int]
    changes: list[None]
    start: Callable[[], Any]
    logs: list[MutableMapping[str, Any]]
    client: Client

    async def user(self, name: str = "ann", role: Role = Role.ADMIN) -> User:
        """Return a user of this name, added on first use; the password is PASSWORD."""
        known = self.accounts.by_name.get(name)
        return known or await self.accounts.add_user(name, role, PASSWORD_HASH, NOW_MS)

    async def secret(self, kind: CredentialKind, role: Role = Role.ADMIN) -> str:
        """Return the secret of a new session or token of a user with this role."""
        user = await self.user(f"the-{role}", role)
        secret = f"secret-{kind}-{role}-{len(self.accounts.by_hash)}"
        await self.accounts.add_credential(
            user.id, kind, secret_hash(secret), "test", NOW_MS, NOW_MS + 86_400_000
        )
        return secret

    async def bearer(self, role: Role = Role.ADMIN) -> dict[str, str]:
        """Return the header of a token with this role."""
        return {"Authorization": f"Bearer {await self.secret(CredentialKind.BEARER, role)}"}

    async def cookie(self, role: Role = Role.ADMIN) -> dict[str, str]:
        """Return the cookie header of a session with this role."""
        return {"Cookie": f"redshank_session={await self.secret(CredentialKind.SESSION, role)}"}


@asynccontextmanager
async def world_at(
    tmp_path: Path, aiohttp_client: AiohttpClient, settings: WebSettings | None = None
) -> AsyncIterator[World]:
    """Start the application in a new world."""
    settings = settings or WebSettings()
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    accounts, alerts = MemoryAccounts(), MemoryAlerts()
    engine, samples = ScriptedEngine(), MemorySamples()
    statuses: list[TargetStatus] = []
    now, changes = [NOW_MS], list[None]()
    registry = CollectorRegistry()
    Counter("redshank_example", "An example.", registry=registry).inc()

    async def hosts_changed() -> None:
        changes.append(None)

    services = Services(
        hosts=records.hosts,
        accounts=accounts,
        alerts=alerts,
        alert_actions=alerts,
        samples=samples,
        engine=engine,
        parse_selector=parse_selector,
        targets=lambda: statuses,
        registry=registry,
        clock=lambda: now[0],
        version="0.1.0",
        started_ms=NOW_MS - 3_600_000,
        hosts_changed=hosts_changed,
        check_defaults=CHECKS,
    )

    async def start() -> Client:
        app = create_app(services, settings, await asyncio.to_thread(shared_resources))
        return await aiohttp_client(app)

    try:
        with capture_logs() as logs:
            yield World(
                logs=logs,
                services=services,
                settings=settings,
                accounts=accounts,
                alerts=alerts,
                engine=engine,
                samples=samples,
                statuses=statuses,
                now=now,
                changes=changes,
                start=start,
                client=await start(),
            )
    finally:
        await asyncio.to_thread(records.close)
