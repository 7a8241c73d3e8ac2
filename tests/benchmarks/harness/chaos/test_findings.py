"""A run fails on every missed, false and lost item, and on memory over its bound."""

import json

import pytest

from benchmarks.harness.chaos.findings import ChaosFindings, RoundFindings


def findings(*rounds: RoundFindings) -> ChaosFindings:
    return ChaosFindings("a test", {}, 1000, list(rounds))


def test_run_without_problems_holds() -> None:
    found = findings(RoundFindings(1, {"kill": ""}, rss_mb=999))
    assert found.exceeded() == []
    figures = json.loads(found.as_json())
    names = ("rounds", "missed_alerts", "false_alerts", "lost", "rss_peak_mb")
    assert [figures[name] for name in names] == [1, 0, 0, 0, 999]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("missed", "missed_alerts"),
        ("false", "false_alerts"),
        ("lost", "lost"),
        ("unrecovered", "unrecovered"),
    ],
)
def test_each_kind_of_problem_is_counted(kind: str, name: str) -> None:
    failed = RoundFindings(2, {"kill": "", "disk_full": ""}, problems=[(kind, "x"), (kind, "y")])
    found = findings(RoundFindings(1, {"kill": ""}), failed)
    assert found.exceeded() == [f"round 2: {kind}: x", f"round 2: {kind}: y"]
    figures = json.loads(found.as_json())
    assert figures[name] == 2
    assert {key: one["failed"] for key, one in figures["faults"].items()} == {
        "disk_full": [2],
        "kill": [2],
    }


def test_memory_over_its_bound_fails_a_run() -> None:
    found = findings(RoundFindings(1, {}, rss_mb=300), RoundFindings(2, {}, rss_mb=1001))
    assert found.exceeded() == ["RSS peak is 1001 MB, more than 1000 MB"]


def test_table_shows_the_result_of_each_round(capsys: pytest.CaptureFixture[str]) -> None:
    failed = RoundFindings(2, {"stop": ""}, problems=[("lost", "x")], log="/logs/round-002.log")
    findings(RoundFindings(1, {"kill": ""}), failed).print()
    lines = capsys.readouterr().out.splitlines()
    assert any("kill" in line and line.rstrip().endswith("ok") for line in lines)
    assert any("stop" in line and line.rstrip().endswith("1 lost") for line in lines)
    assert "! round 2: lost: x" in lines
    assert "  its log: /logs/round-002.log" in lines
