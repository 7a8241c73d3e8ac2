"""Builds the OTLP events of coding agents, as each of them sends them."""

from model.telemetry.log_records import Attributes, AttributeValue, LogRecord, ScopeLogs
from model.telemetry.log_records import TelemetryScope as Scope

TIME_MS = 1_795_168_800_000
TIME = "2026-11-20T10:00:00.000Z"


def scope_logs(
    *records: LogRecord, service: str = "", scope: str = "", **resource: AttributeValue
) -> ScopeLogs:
    """Return the records of one program."""
    named: Attributes = {**({"service.name": service} if service else {}), **resource}
    return ScopeLogs(named, Scope(scope), records)


def claude(name: str, *, at_ms: int = TIME_MS, **values: AttributeValue) -> ScopeLogs:
    """Return an event of Claude Code; `__` in names stands for a dot."""
    found = {"event.name": name, "session.id": "s-1", "user.email": "ann@example.com"}
    record = _record(f"claude_code.{name}", at_ms, found, values)
    return scope_logs(record, service="claude-code", scope="com.anthropic.claude_code.events")


def claude_request(
    request_id: str = "req_1", *, at_ms: int = TIME_MS, **more: AttributeValue
) -> ScopeLogs:
    """Return the event of a request; every number is a text, as older versions send them."""
    values: dict[str, AttributeValue] = {
        "model": "claude-sonnet-4-5-20250929",
        "input_tokens": "10",
        "output_tokens": "20",
        "cache_read_tokens": "0",
        "cache_creation_tokens": "0",
        "cost_usd": "0.5",
        "duration_ms": "900",
        **more,
    }
    if request_id:
        values["request_id"] = request_id
    return claude("api_request", at_ms=at_ms, **values)


def codex(name: str, *, at_ms: int = TIME_MS, **values: AttributeValue) -> ScopeLogs:
    """Return an event of Codex, whose record's own name is a place in the source code."""
    found = {
        "event.name": f"codex.{name}",
        "conversation.id": "11111111-2222-3333-4444-555555555555",
        "user.email": "bob@example.com",
        "model": "gpt-5-codex",
    }
    record = _record("", at_ms, found, values, event_name="event otel/src/events/shared.rs:23")
    return scope_logs(record, service="codex_cli_rs")


def codex_completed(*, at_ms: int = TIME_MS, **more: AttributeValue) -> ScopeLogs:
    """Return the event of a completed response with its counts."""
    values: dict[str, AttributeValue] = {
        "event__kind": "response.completed",
        "input_token_count": "100",
        "output_token_count": "30",
        "cached_token_count": 60,
        "reasoning_token_count": 10,
        "tool_token_count": "130",
        **more,
    }
    return codex("sse_event", at_ms=at_ms, **values)


def gemini(name: str, *, at_ms: int = TIME_MS, **values: AttributeValue) -> ScopeLogs:
    """Return an event of Gemini CLI."""
    full = name if name.startswith("gen_ai.") else f"gemini_cli.{name}"
    found = {"event.name": full, "session.id": "g-1", "user.email": "eve@example.com"}
    return scope_logs(_record("A sentence.", at_ms, found, values), service="gemini-cli")


def copilot(name: str, *, at_ms: int = TIME_MS, **values: AttributeValue) -> ScopeLogs:
    """Return an event of Copilot, with a session for the window and one for the conversation."""
    record = _record(name, at_ms, {"event.name": name}, values)
    return scope_logs(record, service="copilot-chat", **{"session.id": "window-1"})


def opencode(name: str, *, at_ms: int = TIME_MS, **values: AttributeValue) -> ScopeLogs:
    """Return an event of opencode's plugin."""
    found = {"event.name": name, "session.id": "o-1"}
    return scope_logs(_record(name, at_ms, found, values), service="opencode")


def _record(
    body: str,
    at_ms: int,
    attributes: Attributes,
    more: Attributes,
    event_name: str = "",
) -> LogRecord:
    named = {name.replace("__", "."): value for name, value in more.items()}
    return LogRecord(
        time_ns=at_ms * 1_000_000,
        body=body,
        event_name=event_name,
        attributes={**attributes, **named},
    )
