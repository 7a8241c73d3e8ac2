"""A server killed under load loses nothing it acknowledged; `./run bench crash` tests more."""

import math
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.crash import ALLOWED_LOSS_MS, crash
from benchmarks.harness.durability.event_traffic import NumberedTraffic, compare_numbers
from benchmarks.harness.durability.verdict import (
    CrashVerdict,
    Life,
    Points,
    TargetComparison,
    compare_pushes,
)
from benchmarks.harness.durability.witnesses import SERIES, STAMPED, kind_of, value_of

BASE_MS = 1_700_000_000_000
SCRAPES = 20


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_server_has_the_samples_that_its_targets_served(tmp_path: Path) -> None:
    findings = crash(rounds=4, targets=6, seed=3, directory=tmp_path)
    assert findings.verdict.problems == []
    assert findings.verdict.samples > 1000
    assert findings.events > 0
    assert findings.requests > 0
    assert findings.deltas > 0


def served() -> list[int]:
    return [BASE_MS + 200 * scrape + 5 for scrape in range(SCRAPES)]


def stored() -> dict[int, dict[int, float]]:
    """Return the samples of target 2 that a correct server holds, by series and time."""
    found: dict[int, dict[int, float]] = {}
    for series in range(SERIES):
        late = 5 if kind_of(series) == STAMPED else 0
        for scrape in range(SCRAPES):
            value = value_of(2, series, scrape)
            if value is not None:
                found.setdefault(series, {})[BASE_MS + 200 * scrape + late] = value
    return found


def judged(found: dict[int, dict[int, float]], up: Points = ()) -> list[str]:
    verdict = CrashVerdict()
    life = Life(BASE_MS, BASE_MS + 200 * SCRAPES)
    points = {series: sorted(samples.items()) for series, samples in found.items()}
    TargetComparison(2, served(), [life], ALLOWED_LOSS_MS, verdict).compare(points, up)
    return verdict.problems


def test_check_finds_no_fault_in_a_correct_server() -> None:
    assert judged(stored()) == []


@pytest.mark.parametrize("series", range(SERIES))
def test_wrong_value_is_found(series: int) -> None:
    found = stored()
    time_ms = max(found[series])
    found[series][time_ms] = found[series][time_ms] + 1 if series % 2 else 7.25
    assert judged(found)


def test_nan_for_a_number_is_found() -> None:
    found = stored()
    found[1][BASE_MS] = math.nan
    assert judged(found)


def test_sample_that_was_not_served_is_found() -> None:
    found = stored()
    found[1][BASE_MS + 100] = found[1][BASE_MS]
    assert judged(found)


def test_scrape_lost_long_before_the_kill_is_found_unless_it_failed() -> None:
    found = stored()
    for series in found:
        for time_ms in (BASE_MS + 800, BASE_MS + 805):
            found[series].pop(time_ms, None)
    assert any("is lost" in problem for problem in judged(found))
    assert judged(found, [(BASE_MS + 800, 0.0)]) == []


def test_scrape_lost_just_before_the_kill_is_allowed() -> None:
    found = stored()
    for series in found:
        for time_ms in (BASE_MS + 3800, BASE_MS + 3805):
            found[series].pop(time_ms, None)
    assert judged(found) == []


def test_lost_doubled_and_invented_pushes_are_found() -> None:
    sent = {1: 1.0, 2: 2.0, 3: 3.0}
    for stored_points, problems in (
        ([(1, 1.0), (2, 2.0), (3, 3.0)], 0),
        ([(1, 1.0), (2, 2.0)], 0),
        ([(2, 2.0)], 1),
        ([(1, 1.0), (1, 1.0), (2, 2.0)], 1),
        ([(1, 1.0), (2, 5.0)], 1),
        ([(1, 1.0), (2, 2.0), (4, 4.0)], 1),
    ):
        verdict = CrashVerdict()
        compare_pushes("push", stored_points, sent, {1: 1.0, 2: 2.0}, verdict)
        assert len(verdict.problems) == problems


def test_lost_repeated_and_made_up_events_are_found() -> None:
    traffic = NumberedTraffic("", repeats=True)
    traffic.sent, traffic.acknowledged = {0, 1, 2, 3}, {0, 1, 2}
    assert compare_numbers("event", traffic, Counter([0, 1, 2])) == []
    assert compare_numbers("event", traffic, Counter([0, 1, 2, 3])) == []
    assert compare_numbers("event", traffic, Counter([0, 1, 1, 9])) == [
        "acknowledged event 2 is lost",
        "event 1 is stored 2 times",
        "event 9 was never sent",
    ]
