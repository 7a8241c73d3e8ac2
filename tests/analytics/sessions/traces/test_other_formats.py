"""What is read from the files of Gemini CLI, Copilot, LiteLLM and prodlens."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.sessions.traces.formats import TraceFormat, format_of, reader_of
from analytics.sessions.traces.native import native_lines
from analytics.sessions.traces.reader import TraceSource
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRecords,
    AgentRequest,
    AgentSender,
    TokenCounts,
)
from tests.analytics.sessions.claude_lines import prompt, response


def read(trace_format: TraceFormat, *lines: bytes) -> AgentRecords:
    reader = reader_of(trace_format, TraceSource("file", 1_000))
    reader.read(lines)
    return reader.take()


def dumped(**members: Any) -> bytes:
    return orjson.dumps(members)


GEMINI = {
    "sessionId": "g-1",
    "projectHash": "abc",
    "messages": [
        {"id": "m1", "type": "user", "timestamp": "2026-11-20T10:00:00Z", "content": "hello"},
        {
            "id": "m2",
            "type": "gemini",
            "timestamp": "2026-11-20T10:00:05Z",
            "model": "gemini-2.5-pro",
            "tokens": {
                "input": 1000,
                "output": 50,
                "cached": 300,
                "thoughts": 20,
                "tool": 5,
                "total": 1075,
            },
            "toolCalls": [
                {
                    "id": "call-1",
                    "name": "write_file",
                    "status": "success",
                    "args": {"file_path": "/a", "content": "x\ny\n"},
                }
            ],
        },
    ],
}


@pytest.mark.parametrize("indented", [False, True])
def test_gemini_input_contains_the_cache_where_the_total_says_so(indented: bool) -> None:
    text = orjson.dumps(GEMINI, option=orjson.OPT_INDENT_2 if indented else None)
    lines = text.split(b"\n")
    assert format_of(lines) is TraceFormat.GEMINI
    records = read(TraceFormat.GEMINI, *lines)
    (one,) = records.requests
    assert one.tokens == TokenCounts(input=705, output=70, cache_read=300, reasoning=20)
    assert (one.session_id, one.message_id) == ("g-1", "m2")
    assert [each.kind for each in records.actions] == [ActionKind.PROMPT, ActionKind.EDIT]
    assert records.actions[1].lines_added == 2


def span(name: str, trace: str = "t1", /, **attributes: Any) -> bytes:
    return dumped(
        type="span",
        name=name,
        traceId=trace,
        spanId=name,
        startTime=[1_795_168_800, 0],
        endTime=[1_795_168_802, 500_000_000],
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
    )


USAGE = {
    "gen_ai__usage__input_tokens": 100,
    "gen_ai__usage__output_tokens": 10,
    "gen_ai__usage__cache_read__input_tokens": 60,
}


def test_copilot_counts_the_most_exact_kind_of_each_trace() -> None:
    chat = span("chat gpt-5", gen_ai__response__model="gpt-5", **USAGE)
    summary = span("invoke_agent copilot", gen_ai__operation__name="invoke_agent", **USAGE)
    alone = span("invoke_agent copilot", "t2", gen_ai__operation__name="invoke_agent", **USAGE)
    named = span("other", session__id="c-1")
    records = read(TraceFormat.COPILOT, summary, chat, alone, named)
    assert [(one.session_id, one.tokens.input) for one in records.requests] == [
        ("c-1", 40),
        ("t2", 40),
    ]
    assert records.requests[0].duration_ms == 2500


def test_litellm_payload_and_row_of_spend_are_the_same_request() -> None:
    payload = dumped(
        id="r1",
        call_type="completion",
        status="success",
        model="claude-sonnet-4-5",
        prompt_tokens=100,
        completion_tokens=7,
        response_cost=0.0125,
        startTime=1_795_168_800.25,
        endTime=1_795_168_801.25,
        metadata={
            "session_id": "l-1",
            "user_api_key_team_alias": "core",
            "usage_object": {"cache_read_input_tokens": 80, "cache_creation_input_tokens": 5},
        },
        end_user="ann",
    )
    assert format_of([payload]) is TraceFormat.LITELLM
    (one,) = read(TraceFormat.LITELLM, payload).requests
    assert one.tokens == TokenCounts(input=15, output=7, cache_read=80, cache_write_5m=5)
    assert (one.reported_cost_usd, one.duration_ms) == (0.0125, 1000)
    assert (one.sender.developer, one.sender.team, one.session_id) == ("ann", "core", "l-1")
    row = dumped(
        request_id="r1",
        call_type="completion",
        spend="0.0125",
        prompt_tokens=100,
        startTime="2026-11-20T10:00:00.250000",
        metadata='{"session_id": "l-1"}',
    )
    (other,) = read(TraceFormat.LITELLM, b"[" + row + b"]").requests
    assert (other.message_id, other.reported_cost_usd) == ("r1", 0.0125)
    assert other.time_ms == one.time_ms


def test_prodlens_trace_has_its_fields() -> None:
    line = dumped(
        session_id="abc123",
        developer_id="dev@example.com",
        timestamp="2025-10-12T19:00:00+00:00",
        model="anthropic/claude-3-5-sonnet-20241022",
        tokens_in=250,
        tokens_out=150,
        latency_ms=1234.5,
        status_code=200,
        accepted_flag=1,
        repo_slug="owner/repo",
        cost_usd=0.004,
        accepted_lines=42,
    )
    assert format_of([line]) is TraceFormat.PRODLENS
    records = read(TraceFormat.PRODLENS, line, line)
    one, other = records.requests
    assert one == other
    assert (one.tokens.input, one.tokens.output, one.duration_ms) == (250, 150, 1234)
    assert (one.sender.developer, one.sender.project) == ("dev@example.com", "owner/repo")
    (edit,) = records.actions
    assert (edit.is_accepted, edit.lines_added) == (True, 42)


def test_untracked_acceptance_is_no_rejection() -> None:
    assert not read(TraceFormat.PRODLENS, dumped(session_id="x", accepted_flag=0)).actions


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([response()], TraceFormat.CLAUDE_CODE),
        (
            [dumped(type="summary", summary="x", sessionId="s"), prompt("x")],
            TraceFormat.CLAUDE_CODE,
        ),
        ([dumped(type="session_meta", payload={})], TraceFormat.CODEX),
        ([b"", b"not json", dumped(attributes={})], TraceFormat.COPILOT),
        ([dumped(hello=1)], None),
        ([b"[1, 2]"], None),
    ],
)
def test_format_is_recognised(lines: list[bytes], found: TraceFormat | None) -> None:
    assert format_of(lines) is found


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
COUNTS = st.integers(0, 2**40)
SENDERS = st.builds(AgentSender, NAMES, NAMES, NAMES, NAMES, NAMES)
TIMES = st.integers(1_600_000_000_000, 1_900_000_000_000)
REQUESTS = st.builds(
    AgentRequest,
    session_id=NAMES.filter(bool),
    time_ms=TIMES,
    model=NAMES,
    tokens=st.builds(TokenCounts, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
    sender=SENDERS,
    message_id=NAMES,
    request_id=NAMES,
    is_sidechain=st.booleans(),
    reported_cost_usd=st.none() | st.floats(0, 1000),
    prefers_reported=st.booleans(),
    duration_ms=st.none() | COUNTS,
    status=st.none() | st.integers(100, 599),
    is_error=st.booleans(),
    is_fast=st.booleans(),
)
ACTIONS = st.builds(
    AgentAction,
    session_id=NAMES.filter(bool),
    time_ms=TIMES,
    kind=st.sampled_from(ActionKind),
    key=NAMES.filter(bool),
    sender=SENDERS,
    name=NAMES,
    is_success=st.none() | st.booleans(),
    is_accepted=st.none() | st.booleans(),
    duration_ms=st.none() | COUNTS,
    lines_added=COUNTS,
    lines_removed=COUNTS,
    reference=NAMES,
)


@given(
    requests=st.lists(REQUESTS, max_size=4),
    actions=st.lists(ACTIONS, max_size=4, unique_by=lambda each: each.key),
)
def test_records_survive_the_way_from_the_command_to_the_server(
    requests: list[AgentRequest], actions: list[AgentAction]
) -> None:
    sent = AgentRecords(tuple(requests), tuple(actions))
    lines = b"".join(native_lines(sent)).split(b"\n")
    assert not len(sent) or format_of(lines) is TraceFormat.NATIVE
    assert read(TraceFormat.NATIVE, *lines) == sent


MEMBERS = st.sampled_from(
    [
        *(
            "type",
            "payload",
            "attributes",
            "messages",
            "tokens",
            "metadata",
            "usage_object",
            "info",
        ),
        *("session_id", "redshank", "kind", "sender", "startTime", "endTime", "toolCalls", "id"),
        *("token_count", "total_token_usage", "input_tokens", "input", "name", "git", "source"),
        *("timestamp", "call_id", "output", "args", "status", "spend", "gen_ai.usage.input_tokens"),
    ]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=20,
)


@given(
    trace_format=st.sampled_from(TraceFormat),
    entries=st.lists(st.dictionaries(MEMBERS, ANY_JSON, max_size=6), max_size=4),
    kind=st.sampled_from(["gemini", "request", "action", "token_count", "session_meta", "span"]),
)
def test_any_json_is_read_by_every_reader_without_an_error(
    trace_format: TraceFormat, entries: list[dict[str, Any]], kind: str
) -> None:
    lines = [orjson.dumps({"redshank": kind, "type": kind, **each}) for each in entries]
    records = read(trace_format, *lines, b"{", b"[1]", b"null")
    format_of(lines)
    for one in records.requests:
        assert min(one.tokens.input, one.tokens.output, one.tokens.cache_read) >= 0
        assert one.tokens.reasoning >= 0
