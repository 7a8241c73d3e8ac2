"""The tables of coding agents' sessions, and how rows become records."""

from typing import TYPE_CHECKING, Any, Final

from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRequest,
    AgentSender,
    RecordOrigin,
    TokenCounts,
)
from storage.api.agent_sessions.reports import ActionTotals, AgentSession, AgentTotals

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TOKENS: Final = "input, output, cache_read, cache_write_5m, cache_write_1h, reasoning"
SENDER: Final = "agent, developer, team, project, branch"

REQUEST_COLUMNS: Final = (
    f"session_id, time_ms, model, {SENDER}, {TOKENS}, message_id, request_id, is_sidechain,"
    " origin, reported_cost_usd, prefers_reported, cost_usd, duration_ms, status, is_error, is_fast"
)
ACTION_COLUMNS: Final = (
    f"session_id, time_ms, kind, {SENDER}, action_key, name, is_success, is_accepted,"
    " duration_ms, lines_added, lines_removed, reference, content"
)
TOTALS: Final = (
    f"requests, errors, {TOKENS}, cost_usd, unpriced_tokens, duration_ms, timed_requests"
)
ACTION_TOTALS: Final = (
    "prompts, tools, tool_errors, edits, accepted, rejected, lines_added, lines_removed,"
    " accepted_lines, commits, pull_requests"
)
SESSION_COLUMNS: Final = (
    f"session_id, {SENDER}, models, first_ms, last_ms, {TOTALS}, {ACTION_TOTALS}"
)

_SENDER_TYPES: Final = ", ".join(f"{name} varchar not null" for name in SENDER.split(", "))
_TOKEN_TYPES: Final = ", ".join(f"{name} ubigint not null" for name in TOKENS.split(", "))
_ACTION_TYPES: Final = ", ".join(f"{name} bigint not null" for name in ACTION_TOTALS.split(", "))

_TABLES: Final = (
    # The hashes find what may be the same request; 0 stands for "no id".
    f"""
    create table if not exists agent_requests (
        id ubigint not null, session_hash ubigint not null, message_hash ubigint not null,
        request_hash ubigint not null, twin_hash ubigint not null, session_id varchar not null,
        time_ms bigint not null, model varchar not null, {_SENDER_TYPES}, {_TOKEN_TYPES},
        message_id varchar not null, request_id varchar not null, is_sidechain boolean not null,
        origin varchar not null, reported_cost_usd double, prefers_reported boolean not null,
        cost_usd double, duration_ms bigint, status usmallint, is_error boolean not null,
        is_fast boolean not null)
    """,
    f"""
    create table if not exists agent_actions (
        key_hash ubigint not null, session_hash ubigint not null, session_id varchar not null,
        time_ms bigint not null, kind varchar not null, {_SENDER_TYPES},
        action_key varchar not null, name varchar not null, is_success boolean,
        is_accepted boolean, duration_ms bigint, lines_added bigint not null,
        lines_removed bigint not null, reference varchar not null, content varchar not null)
    """,
    # One row a session, computed anew whenever a record of the session changes: a list of
    # sessions never adds up requests.
    f"""
    create table if not exists agent_sessions (
        session_hash ubigint not null, session_id varchar not null, {_SENDER_TYPES},
        models varchar[] not null, first_ms bigint not null, last_ms bigint not null,
        requests bigint not null, errors bigint not null, {_TOKEN_TYPES},
        cost_usd double not null, unpriced_tokens ubigint not null, duration_ms bigint not null,
        timed_requests bigint not null, {_ACTION_TYPES})
    """,
    """
    create table if not exists agent_outcomes (
        outcome_key varchar not null, kind varchar not null, repository varchar not null,
        number ubigint not null, author varchar not null, commit_id varchar not null,
        state varchar not null, title varchar not null, time_ms bigint not null,
        ended_ms bigint, updated_ms bigint not null, lines_added bigint not null,
        lines_removed bigint not null, is_reopened boolean not null)
    """,
    # Files of before have no such column, and DuckDB adds none with a constraint.
    "alter table agent_outcomes add column if not exists author_email varchar default ''",
    """
    create table if not exists agent_pull_marks (
        repository varchar not null, kind varchar not null, since_ms bigint not null,
        etag varchar not null)
    """,
    """
    create table if not exists agent_sealed_secrets (
        name varchar not null, sealed varchar not null, set_ms bigint not null)
    """,
    """
    create table if not exists agent_prices (
        model varchar not null, effective_ms bigint not null, above_tokens ubigint not null,
        input double not null, output double not null, cache_read double not null,
        cache_write_5m double not null, cache_write_1h double not null,
        dated varchar not null, source varchar not null)
    """,
)


def prepare_agent_tables(connection: "DuckDBPyConnection") -> None:
    """Create missing tables."""
    for statement in _TABLES:
        connection.execute(statement)


def request_of(row: tuple[Any, ...]) -> AgentRequest:
    """Return the request of a row of `REQUEST_COLUMNS`."""
    session_id, time_ms, model = row[:3]
    message_id, request_id, is_sidechain, origin, *rest = row[14:]
    reported, prefers_reported, cost, duration_ms, status, is_error, is_fast = rest
    return AgentRequest(
        session_id=session_id,
        time_ms=time_ms,
        model=model,
        sender=AgentSender(*row[3:8]),
        tokens=TokenCounts(*row[8:14]),
        message_id=message_id,
        request_id=request_id,
        is_sidechain=is_sidechain,
        origin=RecordOrigin(origin),
        reported_cost_usd=reported,
        prefers_reported=prefers_reported,
        cost_usd=cost,
        duration_ms=duration_ms,
        status=status,
        is_error=is_error,
        is_fast=is_fast,
    )


def action_of(row: tuple[Any, ...]) -> AgentAction:
    """Return the action of a row of `ACTION_COLUMNS`."""
    key, name, is_success, is_accepted, duration_ms, added, removed, reference, content = row[8:]
    return AgentAction(
        session_id=row[0],
        time_ms=row[1],
        kind=ActionKind(row[2]),
        sender=AgentSender(*row[3:8]),
        key=key,
        name=name,
        is_success=is_success,
        is_accepted=is_accepted,
        duration_ms=duration_ms,
        lines_added=added,
        lines_removed=removed,
        reference=reference,
        content=content,
    )


def totals_of(row: tuple[Any, ...]) -> AgentTotals:
    """Return the sums of a row of `TOTALS`."""
    requests, errors, *tokens = row[:8]
    cost, unpriced, duration_ms, timed = row[8:]
    counts = TokenCounts(*(int(each or 0) for each in tokens))
    return AgentTotals(
        int(requests or 0),
        int(errors or 0),
        counts,
        float(cost or 0.0),
        int(unpriced or 0),
        int(duration_ms or 0),
        int(timed or 0),
    )


def session_of(row: tuple[Any, ...]) -> AgentSession:
    """Return the session of a row of `SESSION_COLUMNS`."""
    session_id, agent, developer, team, project, branch, models, first_ms, last_ms = row[:9]
    return AgentSession(
        session_id,
        agent,
        developer,
        team,
        project,
        branch,
        tuple(models),
        first_ms,
        last_ms,
        totals_of(row[9:21]),
        ActionTotals(*(int(each) for each in row[21:])),
    )
