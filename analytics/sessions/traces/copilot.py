"""Reads the OpenTelemetry files of GitHub Copilot: one span or log record a line.

The same request appears as a chat span, an inference log, a log of the agent's turn and within
a summary span of the whole invocation. Of each trace the most exact kind counts.

Source: microsoft/vscode-copilot-chat, `docs/monitoring`; `ccusage`'s adapter for Copilot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from analytics.sessions.traces.reader import TraceSource
from analytics.sessions.traces.values import (
    Json,
    count_at,
    count_or_none,
    flag_at,
    object_at,
    objects_in,
    text_at,
    time_at,
)
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRecords,
    AgentRequest,
    TokenCounts,
)

AGENT: Final = "copilot"
_SESSION: Final = (
    "gen_ai.conversation.id",
    "copilot_chat.session_id",
    "copilot_chat.chat_session_id",
    "session.id",
    "github.copilot.interaction_id",
)


class _Kind(IntEnum):
    """Where a request's counts stand; the lowest is the most exact."""

    CHAT_SPAN = 0
    INFERENCE_LOG = 1
    TURN_LOG = 2
    SUMMARY_SPAN = 3


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: _Kind
    trace_id: str
    request: AgentRequest


class CopilotReader:
    """Reads one file; which records count is known when all have been read."""

    def __init__(self, source: TraceSource) -> None:
        self._source = source
        self._sender = replace(source.sender, agent=AGENT)
        self._candidates: list[_Candidate] = []
        self._actions: list[AgentAction] = []
        self._sessions: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self._best: dict[str, _Kind] = {}

    def read(self, lines: Sequence[bytes]) -> None:
        """See `TraceReader.read`."""
        for record in objects_in(lines, (b'"attributes"',)):
            self._record(record)

    def take(self) -> AgentRecords:
        """See `TraceReader.take`."""
        requests = [
            self._completed(each)
            for each in self._candidates
            if all(each.kind <= self._best[name] for name in _names(each))
        ]
        records = AgentRecords(tuple(requests), tuple(self._actions))
        self._candidates, self._actions = [], []
        return records

    def _completed(self, candidate: _Candidate) -> AgentRequest:
        request, trace_id = candidate.request, candidate.trace_id
        return replace(
            request,
            session_id=request.session_id or self._sessions.get(trace_id) or trace_id,
            model=request.model or self._models.get(trace_id, ""),
        )

    def _record(self, record: Json) -> None:
        attributes = object_at(record, "attributes")
        context = object_at(record, "spanContext")
        trace_id = text_at(record, "traceId") or text_at(context, "traceId") or self._source.name
        session = text_at(attributes, *_SESSION)
        model = text_at(attributes, "gen_ai.response.model", "gen_ai.request.model")
        if session:
            self._sessions.setdefault(trace_id, session)
        if model:
            self._models.setdefault(trace_id, model)
        kind = _kind_of(record, attributes)
        if kind is None:
            self._tool(record, attributes, session or trace_id)
            return
        tokens = copilot_tokens(attributes)
        if not tokens.total:
            return
        span_id = text_at(record, "spanId") or text_at(context, "spanId")
        turn = text_at(attributes, "turn.index", "copilot_chat.turn.index")
        message_id = text_at(attributes, "gen_ai.response.id")
        began_ms, ended_ms = _times(record)
        candidate = _Candidate(
            kind,
            trace_id,
            AgentRequest(
                session_id=session,
                time_ms=self._source.time_ms if ended_ms is None else ended_ms,
                model=model,
                tokens=tokens,
                sender=self._sender,
                message_id=message_id or f"copilot:{trace_id}:{span_id or turn}:{kind.name}",
                duration_ms=None
                if began_ms is None or ended_ms is None
                else max(ended_ms - began_ms, 0),
            ),
        )
        self._candidates.append(candidate)
        for name in _names(candidate):
            self._best[name] = min(kind, self._best.get(name, kind))

    def _tool(self, record: Json, attributes: Json, session: str) -> None:
        name = text_at(attributes, "gen_ai.tool.name", "tool.name", "copilot_chat.tool.name")
        if not name or "tool" not in text_at(record, "name", "body") + text_at(
            attributes, "event.name", "gen_ai.operation.name"
        ):
            return
        began_ms, ended_ms = _times(record)
        time_ms = self._source.time_ms if ended_ms is None else ended_ms
        span_id = text_at(record, "spanId") or text_at(object_at(record, "spanContext"), "spanId")
        call_id = text_at(attributes, "gen_ai.tool.call.id") or span_id
        self._actions.append(
            AgentAction(
                session_id=session,
                time_ms=time_ms,
                kind=ActionKind.TOOL,
                key=call_id or f"{session}:{name}:{time_ms}",
                sender=self._sender,
                name=name,
                is_success=flag_at(attributes, "success", "copilot_chat.tool.success"),
                duration_ms=count_or_none(attributes, "duration_ms")
                if began_ms is None or ended_ms is None
                else max(ended_ms - began_ms, 0),
            )
        )


