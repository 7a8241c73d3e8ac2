"""`DeveloperErasure` over real stores: records, and the series of agents."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from analytics.sessions.erasure import DeveloperErasure
from analytics.sessions.log_sink import AgentLogSink
from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from ingest.otlp.receiver import OtlpEncoding, OtlpReceiver
from ingest.otlp.translation_settings import TranslationSettings, TranslationStrategy
from model.matchers import Matcher
from storage.api.errors import StorageError
from storage.api.samples import SampleRemover
from storage.events import DuckEventStore
from storage.samples.store import SqliteSampleStore
from tests.analytics.sessions.agent_events import claude_request
from tests.ingest.otlp.otlp_setting import NOW_MS, counter, request

ANN, BOB = "ann@example.com", "bob@example.com"
UTF8 = TranslationSettings(strategy=TranslationStrategy.NONE)


@dataclass
class World:
    sessions: AgentSessions
    samples: SqliteSampleStore
    receiver: OtlpReceiver

    async def metric(self, name: str, **attributes: str) -> None:
        resource = {"service.name": "claude-code", "developer": attributes.get("user.email", "x")}
        point = (NOW_MS - 5, NOW_MS, 3.0)
        metric = counter(name, point, temporality=2, unit="", **attributes)
        message = request(metric, resource=resource)
        body = message.SerializeToString()
        await self.receiver.receive_metrics(body, OtlpEncoding.PROTOBUF, "sender")

    async def event(self, developer: str, session: str) -> None:
        sink = AgentLogSink(self.sessions.ingestion, lambda: NOW_MS)
        more = {"user.email": developer, "session.id": session}
        await sink.receive([claude_request(f"r-{session}", at_ms=NOW_MS, **more)], "sender", "")

    async def series(self) -> list[str]:
        every = [Matcher.of("__name__", "!=", "")]
        found = await asyncio.to_thread(self.samples.series, [every], 0, 2 * NOW_MS)
        return [str(labels) for labels in found]

    def erasure(self, remover: SampleRemover | None = None) -> DeveloperErasure:
        return DeveloperErasure(self.sessions.store, self.samples, remover or self.samples)


@pytest_asyncio.fixture(params=[False, True], ids=["addresses", "pseudonyms"])
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    events = DuckEventStore(tmp_path / "events.duckdb")
    samples = SqliteSampleStore(tmp_path / "samples", clock=lambda: NOW_MS + 1)
    await asyncio.to_thread(samples.open)
    settings = SessionSettings(hash_emails=request.param)
    sessions = AgentSessions.over(settings, events.agent_sessions, lambda: NOW_MS)
    source = sessions.store.pseudonym_function if request.param else None
    receiver = OtlpReceiver(samples, samples, lambda: NOW_MS, pseudonyms=source)
    yield World(sessions, samples, receiver)
    await asyncio.to_thread(samples.close)
    await asyncio.to_thread(events.close)


@pytest.mark.parametrize("translation", [TranslationSettings(), UTF8], ids=["escaped", "utf-8"])
async def test_developers_records_and_series_are_deleted_and_no_others(
    world: World, translation: TranslationSettings
) -> None:
    world.receiver.translate(translation)
    await world.event(ANN, "s-1")
    await world.event(BOB, "s-2")
    await world.metric("claude_code.cost.usage", **{"user.email": ANN, "session.id": "s-1"})
    # With an API key, Claude Code names the session alone.
    await world.metric("claude_code.token.usage", **{"session.id": "s-1"})
    await world.metric("claude_code.cost.usage", **{"user.email": BOB, "session.id": "s-2"})
    # Another program's session may have the same id.
    await world.metric("shop.visits", **{"session.id": "s-1"})
    before = await world.series()
    erased = await world.erasure().erase(ANN)
    assert (erased.records, erased.series) == (1, 3)
    left = await world.series()
    assert len(left) == len(before) - 3
    assert any("visits" in each for each in left)
    names = (await world.sessions.store.identity_of(BOB)).names
    assert sum(any(name in each for name in names) for each in left) == 2
    totals = await world.sessions.store.identity_of(ANN)
    assert totals.session_ids == []


async def test_disk_that_refuses_the_deletion_of_series_keeps_the_records_for_the_next_try(
    world: World,
) -> None:
    class Full:
        def delete_series(self, *_: object) -> None:
            raise StorageError("the disk is full")

        def clean_tombstones(self) -> None:
            raise AssertionError

    await world.event(ANN, "s-1")
    await world.metric("claude_code.token.usage", **{"session.id": "s-1"})
    with pytest.raises(StorageError):
        await world.erasure(Full()).erase(ANN)
    erased = await world.erasure().erase(ANN)
    assert (erased.records, erased.series) == (1, 1)


async def test_name_of_nobody_deletes_nothing(world: World) -> None:
    await world.metric("claude_code.token.usage", **{"session.id": "s-1"})
    before = await world.series()
    erased = await world.erasure().erase(".*")
    assert (erased.records, erased.series) == (0, 0)
    assert await world.series() == before
