"""Decides which records are the same request, and which of two copies counts.

Transcripts repeat a response once for each of its blocks, write partial usage while it
streams, leave out request ids behind gateways, and copy a parent's responses into the files
of its subagents under new request ids. OTLP events report the same request again.

Source: issues of ccusage 389, 835, 899, 901, 913, 976; of ccstats 85.
"""

from dataclasses import replace
from typing import Final

from storage.api.agent_sessions.records import AgentAction, AgentRequest, AgentSender, RecordOrigin

EVENT_ID: Final = "event:"
"""Begins the request id of an OTLP event whose sender gives none; see `AgentRequest`."""

TWIN_MS: Final = 600_000
"""The most time between a transcript's record and the OTLP event of the same request."""


def is_same_request(one: AgentRequest, other: AgentRequest) -> bool:
    """Report whether two records describe the same request."""
    if one.message_id and other.message_id:
        if one.message_id != other.message_id:
            return False
        # Gateways leave the request id out; a subagent's copy of its parent's has a new one.
        return (
            one.request_id == other.request_id
            or not one.request_id
            or not other.request_id
            or one.is_sidechain
            or other.is_sidechain
        )
    if one.request_id and other.request_id and _is_own(one) is _is_own(other):
        return one.request_id == other.request_id
    return is_twin(one, other)


def _is_own(request: AgentRequest) -> bool:
    """Report whether the request id is made up from the event, which no transcript knows."""
    return request.request_id.startswith(EVENT_ID)


def is_twin(one: AgentRequest, other: AgentRequest) -> bool:
    """Report whether a transcript and an OTLP event without common ids show one request."""
    return (
        one.origin is not other.origin
        and one.session_id == other.session_id
        and one.model == other.model
        and twin_tokens(one) == twin_tokens(other)
        and abs(one.time_ms - other.time_ms) <= TWIN_MS
    )


def twin_tokens(request: AgentRequest) -> tuple[int, int, int, int]:
    """Return the counts that both origins report; OTLP does not split cache writes."""
    tokens = request.tokens
    writes = tokens.cache_write_5m + tokens.cache_write_1h
    return tokens.input, tokens.output, tokens.cache_read, writes


def merged_request(known: AgentRequest, new: AgentRequest) -> AgentRequest:
    """Return the record that counts for both, with what only the other one has."""
    kept, other = (new, known) if _is_better(new, known) else (known, new)
    is_equal = twin_tokens(kept) == twin_tokens(other)
    return replace(
        kept,
        sender=merged_sender(kept.sender, other.sender),
        message_id=kept.message_id or other.message_id,
        request_id=_request_id(kept, other),
        duration_ms=kept.duration_ms if kept.duration_ms is not None else other.duration_ms,
        status=kept.status if kept.status is not None else other.status,
        reported_cost_usd=_first(
            kept.reported_cost_usd, other.reported_cost_usd, is_equal=is_equal
        ),
        cost_usd=_first(kept.cost_usd, other.cost_usd, is_equal=is_equal),
    )


def _request_id(kept: AgentRequest, other: AgentRequest) -> str:
    if _is_own(kept) and other.request_id:
        return other.request_id
    return kept.request_id or other.request_id


def _first(own: float | None, others: float | None, *, is_equal: bool) -> float | None:
    """Return the own cost, else the other's, unless that is the cost of fewer tokens."""
    return others if own is None and is_equal else own


def _is_better(new: AgentRequest, known: AgentRequest) -> bool:
    # The parent's own record before a copy, then the most complete, then the one that
    # splits cache writes by price.
    return _rank(new) > _rank(known)


def _rank(request: AgentRequest) -> tuple[bool, int, bool, int]:
    return (
        not request.is_sidechain,
        request.tokens.total,
        request.origin is RecordOrigin.TRACE,
        request.tokens.reasoning,
    )


def merged_sender(kept: AgentSender, other: AgentSender) -> AgentSender:
    """Return a sender with the other's values where it has none."""
    if kept == other:
        return kept
    return AgentSender(
        kept.agent or other.agent,
        kept.developer or other.developer,
        kept.team or other.team,
        kept.project or other.project,
        kept.branch or other.branch,
    )


def merged_action(known: AgentAction, new: AgentAction) -> AgentAction:
    """Return an action with what a later record of it adds."""
    return replace(
        known,
        # A tool call turns out to be an edit when its result arrives.
        kind=new.kind if new.kind != known.kind and new.name else known.kind,
        sender=merged_sender(known.sender, new.sender),
        name=known.name or new.name,
        is_success=known.is_success if new.is_success is None else new.is_success,
        is_accepted=known.is_accepted if new.is_accepted is None else new.is_accepted,
        duration_ms=known.duration_ms if new.duration_ms is None else new.duration_ms,
        lines_added=max(known.lines_added, new.lines_added),
        lines_removed=max(known.lines_removed, new.lines_removed),
        reference=known.reference or new.reference,
        content=known.content or new.content,
    )
