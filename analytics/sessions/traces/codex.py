"""Reads Codex's rollout files: one JSON object a line, one file a thread.

`token_count` rows repeat while nothing changes, and the file of a subagent or a fork begins
with a replay of its parent's rows. A row is therefore identified by the thread it goes back to
and by the sums it reports, which grow with every request.

Source: openai/codex, `codex-rs/protocol`; issue 950 of ccusage.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

from analytics.sessions.traces.reader import CollectingReader, TraceSource
from analytics.sessions.traces.values import (
    LONGEST_CONTENT,
    Json,
    count_at,
    flag_at,
    last_part,
    object_at,
    objects_in,
    text_at,
    time_at,
)
from storage.api.agent_sessions.records import (
    ActionKind,
    AgentAction,
    AgentRequest,
    TokenCounts,
)

AGENT: Final = "codex"
_THREAD_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_EXIT_CODE: Final = re.compile(r"exit(?:ed with)? code:? (\d+)", re.IGNORECASE)
PATCH_TOOL: Final = "apply_patch"
_MOST_OPEN_CALLS: Final = 10_000

_RELEVANT: Final = (
    b'"token_count"',
    b'"turn_context"',
    b'"session_meta"',
    b'"user_message"',
    b'"function_call',
    b'"custom_tool_call',
    b'"patch_apply_end"',
)
_COUNTS: Final = (
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
)
_Counts = tuple[int, int, int, int]


class CodexReader(CollectingReader):
    """Reads the lines of one thread."""

    def __init__(self, source: TraceSource) -> None:
        super().__init__(source)
        self._sender = replace(source.sender, agent=AGENT)
        found = _THREAD_ID.search(source.name)
        self._session = found.group() if found else source.name
        self._root = self._session
        self._has_meta = self._is_copy = False
        self._model = ""
        self._total: _Counts = (0, 0, 0, 0)
        self._open: dict[str, AgentAction] = {}

    def read(self, lines: Sequence[bytes]) -> None:
        """See `TraceReader.read`."""
        for entry in objects_in(lines, _RELEVANT):
            self._entry(entry)

    def _entry(self, entry: Json) -> None:
        payload = object_at(entry, "payload")
        kind, inner = entry.get("type"), payload.get("type")
        time_ms = time_at(entry, "timestamp")
        time_ms = self._source.time_ms if time_ms is None else time_ms
        if kind == "session_meta":
            self._meta(payload)
        elif kind == "turn_context":
            self._model = text_at(payload, "model") or self._model
            self._place(payload)
        elif inner == "token_count":
            self._usage(payload, time_ms)
        elif inner == "user_message":
            self._prompt(payload, time_ms)
        elif inner in ("function_call", "custom_tool_call"):
            self._call(payload, time_ms)
        elif inner in ("function_call_output", "custom_tool_call_output"):
            self._output(payload, time_ms)
        elif inner == "patch_apply_end":
            self._patch_end(payload, time_ms)

    def _meta(self, payload: Json) -> None:
        spawn = object_at(object_at(object_at(payload, "source"), "subagent"), "thread_spawn")
        parent = text_at(payload, "forked_from_id") or text_at(spawn, "parent_thread_id")
        own = text_at(payload, "id")
        if not self._has_meta:
            self._has_meta = True
            self._session = own or self._session
            self._root = parent or self._session
            self._is_copy = bool(parent)
            self._place(payload)
        elif own == self._root and parent:
            # A replayed line of the parent, which is itself a copy.
            self._root = parent

    def _place(self, payload: Json) -> None:
        git = object_at(payload, "git")
        project = self._source.sender.project or last_part(
            text_at(git, "repository_url").removesuffix(".git") or text_at(payload, "cwd")
        )
        self._sender = replace(
            self._sender,
            project=project or self._sender.project,
            branch=text_at(git, "branch") or self._sender.branch,
        )

    def _usage(self, payload: Json, time_ms: int) -> None:
        info = object_at(payload, "info")
        total_usage, last_usage = (
            object_at(info, name) for name in ("total_token_usage", "last_token_usage")
        )
        total = _counts(total_usage)
        last = _counts(last_usage) if last_usage else _difference(total, self._total)
        if total_usage:
            self._total = total
        if not any(last):
            return
        read, cached, written, reasoning = last
        cached = min(cached, read)
        model = text_at(payload, "model") or text_at(info, "model") or self._model
        sums = ".".join(map(str, (*total, *last))) if total_usage else f"{time_ms}.{last}"
        self._found.add_request(
            AgentRequest(
                session_id=self._session,
                time_ms=time_ms,
                model=model,
                tokens=TokenCounts(
                    input=read - cached,
                    output=written,
                    cache_read=cached,
                    reasoning=min(reasoning, written),
                ),
                sender=self._sender,
                message_id=f"codex:{self._root}:{sums}",
                is_sidechain=self._is_copy,
            )
        )

    def _prompt(self, payload: Json, time_ms: int) -> None:
        message = payload.get("message")
        if self._is_copy or not isinstance(message, str) or not message:
            return
        self._found.add_action(
            AgentAction(
                session_id=self._session,
                time_ms=time_ms,
                kind=ActionKind.PROMPT,
                key=f"{self._root}:prompt:{time_ms}",
                sender=self._sender,
                content=message[:LONGEST_CONTENT] if self._source.keeps_content else "",
            )
        )

    def _call(self, payload: Json, time_ms: int) -> None:
        key, name = text_at(payload, "call_id"), text_at(payload, "name")
        if not key or not name:
            return
        given = payload.get("arguments") or payload.get("input")
        text = given if isinstance(given, str) else ""
        is_edit = is_patch(name, text)
        added, removed = patch_lines(text) if is_edit else (0, 0)
        action = AgentAction(
            session_id=self._session,
            time_ms=time_ms,
            kind=ActionKind.EDIT if is_edit else ActionKind.TOOL,
            key=key,
            sender=self._sender,
            name=PATCH_TOOL if is_edit else name,
            lines_added=added,
            lines_removed=removed,
            content=text[:LONGEST_CONTENT] if self._source.keeps_content else "",
        )
        self._found.add_action(action)
        if len(self._open) < _MOST_OPEN_CALLS:
            self._open[key] = replace(action, content="" if is_edit else text)

    def _output(self, payload: Json, time_ms: int) -> None:
        call = self._open.pop(text_at(payload, "call_id"), None)
        if call is None:
            return
        output = payload.get("output")
        if isinstance(output, dict):
            output = output.get("content") or output.get("text")
        text = _plain_output(output if isinstance(output, str) else "")
        found = _EXIT_CODE.search(text[:2000] + text[-200:])
        is_success = found is None or found.group(1) == "0"
        is_rejected = text.startswith(("rejected", "exec command rejected", "patch rejected"))
        self._finish(call, time_ms, is_success=is_success and not is_rejected, refused=is_rejected)
        if is_success and call.content:
            self._found.add_outcomes(call, text, time_ms)

    def _patch_end(self, payload: Json, time_ms: int) -> None:
        call = self._open.pop(text_at(payload, "call_id"), None)
        success = flag_at(payload, "success")
        if call is not None and success is not None:
            self._finish(call, time_ms, is_success=success, refused=False)

    def _finish(self, call: AgentAction, time_ms: int, *, is_success: bool, refused: bool) -> None:
        own = self._found.action(call.key)
        is_applied = call.kind is ActionKind.EDIT and is_success
        self._found.add_action(
            replace(
                own if own is not None else replace(call, content=""),
                is_success=is_success,
                is_accepted=False if refused else is_applied or None,
                duration_ms=max(time_ms - call.time_ms, 0),
            )
        )


def _plain_output(text: str) -> str:
    """Return what a command printed, which older versions wrap into JSON."""
    if text.startswith("{"):
        try:
            wrapped = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        if isinstance(wrapped, dict) and isinstance(wrapped.get("output"), str):
            code = count_at(object_at(wrapped, "metadata"), "exit_code")
            return f"{wrapped['output']}\nexit code: {code}"
    return text


def _counts(usage: Json) -> _Counts:
    read, cached, written, reasoning = (count_at(usage, name) for name in _COUNTS)
    return read, cached or count_at(usage, "cache_read_input_tokens"), written, reasoning


def _difference(total: _Counts, before: _Counts) -> _Counts:
    read, cached, written, reasoning = (
        max(now - then, 0) for now, then in zip(total, before, strict=True)
    )
    return read, cached, written, reasoning


def is_patch(name: str, given: str) -> bool:
    """Report whether a tool call edits files: as a tool of its own or within a shell command."""
    return name == PATCH_TOOL or "*** Begin Patch" in given


def patch_lines(text: str) -> tuple[int, int]:
    """Return the added and removed lines of a patch, which JSON may have escaped."""
    lines = text.replace("\\n", "\n").split("\n")
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return added, removed
