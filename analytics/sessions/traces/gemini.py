"""Reads Gemini CLI's sessions: a JSON document a session, or one JSON object a line.

A message is written again while it grows, under the same id.

Source: google-gemini/gemini-cli, `chatRecordingService`; `ccusage`'s adapter for Gemini.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from analytics.sessions.traces.reader import CollectingReader, TraceSource
from analytics.sessions.traces.values import (
    LONGEST_CONTENT,
    Json,
    count_at,
    count_or_none,
    entries_in,
    last_part,
    lines_in,
    object_at,
    text_at,
    time_at,
)
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRequest,
    TokenCounts,
)

AGENT: Final = "gemini-cli"
_EDIT_TOOLS: Final = frozenset({"replace", "write_file", "edit"})


class GeminiReader(CollectingReader):
    """Reads one session."""

    def __init__(self, source: TraceSource) -> None:
        super().__init__(source)
        self._sender = replace(source.sender, agent=AGENT)
        self._session, self._model = source.name, ""

    def read(self, lines: Sequence[bytes]) -> None:
        """See `TraceReader.read`; a document of several lines arrives in one call."""
        for entry in entries_in(lines):
            self._entry(entry)

    def _entry(self, entry: Json) -> None:
        self._session = text_at(entry, "sessionId", "session_id") or self._session
        self._model = text_at(entry, "model") or self._model
        if not self._sender.project and (root := text_at(entry, "projectRoot", "cwd")):
            self._sender = replace(self._sender, project=last_part(root))
        messages = entry.get("messages")
        if isinstance(messages, list):
            for message in messages:
                if isinstance(message, dict):
                    self._message(message)
        else:
            self._message(entry)

    def _message(self, message: Json) -> None:
        time_ms = time_at(message, "timestamp", "created_at")
        time_ms = self._source.time_ms if time_ms is None else time_ms
        kind, key = message.get("type"), text_at(message, "id")
        if kind == "gemini":
            self._response(message, time_ms)
        elif kind == "user" and key:
            content = message.get("content")
            text = content if isinstance(content, str) else ""
            self._found.add_action(
                AgentAction(
                    session_id=self._session,
                    time_ms=time_ms,
                    kind=ActionKind.PROMPT,
                    key=key,
                    sender=self._sender,
                    content=text[:LONGEST_CONTENT] if self._source.keeps_content else "",
                )
            )

    def _response(self, message: Json, time_ms: int) -> None:
        tokens = _tokens(object_at(message, "tokens"))
        if tokens.total:
            self._found.add_request(
                AgentRequest(
                    session_id=self._session,
                    time_ms=time_ms,
                    model=text_at(message, "model") or self._model,
                    tokens=tokens,
                    sender=self._sender,
                    message_id=text_at(message, "id"),
                )
            )
        calls = message.get("toolCalls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._call(call, time_ms)

    def _call(self, call: Json, time_ms: int) -> None:
        key, name = text_at(call, "id"), text_at(call, "name")
        if not key or not name:
            return
        status = text_at(call, "status").lower()
        is_edit = name in _EDIT_TOOLS
        given = object_at(call, "args")
        is_success = None if not status else status == "success"
        accepted = False if status == "cancelled" else is_success or None if is_edit else None
        began_ms = time_at(call, "timestamp")
        self._found.add_action(
            AgentAction(
                session_id=self._session,
                time_ms=time_ms if began_ms is None else began_ms,
                kind=ActionKind.EDIT if is_edit else ActionKind.TOOL,
                key=key,
                sender=self._sender,
                name=name,
                is_success=is_success,
                is_accepted=accepted,
                lines_added=lines_in(given.get("new_string") or given.get("content"))
                if is_edit
                else 0,
                lines_removed=lines_in(given.get("old_string")) if is_edit else 0,
                reference=text_at(given, "file_path") if is_edit else "",
            )
        )


def _tokens(counts: Json) -> TokenCounts:
    """Return the counts of a message: thoughts are output, tool results are input.

    Whether `input` contains the cached tokens shows in the total.
    """
    read = count_at(counts, "input", "prompt", "input_tokens")
    written = count_at(counts, "output", "candidates", "output_tokens")
    cached = count_at(counts, "cached", "cached_tokens")
    thoughts = count_at(counts, "thoughts", "reasoning", "thoughts_tokens")
    tool = count_at(counts, "tool", "tool_tokens")
    total = count_or_none(counts, "total", "total_tokens")
    if total == read + written + thoughts + tool + cached and cached:
        fresh = read
    else:
        fresh = read - min(cached, read)
    return TokenCounts(
        input=fresh + tool, output=written + thoughts, cache_read=cached, reasoning=thoughts
    )
