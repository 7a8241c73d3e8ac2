"""What counts as a missed scrape, a late evaluation and a slow answer beside attackers."""

import time
from datetime import UTC, datetime

import pytest

from benchmarks.attackers import AttackFindings, AttackWitness, lag_s, missed_scrapes

TARGET = "127.0.0.1:80"


def up(*points: tuple[float, int]) -> list[dict[str, object]]:
    return [{"metric": {"instance": TARGET}, "values": [(at, str(value)) for at, value in points]}]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0, 1), (15, 1), (30, 1)], []),
        ([(0, 1), (15, 0), (30, 1)], ["was down at 15"]),
        ([(0, 1), (15, 1), (45, 1)], ["was not scraped for 30.0 s after 15"]),
        ([(0, 1), (16, 1), (30, 1)], []),
        ([(0, 1), (15, 1)], ["has 2 of 3 scrapes"]),
        ([], ["has 0 of 3 scrapes"]),
    ],
)
def test_missed_scrapes(points: list[tuple[float, int]], expected: list[str]) -> None:
    found = missed_scrapes(up(*points), [TARGET], 3, 15)
    assert found == [f"{TARGET} {what}" for what in expected]


def test_target_without_a_sample_missed_all_scrapes() -> None:
    assert missed_scrapes([], [TARGET], 3, 15) == [f"{TARGET} has 0 of 3 scrapes"]


def test_lag_begins_when_the_interval_is_over() -> None:
    evaluated = datetime.fromtimestamp(time.time() - 40, UTC).isoformat()
    assert lag_s({"lastEvaluation": evaluated, "interval": 15}) == pytest.approx(25, abs=10)


def test_group_that_was_never_evaluated_does_not_lag() -> None:
    assert lag_s({"lastEvaluation": "0001-01-01T00:00:00Z", "interval": 15}) == 0


def findings(witness: AttackWitness, missed: tuple[str, ...] = ()) -> AttackFindings:
    return AttackFindings("a test", 15, 100, missed, witness, {}, 1000)


def test_run_within_its_limits_holds() -> None:
    assert findings(AttackWitness([0.199], [], [14.9], 999_000_000)).exceeded() == []


def test_each_limit_is_reported() -> None:
    witness = AttackWitness([0.1, 0.201], ["/health: reset"], [16.0], 1_001_000_000)
    assert findings(witness, ("a was down at 1",)).exceeded() == [
        "a scrape is missed: a was down at 1",
        "a request failed: /health: reset",
        "evaluation lags 16 s, more than 15 s",
        "/health took 201 ms, more than 0.2 s",
        "RSS peak is 1001 MB, more than 1000 MB",
    ]
