"""The traps of trace files, each a small directory with the totals that are right.

Issue numbers are those of `ccusage`, which fell into most of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from storage.api.agent_sessions.records import TokenCounts
from tests.analytics.sessions.claude_lines import MODEL, response

PARENT: Final = "projects/shop/s-1.jsonl"
SUBAGENT: Final = "projects/shop/s-1/subagents/agent-1.jsonl"
THREAD: Final = "11111111-1111-4111-8111-111111111111"
FORK: Final = "22222222-2222-4222-8222-222222222222"


@dataclass(frozen=True)
class Trap:
    """A directory of traces.

    Attributes:
        agent: whose traces these are.
        files: lines of each file, by its path.
        requests: how many requests count.
        tokens: what they add up to.
        cost_usd: what they cost.
        unpriced: tokens of models without a price.
        days: output tokens by day in UTC, where that is what the trap is about.
    """

    files: Mapping[str, Sequence[bytes]]
    requests: int
    tokens: TokenCounts
    cost_usd: float
    agent: str = "claude-code"
    unpriced: int = 0
    days: Mapping[str, int] = field(default_factory=dict)


def write(trap: Trap, folder: Path) -> None:
    """Write the files of a trap; blocks."""
    for name, lines in trap.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\n".join(lines) + b"\n")


def usage(given: int, output: int, **more: Any) -> dict[str, Any]:
    return {"input_tokens": given, "output_tokens": output, **more}


def _codex(thread: str, *rows: bytes, parent: str = "") -> list[bytes]:
    payload = {"id": thread, "cwd": "/x"} | ({"forked_from_id": parent} if parent else {})
    return [
        _codex_line("session_meta", payload),
        _codex_line("turn_context", {"model": "gpt-5", "cwd": "/x"}),
        *rows,
    ]


def _codex_line(kind: str, payload: dict[str, Any]) -> bytes:
    line = {"type": kind, "timestamp": "2026-11-20T10:00:00.000Z", "payload": payload}
    return orjson.dumps(line)


def _count(total: int, last: int, cached: int = 0) -> bytes:
    def counts(number: int) -> dict[str, int]:
        return {
            "input_tokens": number,
            "cached_input_tokens": cached,
            "output_tokens": number,
            "reasoning_output_tokens": 1,
            "total_tokens": 2 * number,
        }

    info = {"total_token_usage": counts(total), "last_token_usage": counts(last)}
    return _codex_line("event_msg", {"type": "token_count", "info": info})


def _opencode(key: str, **tokens: Any) -> bytes:
    return orjson.dumps(
        {
            "id": key,
            "sessionID": "ses_1",
            "role": "assistant",
            "modelID": MODEL,
            "providerID": "anthropic",
            "time": {"created": 1_795_168_800_000},
            "path": {"cwd": "/x", "root": "/x"},
            "cost": 0,
            "tokens": {"input": 100, "output": 50, "cache": {"read": 0, "write": 0}, **tokens},
        }
    )


def _dollars(**tokens: int) -> float:
    """Return the cost at the prices of Claude Sonnet 4.5."""
    prices = {"given": 3.0, "output": 15.0, "read": 0.3, "five": 3.75, "hour": 6.0}
    return sum(number * prices[name] for name, number in tokens.items()) / 1e6


ONE: Final = TokenCounts(input=100, output=40)
ONE_COST: Final = _dollars(given=100, output=40)

TRAPS: Final[dict[str, Trap]] = {
    "repeated lines of one response count once (#389)": Trap(
        {PARENT: [response("m1", "r1", usage=usage(100, 40))] * 3}, 1, ONE, ONE_COST
    ),
    "a missing request id falls back to the message id (#976, #985)": Trap(
        {PARENT: [response("m1", None, usage=usage(100, 40))] * 2}, 1, ONE, ONE_COST
    ),
    "a request id that only one line has does not split a response": Trap(
        {
            PARENT: [
                response("m1", None, usage=usage(100, 40)),
                response("m1", "r1", usage=usage(100, 40)),
            ]
        },
        1,
        ONE,
        ONE_COST,
    ),
    "the largest usage of a streamed response counts, not the first (#901, #938)": Trap(
        {
            PARENT: [
                response("m1", "r1", usage=usage(100, 1)),
                response("m1", "r1", usage=usage(100, 40)),
                response("m1", "r1", usage=usage(100, 12)),
            ]
        },
        1,
        ONE,
        ONE_COST,
    ),
    "a subagent's replay of its parent is dropped (#913)": Trap(
        {
            PARENT: [response("m1", "r1", usage=usage(100, 40))],
            SUBAGENT: [response("m1", "r7", usage=usage(100, 40), sidechain=True)],
        },
        1,
        ONE,
        ONE_COST,
    ),
    "a subagent's own responses count (ccstats #85)": Trap(
        {
            PARENT: [response("m1", "r1", usage=usage(100, 40))],
            SUBAGENT: [response("m2", "r2", usage=usage(100, 40), sidechain=True)],
        },
        2,
        TokenCounts(input=200, output=80),
        2 * ONE_COST,
    ),
    "a resumed session's copies count once": Trap(
        {
            PARENT: [response("m1", "r1", usage=usage(100, 40))],
            "projects/shop/s-2.jsonl": [
                response("m1", "r1", usage=usage(100, 40)),
                response("m2", "r2", usage=usage(100, 40), session="s-2"),
            ],
        },
        2,
        TokenCounts(input=200, output=80),
        2 * ONE_COST,
    ),
    "cache writes for an hour cost more than those for five minutes (#899)": Trap(
        {
            PARENT: [
                response(
                    "m1",
                    "r1",
                    usage=usage(
                        100,
                        40,
                        cache_read_input_tokens=500,
                        cache_creation_input_tokens=3000,
                        cache_creation={
                            "ephemeral_5m_input_tokens": 1000,
                            "ephemeral_1h_input_tokens": 2000,
                        },
                    ),
                )
            ]
        },
        1,
        TokenCounts(input=100, output=40, cache_read=500, cache_write_5m=1000, cache_write_1h=2000),
        ONE_COST + _dollars(read=500, five=1000, hour=2000),
    ),
    "an unknown model is unpriced, not free": Trap(
        {PARENT: [response("m1", "r1", model="no-such-model", usage=usage(100, 40))]},
        1,
        ONE,
        0.0,
        unpriced=140,
    ),
    "synthetic messages are no requests": Trap(
        {
            PARENT: [
                response("m1", "r1", usage=usage(100, 40)),
                response("m2", "r2", model="<synthetic>", usage=usage(100, 40)),
            ]
        },
        1,
        ONE,
        ONE_COST,
    ),
    "days are those of one zone, whatever the zone of a line": Trap(
        {
            PARENT: [
                # 2026-11-20 16:00, 2026-11-21 02:00 and 2026-11-21 00:30 in UTC.
                response("m1", "r1", time="2026-11-21T01:00:00+09:00", usage=usage(100, 1)),
                response("m2", "r2", time="2026-11-20T18:00:00-08:00", usage=usage(100, 2)),
                response("m3", "r3", time="2026-11-21T00:30:00Z", usage=usage(100, 4)),
            ]
        },
        3,
        TokenCounts(input=300, output=7),
        _dollars(given=300, output=7),
        days={"2026-11-20": 1, "2026-11-21": 6},
    ),
    "Codex's repeated totals count once": Trap(
        {
            f"sessions/rollout-{THREAD}.jsonl": _codex(
                THREAD, _count(10, 10), _count(10, 10), _count(30, 20)
            )
        },
        2,
        TokenCounts(input=30, output=30, reasoning=2),
        (30 * 1.25 + 30 * 10) / 1e6,
        "codex",
    ),
    "Codex's cached input is part of its input": Trap(
        {f"sessions/rollout-{THREAD}.jsonl": _codex(THREAD, _count(10, 10, cached=4))},
        1,
        TokenCounts(input=6, output=10, cache_read=4, reasoning=1),
        (6 * 1.25 + 4 * 0.125 + 10 * 10) / 1e6,
        "codex",
    ),
    "a Codex subagent's replay of its parent counts once (#950)": Trap(
        {
            f"sessions/rollout-{THREAD}.jsonl": _codex(THREAD, _count(10, 10), _count(30, 20)),
            f"sessions/rollout-{FORK}.jsonl": [
                *_codex(FORK, parent=THREAD),
                *_codex(THREAD, _count(10, 10), _count(30, 20)),
            ],
        },
        2,
        TokenCounts(input=30, output=30, reasoning=2),
        (30 * 1.25 + 30 * 10) / 1e6,
        "codex",
    ),
    "an opencode message in two files counts once": Trap(
        {
            "storage/message/ses_1/msg_1.json": [_opencode("msg_1")],
            "storage/message/ses_2/msg_1.json": [_opencode("msg_1")],
        },
        1,
        TokenCounts(input=100, output=50),
        _dollars(given=100, output=50),
        "opencode",
    ),
    "opencode's reasoning is output beside its output": Trap(
        {"storage/message/ses_1/msg_1.json": [_opencode("msg_1", reasoning=7)]},
        1,
        TokenCounts(input=100, output=57, reasoning=7),
        _dollars(given=100, output=57),
        "opencode",
    ),
}
