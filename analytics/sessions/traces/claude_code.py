"""Reads Claude Code's transcripts: one JSON object a line, one file a session or subagent.

A response stands in several lines, one for each block of its content, each with the usage of
the whole response, or of the part that had been streamed. The lines are all passed on: the
store counts a message once, with the largest usage.

Source: `ccusage`'s adapter for Claude Code, and the transcripts themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from analytics.sessions.traces.reader import CollectingReader, TraceSource
from analytics.sessions.traces.values import (
    LONGEST_CONTENT,
    Json,
    count_at,
    flag_at,
    last_part,
    lines_in,
    object_at,
    objects_in,
    real_at,
    text_at,
    time_at,
)
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRequest,
    AgentSender,
    TokenCounts,
)

AGENT: Final = "claude-code"
_SYNTHETIC: Final = "<synthetic>"
_EDIT_TOOLS: Final = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})
_REJECTED: Final = ("The user doesn't want to", "User rejected", "[Request interrupted by user")
_MOST_OPEN_TOOLS: Final = 10_000

_RELEVANT: Final = (b'"usage"', b'"tool_result"', b'"type":"user"', b'"type": "user"')
"""A line without all of these has neither tokens nor an action."""


class ClaudeCodeReader(CollectingReader):
    """Reads the lines of one transcript."""

    def __init__(self, source: TraceSource) -> None:
        super().__init__(source)
        self._sender = replace(source.sender, agent=AGENT)
        self._senders: dict[tuple[str, str], AgentSender] = {}
        # The calls whose results have not been read, also after `take`.
        self._open: dict[str, AgentAction] = {}

    def read(self, lines: Sequence[bytes]) -> None:
        """See `TraceReader.read`."""
        for entry in objects_in(lines, _RELEVANT):
            self._entry(entry)

    def _entry(self, entry: Json) -> None:
        kind = entry.get("type")
        if kind == "progress":
            # A subagent's line within its parent's transcript.
            inner = object_at(object_at(entry, "data"), "message")
            if inner:
                self._entry({**entry, **inner, "isSidechain": True})
            return
        message = object_at(entry, "message")
        if not message:
            return
        if "usage" in message and kind != "user":
            self._response(entry, message)
        elif kind == "user":
            self._user(entry, message)

    def _response(self, entry: Json, message: Json) -> None:
        model = text_at(message, "model")
        if model == _SYNTHETIC:
            return
        time_ms = self._time(entry)
        usage = object_at(message, "usage")
        tokens = _tokens(usage)
        if tokens.total or entry.get("isApiErrorMessage"):
            self._found.add_request(
                AgentRequest(
                    session_id=self._session(entry),
                    time_ms=time_ms,
                    model=model,
                    tokens=tokens,
                    sender=self._sender_of(entry),
                    message_id=text_at(message, "id"),
                    request_id=text_at(entry, "requestId"),
                    is_sidechain=flag_at(entry, "isSidechain") or False,
                    reported_cost_usd=real_at(entry, "costUSD"),
                    is_error=bool(flag_at(entry, "isApiErrorMessage")),
                    is_fast=text_at(usage, "speed") == "fast",
                )
            )
        for block in _blocks(message):
            if block.get("type") == "tool_use":
                self._tool_call(entry, block, time_ms)

    def _tool_call(self, entry: Json, block: Json, time_ms: int) -> None:
        key, name = text_at(block, "id"), text_at(block, "name")
        if not key or not name:
            return
        given = object_at(block, "input")
        is_edit = name in _EDIT_TOOLS
        action = AgentAction(
            session_id=self._session(entry),
            time_ms=time_ms,
            kind=ActionKind.EDIT if is_edit else ActionKind.TOOL,
            key=key,
            sender=self._sender_of(entry),
            name=name,
            # Of a call that is not an edit, only what finds commits; it is dropped at the end.
            reference=text_at(given, "file_path", "notebook_path") if is_edit else "",
            lines_added=_proposed(given) if is_edit else 0,
            content=_content(given) if self._source.keeps_content else "",
        )
        self._found.add_action(action)
        if len(self._open) < _MOST_OPEN_TOOLS:
            command = text_at(given, "command") if not is_edit else ""
            self._open[key] = replace(action, content=command)

    def _user(self, entry: Json, message: Json) -> None:
        results = [block for block in _blocks(message) if block.get("type") == "tool_result"]
        for block in results:
            self._tool_result(entry, block)
        if results or entry.get("isMeta") or entry.get("isSidechain"):
            return
        text = _text(message)
        key = text_at(entry, "uuid")
        if not text or not key or text.startswith(("<command-", "<local-command", "Caveat:")):
            return
        self._found.add_action(
            AgentAction(
                session_id=self._session(entry),
                time_ms=self._time(entry),
                kind=ActionKind.PROMPT,
                key=key,
                sender=self._sender_of(entry),
                content=text[:LONGEST_CONTENT] if self._source.keeps_content else "",
            )
        )

    def _tool_result(self, entry: Json, block: Json) -> None:
        call = self._open.pop(text_at(block, "tool_use_id"), None)
        if call is None:
            return
        time_ms = self._time(entry)
        is_error = bool(flag_at(block, "is_error"))
        result = entry.get("toolUseResult")
        is_rejected = is_error and _is_rejection(block, result)
        own = self._found.action(call.key)
        action = own if own is not None else replace(call, content="")
        changes: dict[str, Any] = {
            "is_success": not is_error,
            "duration_ms": max(time_ms - call.time_ms, 0),
        }
        if is_rejected:
            changes["is_accepted"] = False
        elif call.kind is ActionKind.EDIT and not is_error:
            added, removed = _patch_lines(result) or (call.lines_added, 0)
            changes |= {"is_accepted": True, "lines_added": added, "lines_removed": removed}
        self._found.add_action(replace(action, **changes))
        if not is_error and call.content:
            output = result.get("stdout") if isinstance(result, dict) else _text(block)
            self._found.add_outcomes(call, output, time_ms)

    def _session(self, entry: Json) -> str:
        return text_at(entry, "sessionId") or self._source.name

    def _time(self, entry: Json) -> int:
        time_ms = time_at(entry, "timestamp")
        return self._source.time_ms if time_ms is None else time_ms

    def _sender_of(self, entry: Json) -> AgentSender:
        key = (text_at(entry, "cwd"), text_at(entry, "gitBranch"))
        sender = self._senders.get(key)
        if sender is None:
            project = self._sender.project or last_part(key[0])
            sender = replace(self._sender, project=project, branch=key[1])
            self._senders[key] = sender
        return sender


def _tokens(usage: Json) -> TokenCounts:
    """Return the counts of a usage; without a split, cache writes are those of 5 minutes."""
    written = count_at(usage, "cache_creation_input_tokens")
    split = object_at(usage, "cache_creation")
    hour = count_at(split, "ephemeral_1h_input_tokens")
    short = count_at(split, "ephemeral_5m_input_tokens")
    if hour + short < written:
        short = written - hour
    return TokenCounts(
        input=count_at(usage, "input_tokens"),
        output=count_at(usage, "output_tokens"),
        cache_read=count_at(usage, "cache_read_input_tokens"),
        cache_write_5m=short,
        cache_write_1h=hour,
    )


def _blocks(message: Json) -> Iterator[Json]:
    content = message.get("content")
    if isinstance(content, list):
        yield from (block for block in content if isinstance(block, dict))


def _text(message: Json) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    texts = (block.get("text") for block in _blocks(message))
    return "\n".join(text for text in texts if isinstance(text, str)).strip()


def _content(given: Json) -> str:
    return orjson.dumps(dict(given)).decode()[:LONGEST_CONTENT]


def _proposed(given: Json) -> int:
    """Return how many lines an edit proposes, from what the tool was given."""
    edits = given.get("edits")
    if isinstance(edits, list):
        return sum(lines_in(each.get("new_string")) for each in edits if isinstance(each, dict))
    return lines_in(given.get("new_string") or given.get("content") or given.get("new_source"))


def _patch_lines(result: object) -> tuple[int, int] | None:
    """Return the added and removed lines of an applied edit, None if it does not show them."""
    if not isinstance(result, dict):
        return None
    hunks = result.get("structuredPatch")
    if not isinstance(hunks, list) or not hunks:
        return None
    lines = [
        line
        for hunk in hunks
        if isinstance(hunk, dict) and isinstance(hunk.get("lines"), list)
        for line in hunk["lines"]
        if isinstance(line, str)
    ]
    return sum(line[:1] == "+" for line in lines), sum(line[:1] == "-" for line in lines)


def _is_rejection(block: Json, result: object) -> bool:
    text = result if isinstance(result, str) else _text(block)
    return text.startswith(_REJECTED)
