import numpy as np
import pytest

from model.labels import Labels
from model.series import ABSENT, STALE, AlignedSeries
from web.hosts.changes.ranking import POINTS, ComparedWindows, rank

STEP_MS = 15_000
WINDOW_MS = 900_000
MOMENT_MS = 1_763_820_000_000
WINDOWS = ComparedWindows.around(MOMENT_MS, WINDOW_MS)
TIMES = np.arange(WINDOWS.start_ms, WINDOWS.end_ms + 1, STEP_MS)
IS_AFTER = WINDOWS.split_ms <= TIMES


def series(**rows: np.ndarray) -> AlignedSeries:
    labels = [Labels.of(__name__=name, instance="a:9100") for name in rows]
    return AlignedSeries.of_source(labels, TIMES, np.array(list(rows.values())))


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 5, len(TIMES))


def test_moment_lies_in_the_middle_of_its_window() -> None:
    assert WINDOWS.split_ms == MOMENT_MS - WINDOW_MS // 2
    assert WINDOWS.end_ms == MOMENT_MS + WINDOW_MS // 2
    assert WINDOWS.split_ms - WINDOWS.start_ms == 4 * WINDOW_MS


def test_planted_changes_come_first_and_are_no_chance() -> None:
    jump = noise(1) + np.where(IS_AFTER, 60, 0)
    drop = noise(2) - np.where(IS_AFTER, 80, 0)
    others = {f"steady_{number}": noise(number + 10) for number in range(200)}
    found = rank(series(jump=jump, drop=drop, **others), (), WINDOWS, 10)
    assert {change.labels.metric for change in found.changes[:2]} == {"jump", "drop"}
    assert found.changes[0].labels.metric == "drop"
    assert all(change.share_of_chance < 0.001 for change in found.changes[:2])
    assert all(change.share_of_chance > 0.05 for change in found.changes[2:])
    assert (found.compared, found.too_few, found.constant) == (202, 0, 0)
    assert found.changes[0].shift < -5 < 5 < found.changes[1].shift


def test_counter_is_compared_by_its_rate_and_a_restart_is_no_change() -> None:
    steady = np.cumsum(np.random.default_rng(3).normal(150, 5, len(TIMES)))
    faster = np.cumsum(np.random.default_rng(4).normal(150, 5, len(TIMES)) * (1 + 3 * IS_AFTER))
    restarted = steady.copy()
    restarted[IS_AFTER] -= restarted[np.argmax(IS_AFTER)]
    found = rank(
        series(steady_total=steady, faster_total=faster, restarted_total=restarted),
        (),
        WINDOWS,
        10,
    )
    first = found.changes[0]
    assert (first.labels.metric, first.is_rate) == ("faster_total", True)
    assert first.median_before == pytest.approx(10, rel=0.05)
    assert first.median_after == pytest.approx(40, rel=0.05)
    assert all(change.share_of_chance > 0.05 for change in found.changes[1:])


def test_metadata_says_which_metrics_are_counters() -> None:
    plain = series(node_vmstat_pgfault=np.cumsum(noise(5)))
    assert not rank(plain, (), WINDOWS, 1).changes[0].is_rate
    assert rank(plain, {"node_vmstat_pgfault"}, WINDOWS, 1).changes[0].is_rate


def test_changed_spread_with_the_same_middle_is_found() -> None:
    random = np.random.default_rng(6)
    wide = 100 + random.normal(0, 1, len(TIMES)) * np.where(IS_AFTER, 40, 1)
    found = rank(series(wide=wide, calm=noise(8)), (), WINDOWS, 2)
    assert found.changes[0].labels.metric == "wide"
    assert found.changes[0].share_of_chance < 0.05


def test_still_missing_and_odd_series_are_counted_apart() -> None:
    late = np.where(IS_AFTER, 1.0, ABSENT)
    ended = np.where(IS_AFTER, STALE, 1.0)
    odd = np.where(IS_AFTER, np.inf, np.nan)
    still = np.full(len(TIMES), 3.0)
    found = rank(series(late=late, ended=ended, odd=odd, still=still), (), WINDOWS, 10)
    assert found.changes == ()
    assert (found.compared, found.too_few, found.constant) == (1, 3, 1)


def test_course_shows_both_windows() -> None:
    found = rank(series(jump=np.where(IS_AFTER, 5.0, 1.0) + noise(9) / 1e6), (), WINDOWS, 1)
    course = found.changes[0].course
    assert len(course) == POINTS
    assert course[: POINTS * 4 // 5 - 1] == pytest.approx(1, abs=0.01)
    assert course[POINTS * 4 // 5 + 1 :] == pytest.approx(5, abs=0.01)


def test_host_without_series_has_no_changes() -> None:
    nothing = AlignedSeries.of_source([], np.empty(0, np.int64), np.empty((0, 0)))
    assert rank(nothing, (), WINDOWS, 10).changes == ()


def test_pieces_of_many_series_are_judged_as_one() -> None:
    rows = {f"steady_{number}": noise(number) for number in range(1500)}
    rows["jump"] = noise(1) + np.where(IS_AFTER, 60, 0)
    found = rank(series(**rows), (), WINDOWS, 3)
    assert found.changes[0].labels.metric == "jump"
    assert found.compared == 1501
