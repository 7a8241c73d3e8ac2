"""Reads opencode's storage: a JSON document a message, a part of a message, or a session.

Older versions write one file for each of them below `storage/`; newer ones keep the same
documents in SQLite, whose rows `daemon.opencode_database` turns into lines.

Source: opencode's SDK, types `AssistantMessage` and `ToolPart`; `ccusage`'s adapter.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import orjson

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

AGENT: Final = "opencode"
_EDIT_TOOLS: Final = frozenset({"edit", "multiedit", "write", "patch", "apply_patch"})
_MOST_PROJECTS: Final = 100_000


class OpencodeReader(CollectingReader):
    """Reads the documents of one file or database."""

    def __init__(self, source: TraceSource) -> None:
        super().__init__(source)
        self._sender = replace(source.sender, agent=AGENT)
        self._projects: dict[str, str] = {}

    def read(self, lines: Sequence[bytes]) -> None:
        """See `TraceReader.read`; a document of several lines arrives in one call."""
        for entry in entries_in(lines):
            self._entry(entry)

    def _entry(self, entry: Json) -> None:
        session, role = text_at(entry, "sessionID"), entry.get("role")
        if not session:
            if directory := text_at(entry, "directory"):
                self._remember(text_at(entry, "id"), directory)
        elif entry.get("type") == "tool":
            self._tool(entry, session)
        elif role == "user":
            self._prompt(entry, session)
        elif "tokens" in entry and "messageID" not in entry:
            self._response(entry, session)

    def _remember(self, session: str, directory: str) -> None:
        if len(self._projects) < _MOST_PROJECTS:
            self._projects[session] = last_part(directory)

    def _sender_of(self, session: str) -> AgentSender:
        project = self._sender.project or self._projects.get(session, "")
        return replace(self._sender, project=project)

    def _response(self, message: Json, session: str) -> None:
        directory = text_at(object_at(message, "path"), "root", "cwd")
        if directory and directory != "/":
            self._remember(session, directory)
        tokens = _tokens(object_at(message, "tokens"))
        model = text_at(message, "modelID")
        if not tokens.total or not model:
            return
        times = object_at(message, "time")
        created_ms, completed_ms = time_at(times, "created"), time_at(times, "completed")
        time_ms = self._source.time_ms if created_ms is None else created_ms
        self._found.add_request(
            AgentRequest(
                session_id=session,
                time_ms=time_ms,
                model=model,
                tokens=tokens,
                sender=self._sender_of(session),
                message_id=text_at(message, "id"),
                # 0 stands for a model that opencode has no price for, or for a subscription.
                reported_cost_usd=real_at(message, "cost") or None,
                duration_ms=None if completed_ms is None else max(completed_ms - time_ms, 0),
                is_error=bool(object_at(message, "error")),
            )
        )

    def _prompt(self, message: Json, session: str) -> None:
        time_ms, key = time_at(object_at(message, "time"), "created"), text_at(message, "id")
        if key:
            self._found.add_action(
                AgentAction(
                    session_id=session,
                    time_ms=self._source.time_ms if time_ms is None else time_ms,
                    kind=ActionKind.PROMPT,
                    key=key,
                    sender=self._sender_of(session),
                )
            )

    def _tool(self, part: Json, session: str) -> None:
        state = object_at(part, "state")
        name, key = text_at(part, "tool"), text_at(part, "callID") or text_at(part, "id")
        status = text_at(state, "status")
        # A call that runs or waits is written again when it ends.
        if not name or not key or status not in ("completed", "error"):
            return
        times, given = object_at(state, "time"), object_at(state, "input")
        began_ms, ended_ms = time_at(times, "start"), time_at(times, "end")
        time_ms = self._source.time_ms if began_ms is None else began_ms
        is_edit, is_success = name in _EDIT_TOOLS, status == "completed"
        is_rejected = "rejected permission" in text_at(state, "error")
        added, removed = _changed_lines(state, given) if is_edit else (0, 0)
        action = AgentAction(
            session_id=session,
            time_ms=time_ms,
            kind=ActionKind.EDIT if is_edit else ActionKind.TOOL,
            key=key,
            sender=self._sender_of(session),
            name=name,
            is_success=is_success,
            is_accepted=False if is_rejected else True if is_edit and is_success else None,
            duration_ms=None if ended_ms is None else max(ended_ms - time_ms, 0),
            lines_added=added,
            lines_removed=removed,
            reference=text_at(given, "filePath") if is_edit else "",
            content=_content(given) if self._source.keeps_content else "",
        )
        self._found.add_action(action)
        command = text_at(given, "command")
        if is_success and command and not is_edit:
            ended_ms = time_ms if ended_ms is None else ended_ms
            call = replace(action, content=command)
            self._found.add_outcomes(call, state.get("output"), ended_ms)


def _tokens(counts: Json) -> TokenCounts:
    """Return the counts of a message; `input` leaves the cache out.

    opencode prices reasoning beside output. Where the total shows that output contains it,
    it is not added again.
    """
    cache = object_at(counts, "cache")
    read, written = count_at(cache, "read"), count_at(cache, "write")
    fresh, output = count_at(counts, "input"), count_at(counts, "output")
    reasoning = count_at(counts, "reasoning")
    total = count_or_none(counts, "total")
    known = fresh + output + read + written
    if total is None or total >= known + reasoning:
        output += reasoning
    if total and not known + reasoning:
        # Nothing but the total is known: output is the dearer guess, so no cost is too low.
        output = total
    return TokenCounts(
        input=fresh,
        output=output,
        cache_read=read,
        cache_write_5m=written,
        reasoning=reasoning,
    )


def _changed_lines(state: Json, given: Json) -> tuple[int, int]:
    """Return how many lines an edit adds and removes; opencode counts them in `filediff`."""
    counted = object_at(object_at(state, "metadata"), "filediff")
    if "additions" in counted or "deletions" in counted:
        return count_at(counted, "additions"), count_at(counted, "deletions")
    return lines_in(given.get("newString") or given.get("content")), lines_in(
        given.get("oldString")
    )


def _content(given: Json) -> str:
    return orjson.dumps(dict(given)).decode()[:LONGEST_CONTENT]