def _names(candidate: _Candidate) -> tuple[str, ...]:
    message_id = candidate.request.message_id
    trace = f"trace:{candidate.trace_id}"
    return (trace,) if message_id.startswith("copilot:") else (trace, f"response:{message_id}")


def _kind_of(record: Json, attributes: Json) -> _Kind | None:
    name, body = text_at(record, "name"), text_at(record, "body", "_body")
    operation, event = (
        text_at(attributes, each) for each in ("gen_ai.operation.name", "event.name")
    )
    if _is_span(record):
        if operation == "chat" or name.startswith("chat "):
            return _Kind.CHAT_SPAN
        if operation == "invoke_agent" or name.startswith("invoke_agent "):
            return _Kind.SUMMARY_SPAN
        return None
    if event == "gen_ai.client.inference.operation.details" or body.startswith("GenAI inference"):
        return _Kind.INFERENCE_LOG
    if event == "copilot_chat.agent.turn" or body.startswith("copilot_chat.agent.turn"):
        return _Kind.TURN_LOG
    return None


def _is_span(record: Json) -> bool:
    if isinstance(record.get("type"), str):
        return bool(record["type"] == "span")
    marks = ("spanId", "traceId", "startTime", "endTime", "duration", "kind")
    return bool(text_at(record, "name")) and any(record.get(name) is not None for name in marks)


def copilot_tokens(attributes: Json) -> TokenCounts:
    """Return the counts of a record; its input contains what was read from the cache."""
    read = count_at(attributes, "gen_ai.usage.input_tokens")
    cached = count_at(attributes, "gen_ai.usage.cache_read.input_tokens")
    written = count_at(
        attributes,
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
    )
    output = count_at(attributes, "gen_ai.usage.output_tokens")
    reasoning = count_at(
        attributes, "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"
    )
    return TokenCounts(
        input=read - min(cached, read),
        output=output,
        cache_read=cached,
        cache_write_5m=written,
        reasoning=min(reasoning, output),
    )


def _times(record: Json) -> tuple[int | None, int | None]:
    """Return when a span began and ended, or twice when a log record was written."""
    began, ended = (_moment(record, names) for names in (_BEGINS, _ENDS))
    return (began, ended) if ended is not None else (began, began)


_BEGINS: Final = ("startTime", "startTimeUnixNano")
_ENDS: Final = (
    *("endTime", "endTimeUnixNano", "hrTime", "time", "timestamp"),
    *("timeUnixNano", "observedTimestamp", "_hrTime", "hrTimeObserved"),
)


def _moment(record: Json, names: Sequence[str]) -> int | None:
    for name in names:
        value = record.get(name)
        if isinstance(value, list) and len(value) == 2:
            # Seconds and nanoseconds, as JavaScript's SDK writes them.
            pair: Mapping[str, object] = {"s": value[0], "ns": value[1]}
            seconds, nanoseconds = count_or_none(pair, "s"), count_or_none(pair, "ns")
            if seconds is not None and nanoseconds is not None and seconds < 10**11:
                return seconds * 1000 + nanoseconds // 1_000_000
        found = time_at(record, name)
        if found is not None:
            return found
    return None
