"""Insights over a real store: what they find, and what they refuse to say."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from analytics.sessions.reports import DAY_MS
from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from storage.api.agent_sessions.outcomes import OutcomeKind, WorkOutcome
from storage.api.agent_sessions.records import (
    AgentRecords,
    AgentRequest,
    AgentSender,
    RecordOrigin,
    TokenCounts,
)
from storage.events import DuckEventStore

NOW_MS = 20_600 * DAY_MS + 5


@pytest_asyncio.fixture
async def sessions(tmp_path: Path) -> AsyncIterator[AgentSessions]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield AgentSessions.over(SessionSettings(), store.agent_sessions, lambda: NOW_MS)
    await asyncio.to_thread(store.close)


async def store_days(
    sessions: AgentSessions, requests: Sequence[int], commits: Sequence[int]
) -> None:
    """Store requests and commits of the last days, the newest of them yesterday."""
    today_ms = NOW_MS // DAY_MS * DAY_MS
    found, outcomes = [], []
    for back, (used, made) in enumerate(
        zip(reversed(requests), reversed(commits), strict=True), start=1
    ):
        noon_ms = today_ms - back * DAY_MS + DAY_MS // 2
        found += [
            AgentRequest(
                session_id=f"s-{back}-{n}",
                time_ms=noon_ms,
                model="m",
                tokens=TokenCounts(input=100),
                sender=AgentSender("claude-code", "ann"),
                message_id=f"m-{back}-{n}",
                origin=RecordOrigin.TRACE,
            )
            for n in range(used)
        ]
        outcomes += [
            WorkOutcome(
                kind=OutcomeKind.COMMIT,
                key=f"commit:o/r:{back}-{n}",
                repository="o/r",
                time_ms=noon_ms,
                commit_id=f"{back}-{n}",
                updated_ms=noon_ms,
            )
            for n in range(made)
        ]
    await sessions.ingestion.append(AgentRecords(found))
    await sessions.store.append_outcomes(outcomes)


@pytest.mark.parametrize("seed", range(3))
async def test_days_before_the_first_record_are_no_data(sessions: AgentSessions, seed: int) -> None:
    """Both begin twenty days ago, and have nothing to do with each other."""
    random = np.random.default_rng(seed)
    requests, commits = (random.poisson(4, 20).clip(1).tolist() for _ in range(2))
    await store_days(sessions, requests, commits)
    found = await sessions.reports.insights(90, [0, 1])
    assert found.refused
    assert found.findings == []
    assert {one.days for one in found.correlations if one.effect == "commits"} == {18, 19}
    assert {one.days for one in found.correlations if one.effect != "commits"} == {0}


async def test_days_without_a_session_count_after_the_first(sessions: AgentSessions) -> None:
    random = np.random.default_rng(5)
    requests = (random.poisson(3, 80) * (random.random(80) < 0.7)).tolist()
    requests[0] = 1
    commits = [each + 1 for each in requests]
    await store_days(sessions, requests, commits)
    found = await sessions.reports.insights(79, [0])
    assert not found.refused
    (one,) = [each for each in found.findings if each.cause == "sessions"]
    assert (one.effect, one.days, round(one.r or 0, 6)) == ("commits", 79, 1)


async def test_profile_has_every_day_of_its_range(sessions: AgentSessions) -> None:
    await store_days(sessions, [1, 0, 0, 2], [0, 0, 0, 0])
    profile = await sessions.reports.profile("ann", 5)
    assert list(profile.days.values()) == [0, 1, 0, 0, 2, 0]
    assert list(profile.active_days.values()) == [1, 2]
