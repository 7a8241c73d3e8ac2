"""Reads LiteLLM's logs: standard logging payloads and rows of its table of spend.

Source: docs.litellm.ai, "StandardLoggingPayload"; the schema of `LiteLLM_SpendLogs`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from analytics.sessions.traces.reader import CollectingReader
from analytics.sessions.traces.values import (
    Json,
    count_at,
    count_or_none,
    object_at,
    objects_in,
    real_at,
    text_at,
    time_at,
)
from storage.api.agent_sessions.records import AgentRequest, AgentSender, TokenCounts

AGENT: Final = "litellm"
_GOOD: Final = ("success", "")


class LiteLlmReader(CollectingReader):
    """Reads one file: an object a line, or a list of objects."""

    def read(self, lines: Sequence[bytes]) -> None:
        """See `TraceReader.read`."""
        text = b"\n".join(lines).strip()
        if text.startswith(b"["):
            try:
                entries = orjson.loads(text)
            except orjson.JSONDecodeError:
                return
            for entry in entries:
                self._entry(entry)
            return
        for entry in objects_in(lines):
            self._entry(entry)

    def _entry(self, entry: object) -> None:
        if not isinstance(entry, dict):
            return
        request_id = text_at(entry, "id", "request_id", "litellm_call_id")
        began_ms = time_at(entry, "startTime")
        ended_ms = time_at(entry, "endTime")
        time_ms = next((each for each in (began_ms, ended_ms) if each is not None), None)
        metadata = _metadata(entry)
        status = text_at(entry, "status")
        session = (
            text_at(metadata, "session_id")
            or text_at(entry, "session_id", "litellm_session_id", "trace_id")
            or request_id
            or self._source.name
        )
        self._found.add_request(
            AgentRequest(
                session_id=session,
                time_ms=self._source.time_ms if time_ms is None else time_ms,
                model=text_at(entry, "model", "model_group"),
                tokens=_tokens(entry, metadata),
                sender=self._sender(entry, metadata),
                message_id=request_id,
                request_id=request_id,
                reported_cost_usd=real_at(entry, "response_cost", "spend"),
                duration_ms=_duration(entry, began_ms, ended_ms),
                status=_status(entry),
                is_error=status not in _GOOD,
            )
        )

    def _sender(self, entry: Json, metadata: Json) -> AgentSender:
        own = self._source.sender
        agent = text_at(metadata, "agent") or AGENT
        return replace(
            own,
            agent=agent,
            developer=text_at(entry, "end_user")
            or text_at(metadata, "user_api_key_user_email", "user_api_key_user_id")
            or text_at(entry, "user")
            or text_at(metadata, "user_api_key_alias")
            or own.developer,
            team=text_at(metadata, "user_api_key_team_alias", "user_api_key_team_id") or own.team,
            project=text_at(metadata, "repo_slug", "project") or own.project,
        )


def _metadata(entry: Json) -> Json:
    """Return the metadata, which the table of spend holds as text."""
    found = entry.get("metadata")
    if isinstance(found, str):
        try:
            found = orjson.loads(found)
        except orjson.JSONDecodeError:
            return {}
    return found if isinstance(found, dict) else {}


def _tokens(entry: Json, metadata: Json) -> TokenCounts:
    """Return the counts; LiteLLM's prompt tokens contain those of the cache."""
    usage = object_at(metadata, "usage_object")
    details = object_at(usage, "prompt_tokens_details")
    written = count_at(usage, "cache_creation_input_tokens")
    cached = count_at(usage, "cache_read_input_tokens") or count_at(details, "cached_tokens")
    read = count_at(entry, "prompt_tokens")
    output = count_at(entry, "completion_tokens")
    reasoning = count_at(object_at(usage, "completion_tokens_details"), "reasoning_tokens")
    return TokenCounts(
        input=max(read - cached - written, 0),
        output=output,
        cache_read=cached,
        cache_write_5m=written,
        reasoning=min(reasoning, output),
    )


def _duration(entry: Json, began_ms: int | None, ended_ms: int | None) -> int | None:
    if began_ms is not None and ended_ms is not None:
        return max(ended_ms - began_ms, 0)
    seconds = real_at(entry, "response_time")
    return None if seconds is None else round(seconds * 1000)


def _status(entry: Json) -> int | None:
    found = count_or_none(object_at(entry, "error_information"), "error_code")
    if found is None:
        found = count_or_none(entry, "status_code")
    return found if found is not None and 100 <= found < 600 else None
