"""What is read from opencode's documents."""

from typing import Any

import orjson
import pytest

from analytics.sessions.traces.formats import TraceFormat, format_of, reader_of
from analytics.sessions.traces.reader import TraceSource
from storage.api.agent_sessions.records import ActionKind, AgentRecords, AgentSender, TokenCounts

SESSION = "ses_1"


def message(**more: Any) -> dict[str, Any]:
    return {
        "id": "msg_2",
        "sessionID": SESSION,
        "role": "assistant",
        "time": {"created": 1_795_000_000_000, "completed": 1_795_000_004_000},
        "modelID": "claude-sonnet-4-5",
        "providerID": "anthropic",
        "path": {"cwd": "/home/ann/shop", "root": "/home/ann/shop"},
        "cost": 0.02,
        "tokens": {
            "input": 100,
            "output": 50,
            "reasoning": 7,
            "cache": {"read": 10, "write": 20},
        },
        **more,
    }


def tool(name: str, given: dict[str, Any], **state: Any) -> dict[str, Any]:
    return {
        "id": "prt_1",
        "sessionID": SESSION,
        "messageID": "msg_2",
        "type": "tool",
        "callID": "call_1",
        "tool": name,
        "state": {
            "status": "completed",
            "input": given,
            "time": {"start": 1_795_000_001_000, "end": 1_795_000_001_500},
            **state,
        },
    }


def read(*entries: dict[str, Any]) -> AgentRecords:
    reader = reader_of(TraceFormat.OPENCODE, TraceSource("file", 1_000, AgentSender(team="core")))
    reader.read([orjson.dumps(entry) for entry in entries])
    return reader.take()


def test_message_becomes_a_request_with_its_cost_and_project() -> None:
    (one,) = read(message()).requests
    assert one.tokens == TokenCounts(
        input=100, output=57, cache_read=10, cache_write_5m=20, reasoning=7
    )
    assert (one.model, one.reported_cost_usd) == ("claude-sonnet-4-5", 0.02)
    assert (one.session_id, one.message_id, one.duration_ms) == (SESSION, "msg_2", 4_000)
    assert one.sender == AgentSender("opencode", "", "core", "shop")


@pytest.mark.parametrize(
    ("tokens", "output"),
    [
        ({"output": 50, "reasoning": 7}, 57),
        # The total shows whether output contains reasoning.
        ({"output": 50, "reasoning": 7, "total": 57}, 57),
        ({"output": 50, "reasoning": 7, "total": 50}, 50),
        ({"total": 123}, 123),
    ],
)
def test_reasoning_counts_once(tokens: dict[str, int], output: int) -> None:
    (one,) = read(message(tokens=tokens)).requests
    assert one.tokens.output == output


def test_cost_of_zero_is_no_report_of_a_cost() -> None:
    (one,) = read(message(cost=0)).requests
    assert one.reported_cost_usd is None


def test_message_without_tokens_is_no_request() -> None:
    assert not len(read(message(tokens={"input": 0, "output": 0}), message(modelID="")))


def test_sessions_name_the_project_of_their_messages() -> None:
    session = {"id": SESSION, "projectID": "p", "directory": "/home/ann/till", "title": "x"}
    (one,) = read(session, message(path={"cwd": "/", "root": "/"})).requests
    assert one.sender.project == "till"


def test_edit_counts_its_lines_and_is_accepted() -> None:
    given = {"filePath": "/a.py", "oldString": "x\n", "newString": "y\nz\n"}
    (one,) = read(tool("edit", given)).actions
    assert (one.kind, one.name, one.is_accepted) == (ActionKind.EDIT, "edit", True)
    assert (one.lines_added, one.lines_removed, one.reference) == (2, 1, "/a.py")
    assert one.duration_ms == 500
    counted = {"filediff": {"additions": 9, "deletions": 8}}
    (one,) = read(tool("edit", given, metadata=counted)).actions
    assert (one.lines_added, one.lines_removed) == (9, 8)


def test_edit_that_the_user_rejects_is_not_accepted() -> None:
    error = "The user rejected permission to use this specific tool call."
    (one,) = read(tool("write", {"content": "x"}, status="error", error=error)).actions
    assert (one.is_success, one.is_accepted) == (False, False)


def test_call_that_has_not_ended_is_not_read() -> None:
    assert not len(read(tool("bash", {"command": "ls"}, status="running")))


def test_commit_of_a_shell_command_is_found() -> None:
    output = "[main 1a2b3c4] Fix\n 1 file changed, 1 insertion(+)\n"
    actions = read(tool("bash", {"command": "git commit -m Fix"}, output=output)).actions
    assert [one.kind for one in actions] == [ActionKind.TOOL, ActionKind.COMMIT]
    assert actions[1].reference == "1a2b3c4"
    assert actions[0].content == ""


def test_user_message_is_a_prompt() -> None:
    (one,) = read({"id": "msg_1", "sessionID": SESSION, "role": "user", "time": {}}).actions
    assert (one.kind, one.key, one.time_ms) == (ActionKind.PROMPT, "msg_1", 1_000)


@pytest.mark.parametrize("indented", [False, True])
def test_documents_are_recognised_and_read_over_several_lines(indented: bool) -> None:
    option = orjson.OPT_INDENT_2 if indented else 0
    for entry, count in ((message(), 1), (tool("bash", {}), 1)):
        lines = orjson.dumps(entry, option=option).split(b"\n")
        assert format_of(lines) is TraceFormat.OPENCODE
        reader = reader_of(TraceFormat.OPENCODE, TraceSource("file", 1_000))
        reader.read(lines)
        assert len(reader.take()) == count
