"""prodlens's API over ingested traces, prices, privacy and outcomes."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from pytest_aiohttp import AiohttpClient

from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from storage.api.accounts import Role, Scope
from tests.analytics.sessions.claude_lines import prompt, response, tool_result, tool_use
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, opened_events, world_at
from web.sessions.documents import iso
from web.settings import WebSettings

USAGE = {
    "input_tokens": 1000,
    "output_tokens": 2000,
    "cache_read_input_tokens": 10_000,
    "cache_creation_input_tokens": 4000,
    "cache_creation": {"ephemeral_1h_input_tokens": 4000},
}
COST = (1000 * 3 + 2000 * 15 + 10_000 * 0.3 + 4000 * 6) / 1e6


def at(offset_ms: int) -> str:
    return iso(NOW_MS + offset_ms)


TRACE = b"\n".join(
    [
        prompt("fix the bug", "p-1", timestamp=at(-60_000)),
        response(
            usage=USAGE,
            time=at(-50_000),
            content=[tool_use("t-1", "Edit", file_path="/a.py", new_string="a\nb")],
        ),
        response(usage=USAGE, time=at(-50_000)),
        tool_result("t-1", time=at(-49_000)),
        response("msg_2", "req_2", model="brand-new-model", time=at(-40_000), session="s-2"),
    ]
)


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def ingest(world: World, body: bytes = TRACE, **query: str) -> Any:
    headers = await world.bearer(Role.EDITOR, frozenset({Scope.PUSH}))
    answer = await world.client.post(
        "/api/sessions/ingest", params=query, data=body, headers=headers
    )
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def get(world: World, path: str, status: int = 200, role: Role = Role.VIEWER) -> Any:
    answer = await world.client.get(path, headers=await world.bearer(role))
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_trace_becomes_sessions_once(world: World) -> None:
    first = await ingest(world, developer="ann", team="core")
    assert first == {
        "format": "claude-code",
        "requests": 3,
        "actions": 2,
        "stored": 4,
        "updated": 0,
        "duplicates": 1,
    }
    assert (await ingest(world, developer="ann", team="core"))["stored"] == 0
    found = await get(world, "/api/sessions")
    assert (found["total_count"], found["page"], found["has_more"]) == (2, 1, False)
    newest, one = found["sessions"]
    assert (one["session_id"], one["developer_id"], one["team"]) == ("s-1", "ann", "core")
    assert one["cost_usd"] == pytest.approx(COST)
    assert (one["tokens_in"], one["tokens_out"], one["total_tokens"]) == (15_000, 2000, 17_000)
    assert (one["accepted_flag"], one["accepted_lines"], one["requests"]) == (True, 2, 1)
    assert (newest["model"], newest["cost_usd"], newest["unpriced_tokens"]) == (
        "brand-new-model",
        None,
        30,
    )


async def test_sessions_are_filtered_sorted_and_paged(world: World) -> None:
    await ingest(world, developer="ann")
    page = await get(world, "/api/sessions?page=2&page_size=1&sort_by=tokens&sort_order=asc")
    assert ([one["session_id"] for one in page["sessions"]], page["has_more"]) == (["s-1"], False)
    page = await get(world, "/api/sessions?model=brand-new-model&developer_id=ann")
    assert [one["session_id"] for one in page["sessions"]] == ["s-2"]
    assert not (await get(world, "/api/sessions?developer_id=bob"))["sessions"]
    for query in ("page=0", "page_size=101", "sort_by=name", "sort_order=up"):
        error = await get(world, f"/api/sessions?{query}", 400)
        assert error["field"] == query.split("=")[0]


async def test_session_has_its_timeline(world: World) -> None:
    await ingest(world)
    found = await get(world, "/api/sessions/s-1")
    kinds = [entry["kind"] for entry in found["timeline"]]
    assert kinds == ["prompt", "request", "edit"] or kinds == ["prompt", "edit", "request"]
    assert all(entry["content"] == "" for entry in found["timeline"])
    await get(world, "/api/sessions/nowhere", 404)


async def test_metrics_say_what_is_unknown(world: World) -> None:
    await ingest(world)
    metrics = await get(world, "/api/metrics?since=7")
    assert metrics["ai_interaction_velocity"]["value"] == pytest.approx(2 / 168)
    assert metrics["acceptance_rate"]["value"] == 100
    assert metrics["token_efficiency"]["value"] == pytest.approx((17_000 + 30) / 2)
    assert metrics["pr_throughput"] == {
        "value": None,
        "unit": "PRs/week",
        "threshold": None,
        "status": "unknown",
    }
    raw = await get(world, "/api/metrics/raw?since=2")
    assert (raw["requests"], raw["unpriced_tokens"]) == (2, 30)
    assert raw["cost_usd"] == pytest.approx(COST)
    assert sum(day["requests"] for day in raw["days"]) == 2
    (tool,) = raw["tools"]
    assert tool.pop("cost_usd") == pytest.approx(COST)
    assert tool == {"name": "Edit", "calls": 1, "failed": 0, "rejected": 0}


async def test_device_may_still_post_metrics(world: World) -> None:
    body = {
        "message_id": "m",
        "timestamp": NOW_MS / 1000,
        "device_id": "d",
        "source": "local",
        "metrics": [{"metric_name": "cpu", "metric_value": 1}],
    }
    answer = await world.client.post("/api/metrics", json=body, headers=await world.bearer())
    assert answer.status == 200


async def test_profile_of_a_developer(world: World) -> None:
    await ingest(world, developer="ann", project="shop")
    profile = await get(world, "/api/profile?developer_id=ann")
    assert (profile["developer_id"], profile["total_sessions"]) == ("ann", 2)
    assert profile["active_repos"] == [{"value": "shop", "count": 2}]
    assert sum(profile["sessions_by_date"].values()) == 2
    assert (await get(world, "/api/profile?developer_id=bob"))["total_sessions"] == 0
    usage = await get(world, "/api/session-usage?by=developer")
    assert [(one["value"], one["sessions"]) for one in usage] == [("ann", 2)]


async def test_insights_refuse_what_they_cannot_know(world: World) -> None:
    await ingest(world)
    found = await get(world, "/api/insights?since=7&lag_days=1")
    assert found["refused"] is True
    assert "at least 30" in found["key_findings"][0]
    assert all(one["r"] is None and one["refusal"] for one in found["correlations"])
    assert {one["lag_days"] for one in found["correlations"]} == {0, 1}
    await get(world, "/api/insights?lag_days=8", 400)


async def test_admin_prices_a_new_model_and_costs_follow(world: World) -> None:
    await ingest(world)
    listed = await get(world, "/api/session-prices")
    assert listed["unpriced"] == [{"model": "brand-new-model", "tokens": 30}]
    price = {
        "model": "Brand-New-Model",
        "effective_from": "2025-01-01",
        "input": 1,
        "output": 2,
        "cache_read": 0,
        "cache_write_5m": 0,
        "cache_write_1h": 0,
    }
    answer = await world.client.put(
        "/api/session-prices", json=price, headers=await world.bearer(Role.ADMIN)
    )
    assert await answer.json() == {"repriced": 1}
    session = await get(world, "/api/sessions/s-2")
    assert session["cost_usd"] == pytest.approx((10 * 1 + 20 * 2) / 1e6)
    own = [one for one in (await get(world, "/api/session-prices"))["prices"] if one["is_own"]]
    assert [(one["model"], one["source"]) for one in own] == [
        ("brand-new-model", "set by the-admin")
    ]
    path = "/api/session-prices?model=brand-new-model&effective_from=2025-01-01"
    for status in (200, 404):
        answer = await world.client.delete(path, headers=await world.bearer(Role.ADMIN))
        assert answer.status == status
    assert (await get(world, "/api/sessions/s-2"))["cost_usd"] is None


async def test_unknown_format_is_refused_with_the_known_ones(world: World) -> None:
    answer = await world.client.post(
        "/api/sessions/ingest", data=b"hello\n", headers=await world.bearer()
    )
    assert answer.status == 400
    error = await answer.json()
    assert error["field"] == "format"
    assert "claude-code" in error["error"]


async def test_erasing_a_developer_removes_their_sessions(world: World) -> None:
    await ingest(world, developer="ann@example.com")
    answer = await world.client.delete(
        "/api/session-developers/ann@example.com", headers=await world.bearer(Role.ADMIN)
    )
    assert await answer.json() == {"deleted": 4, "series": 0}
    assert (await get(world, "/api/sessions"))["total_count"] == 0


@pytest.fixture
async def private(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    """Serve with pseudonyms, content, an agreement on models and a secret for webhooks."""
    settings = SessionSettings(
        content=True,
        hash_emails=True,
        approved_models=("claude-sonnet-4.5",),
        github_webhook_secret=SecretStr("shh"),
    )
    folder = tmp_path / "sessions"
    await asyncio.to_thread(folder.mkdir)
    async with opened_events(folder) as events:
        sessions = AgentSessions.over(settings, events.agent_sessions, lambda: NOW_MS)
        async with world_at(tmp_path, aiohttp_client, agent_sessions=sessions) as world:
            yield world


async def test_addresses_become_pseudonyms_and_content_is_kept_if_asked_for(
    private: World,
) -> None:
    await ingest(private, developer="ann@example.com")
    sessions = (await get(private, "/api/sessions"))["sessions"]
    (name,) = {one["developer_id"] for one in sessions}
    assert name.startswith("dev-")
    assert "ann" not in name
    timeline = (await get(private, "/api/sessions/s-1"))["timeline"]
    assert timeline[0]["content"] == "fix the bug"
    metrics = await get(private, "/api/metrics")
    assert metrics["model_selection_accuracy"]["value"] == 50
    await ingest(private, response("m9", "r9", session="s-9"), developer="ann@example.com")
    assert {one["developer_id"] for one in (await get(private, "/api/sessions"))["sessions"]} == {
        name
    }


PULL = {
    "action": "closed",
    "repository": {"full_name": "o/r"},
    "pull_request": {
        "number": 7,
        "state": "closed",
        "title": "Fix",
        "user": {"login": "ann"},
        "created_at": at(-7_200_000),
        "merged_at": at(-3_600_000),
        "closed_at": at(-3_600_000),
        "updated_at": at(-3_600_000),
    },
}


async def test_signed_webhook_is_stored_and_another_refused(private: World) -> None:
    body = orjson.dumps(PULL)
    digest = hmac.new(b"shh", body, hashlib.sha256).hexdigest()
    path = "/api/session-outcomes/github"
    for signature, status in (("", 403), ("sha256=0", 403), ("é", 403), (f"sha256={digest}", 200)):
        answer = await private.client.post(
            path, data=body, headers={"X-Hub-Signature-256": signature}
        )
        assert answer.status == status
    metrics = await get(private, "/api/metrics")
    assert metrics["pr_throughput"]["value"] == 1
    assert metrics["pr_merge_time_hours"]["value"] == 1
    assert metrics["rework_rate"]["value"] == 0


async def test_webhooks_are_missing_without_a_secret(world: World) -> None:
    answer = await world.client.post("/api/session-outcomes/github", data=b"{}")
    assert answer.status == 404


async def test_commits_of_githubs_api_are_counted(world: World) -> None:
    commits = [
        {
            "sha": f"{n:040x}",
            "html_url": f"https://github.com/o/r/commit/{n:040x}",
            "commit": {"message": "x\ny", "author": {"email": "a@b", "date": at(-n * 1000)}},
            "author": {"login": "ann"},
        }
        for n in range(3)
    ]
    for stored in (3, 0):
        answer = await world.client.post(
            "/api/session-outcomes", json=commits, headers=await world.bearer()
        )
        assert await answer.json() == {"outcomes": 3, "stored": stored}
    assert (await get(world, "/api/metrics"))["commit_frequency"]["value"] == 3


async def test_author_without_a_login_is_stored_as_a_pseudonym(private: World) -> None:
    commit = {
        "sha": "a" * 40,
        "html_url": f"https://github.com/o/r/commit/{'a' * 40}",
        "commit": {"message": "x", "author": {"email": "ann@example.com", "date": at(-1000)}},
    }
    answer = await private.client.post(
        "/api/session-outcomes", json=commit, headers=await private.bearer()
    )
    assert answer.status == 200
    store = private.services.agent_sessions.store
    (outcome,) = await store.outcomes(0, NOW_MS)
    pseudonym = (await store.identity_of("ann@example.com")).names[1]
    assert (outcome.author, outcome.author_email) == (pseudonym, pseudonym)


@pytest.fixture
async def open_world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    settings = WebSettings(registration=True, anonymous_viewer=True)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        yield world


async def test_strangers_who_registered_read_no_sessions(open_world: World) -> None:
    for path in ("/api/sessions", "/api/metrics", "/api/profile", "/api/insights"):
        await get(open_world, path, 403)
        await get(open_world, path, 200, Role.EDITOR)
        assert (await open_world.client.get(path)).status == 401


async def test_socket_sends_the_latest_and_each_changed_session(world: World) -> None:
    await ingest(world)
    async with world.client.ws_connect(
        "/ws/sessions", headers=await world.bearer(Role.VIEWER)
    ) as socket:
        first = await socket.receive_json()
        assert {one["session_id"] for one in first["sessions"]} == {"s-1", "s-2"}
        await ingest(world, response("m3", "r3", session="s-3", time=at(-1000)))
        message = await socket.receive_json()
        assert message["type"] == "sessions"
        assert [one["session_id"] for one in message["sessions"]] == ["s-3"]


async def test_socket_takes_a_token_in_the_first_message(world: World) -> None:
    headers = await world.bearer(Role.VIEWER)
    token = headers["Authorization"].removeprefix("Bearer ")
    async with world.client.ws_connect("/ws/sessions") as socket:
        await socket.send_json({"type": "auth", "token": token})
        assert (await socket.receive_json())["sessions"] == []
