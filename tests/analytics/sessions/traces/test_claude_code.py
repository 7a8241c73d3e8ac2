"""What is read from Claude Code's transcripts."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.sessions.traces.claude_code import ClaudeCodeReader
from analytics.sessions.traces.reader import TraceSource
from storage.api.agent_sessions.records import ActionKind, AgentAction, AgentRecords, TokenCounts
from tests.analytics.sessions.claude_lines import prompt, response, tool_result, tool_use

USAGE = {
    "input_tokens": 3,
    "output_tokens": 50,
    "cache_read_input_tokens": 1000,
    "cache_creation_input_tokens": 700,
    "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 500},
}


def read(*lines: bytes, keeps_content: bool = False) -> AgentRecords:
    reader = ClaudeCodeReader(TraceSource("file", 77, keeps_content=keeps_content))
    reader.read(lines)
    return reader.take()


def actions(records: AgentRecords, kind: ActionKind) -> list[AgentAction]:
    return [one for one in records.actions if one.kind is kind]


def test_request_has_tokens_by_price_and_its_place() -> None:
    (one,) = read(response(usage=USAGE)).requests
    assert one.tokens == TokenCounts(
        input=3, output=50, cache_read=1000, cache_write_5m=200, cache_write_1h=500
    )
    assert (one.session_id, one.message_id, one.request_id) == ("s-1", "msg_1", "req_1")
    assert (one.sender.agent, one.sender.project, one.sender.branch) == (
        "claude-code",
        "shop",
        "main",
    )
    assert one.time_ms == 1_795_168_800_000


def test_cache_writes_without_a_split_are_those_of_five_minutes() -> None:
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 40}
    assert read(response(usage=usage)).requests[0].tokens.cache_write_5m == 40


def test_synthetic_responses_and_malformed_lines_are_skipped() -> None:
    records = read(
        response(model="<synthetic>"),
        b'{"type":"assistant","usage":',
        b'["usage"]',
        response(),
    )
    assert len(records.requests) == 1


def test_response_of_a_subagent_within_its_parents_file_counts_as_sidechain() -> None:
    inner = orjson.loads(response("msg_sub", "req_sub"))
    line = orjson.dumps(
        {
            "type": "progress",
            "sessionId": "s-1",
            "data": {"type": "agent_progress", "message": inner},
        }
    )
    (one,) = read(line).requests
    assert (one.message_id, one.is_sidechain) == ("msg_sub", True)


def test_applied_edit_has_the_lines_of_its_patch() -> None:
    patch = {"structuredPatch": [{"lines": [" a", "+b", "+c", "-d"]}]}
    records = read(
        response(content=[tool_use("t-1", "Edit", file_path="/x/a.py", new_string="b\nc")]),
        tool_result("t-1", result=patch, time="2026-11-20T10:00:02.500Z"),
    )
    (edit,) = actions(records, ActionKind.EDIT)
    assert (edit.lines_added, edit.lines_removed, edit.is_accepted) == (2, 1, True)
    assert (edit.reference, edit.duration_ms, edit.is_success) == ("/x/a.py", 2500, True)


def test_rejected_edit_keeps_the_lines_that_it_proposed() -> None:
    text = "The user doesn't want to proceed with this tool use."
    records = read(
        response(content=[tool_use("t-1", "Write", file_path="/x", content="a\nb\nc\n")]),
        tool_result("t-1", is_error=True, text=text),
    )
    (edit,) = actions(records, ActionKind.EDIT)
    assert (edit.is_accepted, edit.is_success, edit.lines_added) == (False, False, 3)


def test_failed_tool_is_no_rejection() -> None:
    records = read(
        response(content=[tool_use("t-1", "Bash", command="false")]),
        tool_result("t-1", is_error=True, text="exit code 1"),
    )
    (call,) = actions(records, ActionKind.TOOL)
    assert (call.name, call.is_success, call.is_accepted) == ("Bash", False, None)


def test_commit_and_pull_request_are_found_in_what_git_prints() -> None:
    command = "git commit -m x && gh pr create --fill"
    output = "[main (root-commit) abc1234] x\n 1 file changed\nhttps://github.com/o/r/pull/7\n"
    records = read(
        response(content=[tool_use("t-1", "Bash", command=command)]),
        tool_result("t-1", result={"stdout": output}),
    )
    assert [one.reference for one in actions(records, ActionKind.COMMIT)] == ["abc1234"]
    assert [one.reference for one in actions(records, ActionKind.PULL_REQUEST)] == [
        "https://github.com/o/r/pull/7"
    ]


def test_result_that_arrives_later_completes_the_call() -> None:
    reader = ClaudeCodeReader(TraceSource("file", 0))
    reader.read([response(content=[tool_use("t-1", "Read", file_path="/x")])])
    reader.take()
    reader.read([tool_result("t-1")])
    (call,) = reader.take().actions
    assert (call.key, call.name, call.is_success) == ("t-1", "Read", True)


@pytest.mark.parametrize("keeps", [False, True])
def test_content_is_read_only_if_it_is_kept(keeps: bool) -> None:
    records = read(
        prompt("fix the secret bug"),
        response(content=[tool_use("t-1", "Bash", command="echo secret")]),
        tool_result("t-1", result={"stdout": "secret"}),
        keeps_content=keeps,
    )
    (asked,) = actions(records, ActionKind.PROMPT)
    assert ("secret" in asked.content) is keeps
    assert any("secret" in one.content for one in records.actions) is keeps


def test_commands_and_meta_lines_are_no_prompts() -> None:
    records = read(prompt("<command-name>/clear</command-name>"), prompt("x", "p-2", isMeta=True))
    assert not records.actions


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "type",
                        "message",
                        "usage",
                        "id",
                        "content",
                        "model",
                        "timestamp",
                        "sessionId",
                    ),
                    *("input_tokens", "toolUseResult", "structuredPatch", "lines", "data", "input"),
                    *(
                        "tool_use_id",
                        "is_error",
                        "requestId",
                        "isSidechain",
                        "cache_creation",
                        "cwd",
                    ),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(entries=st.lists(JSON, max_size=5))
def test_any_json_is_read_without_an_error(entries: list[Any]) -> None:
    kinds = [*entries, {"type": "assistant", "message": {"usage": entries}}, {"type": "user"}]
    lines = [orjson.dumps(_small(each)) for each in kinds]
    for one in read(
        *(b'{"usage":0,' + line[1:] if line[:1] == b"{" else line for line in lines)
    ).requests:
        assert one.tokens.total >= 0


def _small(value: Any) -> Any:
    """Return a value with whole numbers that JSON's writer takes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value % 2**60
    if isinstance(value, list):
        return [_small(each) for each in value]
    if isinstance(value, dict):
        return {name: _small(each) for name, each in value.items()}
    return value
