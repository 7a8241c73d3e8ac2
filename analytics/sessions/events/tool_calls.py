"""Tool calls, decisions about them, and the commits that they make."""

from typing import Any, Final

import orjson

from analytics.sessions.events.event import AgentEvent, Records, rejected
from analytics.sessions.traces.codex import PATCH_TOOL, is_patch, patch_lines
from analytics.sessions.traces.git_output import commits_in, pull_requests_in
from analytics.sessions.traces.reader import outcome_key
from analytics.sessions.traces.values import Json, count_at, count_or_none, flag_at, object_at
from storage.api.agent_sessions.records import ActionKind

_EDIT_TOOLS: Final = frozenset(
    {
        *("Edit", "MultiEdit", "Write", "NotebookEdit"),
        *("replace", "write_file", "edit", "write", "multiedit", "patch"),
        *(PATCH_TOOL, "editFiles", "createFile", "replaceStringInFile"),
        *("copilot_replaceString", "copilot_createFile", "copilot_applyPatch"),
    }
)
_GIVEN: Final = ("arguments", "tool_parameters", "tool_input", "function_args")


def tool_result(event: AgentEvent, *, is_written_at_end: bool = True) -> Records:
    """Yield a tool call that ended, and the commits and pull requests that it made.

    Args:
        event: the event.
        is_written_at_end: whether its time is the end of the call, not its begin.
    """
    name, key = _name(event), _call_id(event) or event.own_id
    given = event.content(*_GIVEN)
    applied = is_patch(name, given) if event.agent == "codex" else False
    kind = ActionKind.EDIT if applied or name in _EDIT_TOOLS else ActionKind.TOOL
    is_success = flag_at(event.values, "success", "copilot_chat.tool.success")
    if is_success is None and event.text("error.type", "error_type"):
        is_success = False
    accepted: bool | None = None
    if rejected(event.text("decision")):
        accepted = False
    elif kind is ActionKind.EDIT and is_success:
        accepted = True
    added, removed = patch_lines(given) if applied else _diff_lines(event)
    call = event.action(
        kind,
        key,
        content=given,
        time_ms=event.began_ms() if is_written_at_end else event.time_ms,
        name=PATCH_TOOL if applied else name,
        is_success=is_success,
        is_accepted=accepted,
        duration_ms=count_or_none(event.values, "duration_ms"),
        lines_added=added,
        lines_removed=removed,
    )
    yield call
    yield from _outcomes(event, key, given)


def tool_decision(event: AgentEvent) -> Records:
    """Yield a tool call that was refused; one that was allowed ends with a result.

    A decision without the call's id cannot be told from another call, and is passed over.
    """
    key, name = _call_id(event), _name(event)
    if key and rejected(event.text("decision")):
        kind = ActionKind.EDIT if name in _EDIT_TOOLS else ActionKind.TOOL
        yield event.action(kind, key, name=name, is_success=False, is_accepted=False)


def commit(event: AgentEvent) -> Records:
    """Yield a commit whose id the agent does not report."""
    yield event.action(ActionKind.COMMIT, event.own_id, is_success=True)


def _name(event: AgentEvent) -> str:
    return event.text("tool_name", "function_name", "gen_ai.tool.name", "copilot_chat.tool.name")


def _call_id(event: AgentEvent) -> str:
    return event.text("tool_use_id", "call_id", "gen_ai.tool.call.id")


def _diff_lines(event: AgentEvent) -> tuple[int, int]:
    """Return the lines that Gemini CLI's statistics of an edit count."""
    metadata = _as_object(event.values.get("metadata"))
    found = object_at(metadata, "diffStat") or metadata
    added, removed = (
        count_at(found, f"model_{each}_lines") + count_at(found, f"user_{each}_lines")
        for each in ("added", "removed")
    )
    return added, removed


def _outcomes(event: AgentEvent, key: str, given: str) -> Records:
    parameters = _as_object(event.values.get("tool_parameters"))
    command, output = given, event.content("output")
    found = [(ActionKind.COMMIT, one) for one in commits_in(command, output)]
    found += [(ActionKind.PULL_REQUEST, one) for one in pull_requests_in(command, output)]
    if isinstance(commit_id := parameters.get("git_commit_id"), str) and commit_id:
        found.append((ActionKind.COMMIT, commit_id[:64]))
    for kind, reference in found:
        own = outcome_key(key, kind, reference)
        yield event.action(kind, own, reference=reference, is_success=True)


def _as_object(value: Any) -> Json:
    """Return an object that may arrive as JSON in a text."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}
