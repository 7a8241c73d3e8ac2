"""Redshank's own format of records: what `redshank ingest-traces` sends to a server.

The command reads transcripts where they lie and sends counts, so that prompts and code do not
leave the machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

import orjson

from analytics.sessions.traces.reader import CollectingReader
from analytics.sessions.traces.values import (
    LONGEST_CONTENT,
    Json,
    count_at,
    object_at,
    objects_in,
    real_at,
    text_at,
    time_at,
)
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRecords,
    AgentRequest,
    AgentSender,
    RecordOrigin,
    TokenCounts,
)

MARK: Final = "redshank"
_REQUEST, _ACTION = "request", "action"
_TOKENS: Final = tuple(each.name for each in fields(TokenCounts))
_SENDER: Final = tuple(each.name for each in fields(AgentSender))


def native_lines(records: AgentRecords) -> Iterator[bytes]:
    """Yield one line for each record."""
    for kind, group in ((_REQUEST, records.requests), (_ACTION, records.actions)):
        for one in group:
            # orjson writes dataclasses by itself, ten times as fast as `asdict`.
            yield b'{"%b":"%b",%b\n' % (MARK.encode(), kind.encode(), orjson.dumps(one)[1:])


class NativeReader(CollectingReader):
    """Reads the lines of `native_lines`."""

    def read(self, lines: Sequence[bytes]) -> None:
        """See `TraceReader.read`."""
        for entry in objects_in(lines):
            if entry.get(MARK) == _REQUEST:
                self._found.add_request(self._request(entry))
            elif entry.get(MARK) == _ACTION and (action := self._action(entry)) is not None:
                self._found.add_action(action)

    def _request(self, entry: Json) -> AgentRequest:
        tokens = object_at(entry, "tokens")
        status = entry.get("status")
        return AgentRequest(
            **self._shared(entry),
            model=text_at(entry, "model"),
            tokens=TokenCounts(*(count_at(tokens, name) for name in _TOKENS)),
            message_id=text_at(entry, "message_id"),
            request_id=text_at(entry, "request_id"),
            origin=RecordOrigin.TRACE,
            reported_cost_usd=real_at(entry, "reported_cost_usd"),
            status=status if isinstance(status, int) and 100 <= status < 600 else None,
            is_sidechain=entry.get("is_sidechain") is True,
            prefers_reported=entry.get("prefers_reported") is True,
            is_error=entry.get("is_error") is True,
            is_fast=entry.get("is_fast") is True,
        )

    def _action(self, entry: Json) -> AgentAction | None:
        try:
            kind = ActionKind(text_at(entry, "kind"))
        except ValueError:
            return None
        content = entry.get("content")
        keeps = self._source.keeps_content and isinstance(content, str)
        return AgentAction(
            **self._shared(entry),
            kind=kind,
            key=text_at(entry, "key"),
            name=text_at(entry, "name"),
            is_success=_decision(entry.get("is_success")),
            is_accepted=_decision(entry.get("is_accepted")),
            lines_added=count_at(entry, "lines_added"),
            lines_removed=count_at(entry, "lines_removed"),
            reference=text_at(entry, "reference"),
            content=str(content)[:LONGEST_CONTENT] if keeps else "",
        )

    def _shared(self, entry: Json) -> dict[str, Any]:
        time_ms = time_at(entry, "time_ms")
        given = object_at(entry, "sender")
        sender = AgentSender(
            *(text_at(given, name) or getattr(self._source.sender, name) for name in _SENDER)
        )
        duration = entry.get("duration_ms")
        return {
            "session_id": text_at(entry, "session_id") or self._source.name,
            "time_ms": self._source.time_ms if time_ms is None else time_ms,
            "sender": sender,
            "duration_ms": duration if isinstance(duration, int) and duration >= 0 else None,
        }


def _decision(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
