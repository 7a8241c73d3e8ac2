"""Tool calls, edits, decisions and commits in the events of agents."""

from analytics.sessions.events.reading import records_of
from model.telemetry.log_records import ScopeLogs
from storage.api.agent_sessions.records import ActionKind, AgentAction
from tests.analytics.sessions.agent_events import TIME_MS, claude, codex, gemini, opencode


def actions_of(*events: ScopeLogs) -> list[AgentAction]:
    return list(records_of(events, "sender", TIME_MS)[0].actions)


def test_call_begins_before_its_result() -> None:
    (call,) = actions_of(
        claude(
            "tool_result", tool_use_id="t-1", tool_name="Bash", success="false", duration_ms="400"
        )
    )
    assert (call.key, call.kind, call.is_success) == ("t-1", ActionKind.TOOL, False)
    assert (call.time_ms, call.duration_ms) == (TIME_MS - 400, 400)
    # The plugin of opencode writes the begin.
    (call,) = actions_of(opencode("tool_result", tool_name="bash", success=True, duration_ms=400))
    assert (call.time_ms, call.is_success) == (TIME_MS, True)


def test_edit_that_succeeds_is_accepted() -> None:
    (edit,) = actions_of(claude("tool_result", tool_name="Edit", tool_use_id="t", success="true"))
    assert (edit.kind, edit.is_accepted) == (ActionKind.EDIT, True)


def test_refused_edit_is_rejected() -> None:
    refused = claude("tool_decision", tool_name="Edit", tool_use_id="t", decision="reject")
    (edit,) = actions_of(refused)
    assert (edit.kind, edit.is_accepted, edit.is_success) == (ActionKind.EDIT, False, False)
    (denied,) = actions_of(codex("tool_decision", call_id="c", decision="denied"))
    assert denied.is_accepted is False


def test_decision_without_a_call_or_that_allows_it_is_passed_over() -> None:
    assert not actions_of(
        opencode("tool_decision", tool_name="Edit a.py", decision="reject"),
        claude("tool_decision", tool_name="Edit", tool_use_id="t", decision="accept"),
    )


def test_patch_within_a_shell_command_is_an_edit_with_its_lines() -> None:
    patch = '{"command":["bash","-c","*** Begin Patch\\n*** Update File: a\\n-x\\n+y\\n+z\\n"]}'
    (edit,) = actions_of(
        codex("tool_result", tool_name="shell", call_id="c", arguments=patch, success="true")
    )
    assert (edit.kind, edit.name, edit.is_accepted) == (ActionKind.EDIT, "apply_patch", True)
    assert (edit.lines_added, edit.lines_removed) == (2, 1)


def test_lines_of_an_edit_by_gemini_are_those_of_model_and_person() -> None:
    statistics = {"model_added_lines": 5, "user_added_lines": 1, "model_removed_lines": 2}
    for metadata in ({"diffStat": statistics}, statistics):
        (edit,) = actions_of(
            gemini("tool_call", function_name="replace", success=True, metadata=metadata)
        )
        assert (edit.lines_added, edit.lines_removed, edit.is_accepted) == (6, 2, True)


def test_commits_are_found_in_what_git_printed() -> None:
    call, commit, pull = actions_of(
        codex(
            "tool_result",
            call_id="c",
            tool_name="shell",
            success="true",
            arguments="git commit -m x && gh pr create",
            output="[main abc1234] x\nhttps://github.com/o/r/pull/7\n",
        )
    )
    assert (call.kind, commit.kind, commit.reference) == (
        ActionKind.TOOL,
        ActionKind.COMMIT,
        "abc1234",
    )
    assert (pull.kind, pull.reference) == (
        ActionKind.PULL_REQUEST,
        "https://github.com/o/r/pull/7",
    )
