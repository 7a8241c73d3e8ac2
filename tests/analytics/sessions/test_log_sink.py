"""Each request of an agent counts once, whatever arrives twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from analytics.sessions.log_sink import AgentLogSink
from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from analytics.sessions.traces.reader import TraceSource
from model.telemetry.log_records import LogOutcome, ScopeLogs
from storage.api.agent_sessions.records import AgentSender
from storage.api.agent_sessions.reports import AgentSelection, SessionOrder
from storage.events import DuckEventStore
from tests.analytics.sessions import claude_lines
from tests.analytics.sessions.agent_events import (
    TIME,
    TIME_MS,
    claude,
    claude_request,
    codex,
    codex_completed,
    copilot,
    gemini,
    opencode,
    scope_logs,
)

ALL = AgentSelection(0, TIME_MS * 2)
INFERENCE = "gen_ai.client.inference.operation.details"
CODEX_THREAD = b"\n".join(
    [
        b'{"timestamp":"%b","type":"session_meta","payload":'
        b'{"id":"11111111-2222-3333-4444-555555555555"}}' % TIME.encode(),
        b'{"timestamp":"%b","type":"turn_context","payload":{"model":"gpt-5-codex"}}'
        % TIME.encode(),
        b'{"timestamp":"%b","type":"event_msg","payload":{"type":"token_count","info":'
        b'{"total_token_usage":{"input_tokens":100,"cached_input_tokens":60,"output_tokens":30,'
        b'"reasoning_output_tokens":10},"last_token_usage":{"input_tokens":100,'
        b'"cached_input_tokens":60,"output_tokens":30,"reasoning_output_tokens":10}}}}'
        % TIME.encode(),
    ]
)


class Setting:
    """A sink over a real store."""

    def __init__(self, events: DuckEventStore, settings: SessionSettings | None = None) -> None:
        self.store = events.agent_sessions
        self.sessions = AgentSessions.over(
            settings or SessionSettings(), self.store, lambda: TIME_MS
        )
        self.sink = AgentLogSink(self.sessions.ingestion, lambda: TIME_MS)

    async def send(self, *logs: ScopeLogs) -> LogOutcome:
        return await self.sink.receive(logs, "sender", "1")

    async def read(self, body: bytes, name: str = "s-1") -> None:
        source = TraceSource(name, TIME_MS, AgentSender(developer="ann"))
        await self.sessions.ingestion.ingest(body, source)

    async def figures(self) -> tuple[int, int, int]:
        """Return the requests, their prompt tokens and their output tokens."""
        totals = await self.store.totals(ALL)
        return totals.requests, totals.tokens.prompt, totals.tokens.output


@pytest_asyncio.fixture
async def events(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / "events.duckdb")
    yield store
    await asyncio.to_thread(store.close)


@pytest.fixture
def setting(events: DuckEventStore) -> Setting:
    return Setting(events)


RETRIED = {
    "claude-code": claude_request(),
    "claude-code without ids": claude_request(""),
    "codex": codex_completed(),
    "gemini-cli": gemini("api_response", input_token_count=10, output_token_count=20),
    "copilot": copilot(INFERENCE, gen_ai__usage__input_tokens=10, gen_ai__usage__output_tokens=20),
    "opencode": opencode("api_request", input_tokens=10, output_tokens=20),
    "a failed request": claude("api_error", status_code=529),
    "a prompt": codex("user_prompt", prompt_length="7"),
    "a tool call without an id": gemini("tool_call", function_name="ls", success=True),
    "a commit": opencode("commit"),
}


@pytest.mark.parametrize("event", RETRIED.values(), ids=RETRIED.keys())
@pytest.mark.parametrize("at_once", [True, False], ids=["one request", "two requests"])
async def test_event_that_is_sent_again_counts_once(
    setting: Setting, event: ScopeLogs, at_once: bool
) -> None:
    for batch in [[event, event]] if at_once else [[event], [event]]:
        await setting.send(*batch)
    totals, actions = await setting.store.totals(ALL), await setting.store.action_totals(ALL)
    assert totals.requests + actions.prompts + actions.tools + actions.commits == 1


@pytest.mark.parametrize("event", [claude_request, codex_completed])
async def test_equal_requests_at_other_times_count_each(setting: Setting, event: object) -> None:
    first = claude_request("") if event is claude_request else codex_completed()
    later = TIME_MS + 1
    second = (
        claude_request("", at_ms=later) if event is claude_request else codex_completed(at_ms=later)
    )
    await setting.send(first)
    await setting.send(second)
    assert (await setting.figures())[0] == 2


@pytest.mark.parametrize("event_first", [True, False], ids=["event first", "transcript first"])
@pytest.mark.parametrize(
    ("event_id", "line_id"),
    [("req_1", "req_1"), ("", "req_1"), ("req_1", None), ("", None)],
    ids=["both ids", "event without id", "gateway without ids", "no ids"],
)
async def test_event_and_transcript_of_one_request_count_once(
    setting: Setting, event_first: bool, event_id: str, line_id: str | None
) -> None:
    event = claude_request(event_id)
    line = claude_lines.response(request_id=line_id)
    if event_first:
        await setting.send(event)
    await setting.read(line)
    if not event_first:
        await setting.send(event)
    # A retry of both, after they have become one.
    await setting.send(event)
    await setting.read(line)
    assert await setting.figures() == (1, 10, 20)


async def test_transcript_shows_how_long_cache_writes_last(setting: Setting) -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_creation_input_tokens": 1000,
        "cache_creation": {"ephemeral_1h_input_tokens": 1000},
    }
    await setting.send(claude_request(cache_creation_tokens=1000, cost_usd=0.25))
    assert (await setting.store.totals(ALL)).cost_usd == 0.25
    await setting.read(claude_lines.response(usage=usage))
    totals = await setting.store.totals(ALL)
    assert (totals.tokens.cache_write_5m, totals.tokens.cache_write_1h) == (0, 1000)
    assert totals.cost_usd == pytest.approx((10 * 3 + 20 * 15 + 1000 * 6) / 1e6)


@pytest.mark.parametrize("event_first", [True, False], ids=["event first", "thread first"])
async def test_event_and_thread_of_codex_count_once(setting: Setting, event_first: bool) -> None:
    event = codex_completed()
    if event_first:
        await setting.send(event)
    await setting.read(CODEX_THREAD)
    await setting.send(event)
    assert await setting.figures() == (1, 100, 30)


async def test_stream_event_of_codex_without_counts_is_no_request(setting: Setting) -> None:
    await setting.send(
        codex("sse_event", event__kind="response.completed", duration_ms="12"),
        codex("sse_event", event__kind="response.output_item.done", duration_ms="3"),
        codex_completed(),
    )
    assert await setting.figures() == (1, 100, 30)


async def test_gen_ai_twins_of_gemini_do_not_count(setting: Setting) -> None:
    await setting.send(
        gemini(
            "api_response",
            model="gemini-3-pro",
            input_token_count=100,
            cached_content_token_count=40,
            output_token_count=20,
            thoughts_token_count=5,
            tool_token_count=3,
        ),
        gemini(INFERENCE, gen_ai__usage__input_tokens=100, gen_ai__usage__output_tokens=20),
        gemini("conversation_finished", turnCount=3),
    )
    assert await setting.figures() == (1, 103, 25)


async def test_turns_and_sessions_that_repeat_requests_do_not_count(setting: Setting) -> None:
    counts = {"gen_ai__usage__input_tokens": 100, "gen_ai__usage__output_tokens": 20}
    await setting.send(
        copilot(INFERENCE, gen_ai__response__id="r-1", **counts),
        copilot("copilot_chat.agent.turn", turn__index=0, **counts),
        opencode("api_request", input_tokens=10, output_tokens=5, reasoning_tokens=4),
        opencode("session.idle", total_tokens=19, cost_usd=0.1),
        claude("subagent_completed", total_tokens=5000),
    )
    assert await setting.figures() == (2, 110, 29)


async def test_response_in_a_file_of_copilot_and_its_event_count_once(setting: Setting) -> None:
    await setting.send(
        copilot(
            INFERENCE,
            gen_ai__conversation__id="c-1",
            gen_ai__response__id="r-1",
            gen_ai__usage__input_tokens=100,
            gen_ai__usage__output_tokens=20,
        )
    )
    await setting.read(
        b'{"type":"span","name":"chat gpt-5","traceId":"t","spanId":"p","endTime":"%b",'
        b'"attributes":{"gen_ai.operation.name":"chat","gen_ai.conversation.id":"c-1",'
        b'"gen_ai.response.id":"r-1","gen_ai.usage.input_tokens":100,'
        b'"gen_ai.usage.output_tokens":20}}' % TIME.encode()
    )
    assert await setting.figures() == (1, 100, 20)


async def test_tool_call_and_commit_in_event_and_transcript_count_once(setting: Setting) -> None:
    await setting.send(
        claude("tool_decision", tool_name="Bash", tool_use_id="t-1", decision="accept"),
        claude(
            "tool_result",
            tool_name="Bash",
            tool_use_id="t-1",
            success="true",
            duration_ms="40",
            tool_parameters='{"git_commit_id":"abc1234ffffffffffffffffffffffffffffffff0"}',
        ),
    )
    call = claude_lines.tool_use("t-1", "Bash", command="git commit -m x")
    await setting.read(
        b"\n".join(
            [
                claude_lines.response(content=[call]),
                claude_lines.tool_result("t-1", result={"stdout": "[main abc1234] x\n"}),
            ]
        )
    )
    actions = await setting.store.action_totals(ALL)
    assert (actions.tools, actions.commits, actions.tool_errors) == (1, 1, 0)


async def test_model_without_a_price_is_unpriced_though_the_agent_reports_zero(
    setting: Setting,
) -> None:
    await setting.send(
        opencode("api_request", model="new-model", input_tokens=7, output_tokens=5, cost_usd=0)
    )
    totals = await setting.store.totals(ALL)
    assert (totals.cost_usd, totals.unpriced_tokens) == (0.0, 12)


@pytest.mark.parametrize("content", [True, False])
async def test_prompts_and_code_are_stored_only_if_the_settings_say_so(
    events: DuckEventStore, content: bool
) -> None:
    setting = Setting(events, SessionSettings(content=content))
    await setting.send(
        claude("user_prompt", prompt__id="p-1", prompt="fix the secret"),
        codex("tool_result", call_id="c-1", tool_name="shell", arguments="rm secret"),
        gemini("tool_call", function_name="replace", function_args='{"new": "secret"}'),
    )
    page = await setting.store.sessions(ALL, SessionOrder.COST, descending=True, limit=9)
    found = [
        entry.content
        for one in page.sessions
        for entry in await setting.store.timeline(one.session_id, 9)
    ]
    assert len(found) == 3
    assert [("secret" in one) for one in found] == [content] * 3


async def test_addresses_are_replaced_before_anything_is_stored(events: DuckEventStore) -> None:
    setting = Setting(events, SessionSettings(hash_emails=True))
    await setting.send(claude_request(), codex("user_prompt"))
    page = await setting.store.sessions(ALL, SessionOrder.COST, descending=True, limit=9)
    assert len({one.developer for one in page.sessions}) == 2
    assert all(one.developer.startswith("dev-") for one in page.sessions)


async def test_session_without_an_id_is_not_named_after_an_address(
    events: DuckEventStore,
) -> None:
    setting = Setting(events, SessionSettings(hash_emails=True))
    await setting.send(claude_request(session__id=""), claude("user_prompt", session__id=""))
    page = await setting.store.sessions(ALL, SessionOrder.COST, descending=True, limit=9)
    (one,) = page.sessions
    assert one.session_id == f"claude-code:{one.developer}"


async def test_log_records_of_other_programs_are_rejected(setting: Setting) -> None:
    other = scope_logs(*claude_request().records[:0], service="shop")
    record = claude("mcp_server_connection", status="connected")
    plain = scope_logs(
        type(record.records[0])(body="started", time_ns=TIME_MS * 1_000_000), service="shop"
    )
    assert await setting.send(other, record) == LogOutcome()
    outcome = await setting.send(plain, claude_request())
    assert outcome == LogOutcome(1, "only the events of coding agents are stored")
    assert (await setting.figures())[0] == 1
