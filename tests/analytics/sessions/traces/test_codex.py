"""What is read from Codex's rollout files."""

from typing import Any

import orjson

from analytics.sessions.traces.codex import CodexReader
from analytics.sessions.traces.reader import TraceSource
from storage.api.agent_sessions.identity import is_same_request
from storage.api.agent_sessions.records import ActionKind, AgentRecords, TokenCounts

PARENT, CHILD = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def line(kind: str, time: str = "2026-11-20T10:00:00.000Z", **payload: Any) -> bytes:
    return orjson.dumps({"timestamp": time, "type": kind, "payload": payload})


def meta(thread: str, **more: Any) -> bytes:
    return line("session_meta", id=thread, cwd="/home/ann/shop", git={"branch": "dev"}, **more)


def counts(*, total: tuple[int, int, int, int], last: tuple[int, int, int, int]) -> bytes:
    names = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_output_tokens")
    info = {
        "total_token_usage": dict(zip(names, total, strict=True)),
        "last_token_usage": dict(zip(names, last, strict=True)),
    }
    return line("event_msg", type="token_count", info=info)


def read(*lines: bytes, name: str = f"rollout-2026-11-20T10-00-00-{PARENT}") -> AgentRecords:
    reader = CodexReader(TraceSource(name, 5))
    reader.read(lines)
    return reader.take()


FIRST = counts(total=(100, 40, 10, 5), last=(100, 40, 10, 5))
SECOND = counts(total=(300, 120, 30, 9), last=(200, 80, 20, 4))


def test_cached_tokens_are_part_of_the_input_and_reasoning_of_the_output() -> None:
    model = line("turn_context", model="gpt-5.2-codex", cwd="/home/ann/shop")
    (one,) = read(meta(PARENT), model, FIRST).requests
    assert one.tokens == TokenCounts(input=60, output=10, cache_read=40, reasoning=5)
    assert (one.session_id, one.model, one.sender.project) == (PARENT, "gpt-5.2-codex", "shop")
    assert one.sender.branch == "dev"


def test_repeated_row_is_the_same_request() -> None:
    one, two, three = read(meta(PARENT), FIRST, FIRST, SECOND).requests
    assert is_same_request(one, two)
    assert not is_same_request(two, three)


def test_rows_without_the_last_usage_are_the_growth_of_the_sum() -> None:
    names = ("input_tokens", "output_tokens")
    rows = [
        line(
            "event_msg",
            type="token_count",
            info={"total_token_usage": dict(zip(names, sums, strict=True))},
        )
        for sums in ((100, 10), (250, 30))
    ]
    assert [one.tokens.input for one in read(meta(PARENT), *rows).requests] == [100, 150]


def test_replay_in_a_subagents_file_is_the_parents_request() -> None:
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": PARENT}}}
    own = read(meta(PARENT), FIRST, SECOND).requests
    copies = read(
        meta(CHILD, source=spawn),
        meta(PARENT),
        FIRST,
        SECOND,
        counts(total=(400, 120, 40, 9), last=(100, 0, 10, 0)),
        name=f"rollout-x-{CHILD}",
    ).requests
    assert [is_same_request(a, b) for a, b in zip(own, copies, strict=False)] == [True, True]
    assert not any(is_same_request(one, copies[2]) for one in own)
    assert all(one.session_id == CHILD for one in copies)


def test_fork_of_a_fork_leads_back_to_the_first_thread() -> None:
    grandchild = "33333333-3333-4333-8333-333333333333"
    own = read(meta(PARENT), FIRST).requests[0]
    copy = read(
        meta(grandchild, forked_from_id=CHILD),
        meta(CHILD, forked_from_id=PARENT),
        FIRST,
        name=f"rollout-x-{grandchild}",
    ).requests[0]
    assert is_same_request(own, copy)


def test_unrelated_threads_with_equal_sums_are_different_requests() -> None:
    one = read(meta(PARENT), FIRST).requests[0]
    other = read(meta(CHILD), FIRST, name=f"rollout-x-{CHILD}").requests[0]
    assert not is_same_request(one, other)


def test_calls_edits_and_commits_are_actions() -> None:
    patch = "*** Begin Patch\n*** Update File: a.py\n+new\n+newer\n-old\n*** End Patch"
    records = read(
        meta(PARENT),
        line("event_msg", type="user_message", message="fix it"),
        line(
            "response_item", type="custom_tool_call", call_id="c1", name="apply_patch", input=patch
        ),
        line("event_msg", type="patch_apply_end", call_id="c1", success=True),
        line(
            "response_item",
            type="function_call",
            call_id="c2",
            name="shell",
            arguments='{"command":["git","commit","-m","x"]}',
        ),
        line(
            "response_item",
            type="function_call_output",
            call_id="c2",
            output='{"output":"[dev 0abc123] x\\n","metadata":{"exit_code":0}}',
        ),
    )
    kinds = [one.kind for one in records.actions]
    assert kinds == [ActionKind.PROMPT, ActionKind.EDIT, ActionKind.TOOL, ActionKind.COMMIT]
    prompt, edit, call, commit = records.actions
    assert (edit.lines_added, edit.lines_removed, edit.is_accepted) == (2, 1, True)
    assert (call.is_success, commit.reference, prompt.content) == (True, "0abc123", "")
