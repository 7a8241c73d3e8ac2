"""The totals of trace files beside those of `ccusage`, on each trap and on all together.

Skipped without `ccusage` in PATH; CI installs it with npm. A difference is named with its
reason; without one, the totals are equal.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.analytics.sessions.test_mixed_directory import FILES, OUTPUT
from tests.analytics.sessions.traps import TRAPS, Trap, write
from tests.patience import PATIENCE_S

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("ccusage") is None, reason="ccusage is not in PATH"),
]

_SECTIONS: Final = {"claude-code": "claude", "codex": "codex", "opencode": "opencode"}


@dataclass(frozen=True)
class Totals:
    """What `ccusage` adds up to: tokens of each kind, without the price of the cache's time."""

    input: int
    output: int
    cache_read: int
    cache_write: int


DIFFERENCES: Final = {
    "synthetic messages are no requests": (
        "it adds their tokens up without a price; no model was asked, so there are no tokens",
        Totals(200, 80, 0, 0),
    ),
    "a request id that only one line has does not split a response": (
        "it takes the pair of message and request as the key, so one response counts twice",
        Totals(200, 80, 0, 0),
    ),
    "opencode's reasoning is output beside its output": (
        "it leaves reasoning out, which opencode prices as output and counts beside it",
        Totals(100, 50, 0, 0),
    ),
}
"""The traps on which `ccusage` is wrong: why, and what it adds up to."""


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "CLAUDE_CONFIG_DIR": str(folder),
        "CODEX_HOME": str(folder),
        "OPENCODE_DATA_DIR": str(folder),
    }


def ccusage(folder: Path, agent: str) -> Totals:
    command = ["ccusage", _SECTIONS[agent], "daily", "--json", "--offline", "--timezone", "UTC"]
    done = subprocess.run(
        command,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    totals = json.loads(done.stdout)["totals"]
    cached = totals.get("cachedInputTokens", totals.get("cacheReadTokens", 0))
    return Totals(
        totals["inputTokens"], totals["outputTokens"], cached, totals.get("cacheCreationTokens", 0)
    )


def ours(trap: Trap) -> Totals:
    tokens = trap.tokens
    written = tokens.cache_write_5m + tokens.cache_write_1h
    return Totals(tokens.input, tokens.output, tokens.cache_read, written)


@pytest.mark.parametrize("name", TRAPS)
def test_totals_are_those_of_ccusage_but_for_named_differences(name: str, tmp_path: Path) -> None:
    trap = TRAPS[name]
    write(trap, tmp_path)
    _, expected = DIFFERENCES.get(name, ("", ours(trap)))
    assert expected != ours(trap) or name not in DIFFERENCES
    assert ccusage(tmp_path, trap.agent) == expected


def test_totals_of_a_mixed_directory_differ_by_the_named_differences_alone(
    tmp_path: Path,
) -> None:
    for name, lines in FILES.items():
        part, _, rest = name.partition("/")
        path = tmp_path / ("sessions" if part == "codex" else "projects") / (rest or part)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\n".join(lines) + b"\n")
    # tests/analytics/sessions/test_mixed_directory.py holds what Redshank adds up to: 600 input
    # and OUTPUT. Here come the synthetic message, and the response with a request id in one line.
    assert ccusage(tmp_path, "claude-code") == Totals(800, OUTPUT + 999 + 20, 0, 1000)
    assert ccusage(tmp_path, "codex") == Totals(30, 30, 0, 0)
