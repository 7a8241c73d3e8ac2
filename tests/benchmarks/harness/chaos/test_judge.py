"""The judge reports alerts that are missing, late, false or sent twice, and excuses no others."""

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.chaos.judge import (
    DOWN_ALERT,
    RAISED_ALERT,
    AlertVerdict,
    Arrival,
    Episode,
    TimeSpan,
    Timing,
    down_episode,
    due_at,
    judge,
    raised_episode,
)

TIMING = Timing(interval_ms=5_000, timeout_ms=4_000, down_for_ms=10_000, retry_ms=5_000)
ALWAYS = [TimeSpan(0, 10**9)]
RAISED = TimeSpan(100_000, 140_000)
SCRAPES = (103_000, 108_000, 113_000, 118_000, 123_000, 128_000, 133_000, 138_000)
HOST = "10.99.0.7:80"
LATER_MS = 900_000


def raised(
    awake: Sequence[TimeSpan] = ALWAYS, scrapes: Sequence[int] = SCRAPES, during: TimeSpan = RAISED
) -> Episode:
    return raised_episode(HOST, 4, during, scrapes, awake, TIMING)


def down(during: TimeSpan, awake: Sequence[TimeSpan] = ALWAYS) -> Episode:
    return down_episode(HOST, during, awake, TIMING)


def fired(arrived_ms: int, **others: object) -> Arrival:
    arrival = Arrival(
        receiver="steady",
        firing=True,
        alert=RAISED_ALERT,
        instance=HOST,
        episode="4",
        identity="2026-11-29T10:00:00Z",
        arrived_ms=arrived_ms,
        accepted=True,
    )
    return dataclasses.replace(arrival, **others)  # type: ignore[arg-type]


def verdict(
    episodes: Sequence[Episode],
    *arrivals: Arrival,
    faults: Sequence[TimeSpan] = (),
    awake: Sequence[TimeSpan] = ALWAYS,
    now_ms: int = LATER_MS,
) -> AlertVerdict:
    return judge(episodes, arrivals, {"steady": faults}, awake, TIMING, now_ms)


def missed(found: AlertVerdict) -> list[str]:
    return [one.text for one in found.missed]


def false(found: AlertVerdict) -> list[str]:
    return [one.text for one in found.false]


def test_alert_in_time_is_no_problem() -> None:
    found = verdict([raised()], fired(112_999))
    assert (missed(found), false(found), found.due, found.fired) == ([], [], 1, 1)
    assert list(found.latencies_ms.values()) == [9_999]


def test_alert_that_never_fires_is_missed() -> None:
    found = verdict([raised()])
    assert missed(found) == [f"ChaosRaised of {HOST} (4) never fired at steady"]


def test_alert_is_missed_at_each_receiver_that_lacks_it() -> None:
    receivers: dict[str, Sequence[TimeSpan]] = {"steady": (), "other": ()}
    found = judge([raised()], [fired(104_000)], receivers, ALWAYS, TIMING, LATER_MS)
    assert missed(found) == [f"ChaosRaised of {HOST} (4) never fired at other"]


def test_alert_that_arrives_late_is_missed() -> None:
    found = verdict([raised()], fired(115_000))
    assert missed(found) == [f"ChaosRaised of {HOST} (4) fired 2.0 s too late at steady"]


def test_alert_that_is_not_due_yet_is_not_judged() -> None:
    found = verdict([raised()], now_ms=112_999)
    assert (missed(found), found.due) == ([], 0)


def test_notification_that_a_receiver_refused_does_not_count() -> None:
    found = verdict([raised()], fired(104_000, accepted=False))
    assert missed(found) == [f"ChaosRaised of {HOST} (4) never fired at steady"]


def test_alert_without_an_episode_is_false() -> None:
    found = verdict([raised()], fired(104_000), fired(104_000, episode="5"))
    assert false(found) == [
        f"ChaosRaised of {HOST} (5) fired without a reason at steady, start 2026-11-29T10:00:00Z"
    ]


def test_alert_before_its_episode_is_false() -> None:
    assert len(false(verdict([raised()], fired(99_000)))) == 1


def test_alert_long_after_its_episode_is_false() -> None:
    over_ms = RAISED.end_ms + 3 * TIMING.interval_ms + TIMING.timeout_ms
    assert not false(verdict([raised()], fired(over_ms)))
    assert len(false(verdict([raised()], fired(over_ms + 1)))) == 1


def test_alert_about_the_server_itself_is_not_judged() -> None:
    assert not false(verdict([], fired(104_000, alert="RedshankDegraded")))


def test_second_beginning_of_one_alert_is_false() -> None:
    found = verdict([raised()], fired(104_000), fired(120_000, identity="2026-11-29T10:00:16Z"))
    assert len(false(found)) == 1
    assert "fired 2 times" in false(found)[0]


def test_alert_may_begin_again_after_scrapes_failed() -> None:
    scrapes = (103_000, 108_000, 128_000, 133_000)
    found = verdict(
        [raised(scrapes=scrapes)], fired(104_000), fired(129_000, identity="2026-11-29T10:00:25Z")
    )
    assert false(found) == []


def test_notification_that_is_accepted_twice_is_false() -> None:
    found = verdict([raised()], fired(104_000), fired(109_000))
    assert false(found) == [f"ChaosRaised of {HOST} (4) was sent twice to steady"]


def test_repetition_after_a_kill_is_excused() -> None:
    awake = [TimeSpan(0, 106_000), TimeSpan(112_000, 10**9)]
    found = verdict([raised(awake)], fired(105_900), fired(113_000), awake=awake)
    assert (missed(found), false(found), found.repeats) == ([], [], 1)


def test_repetition_of_a_refused_notification_is_no_repetition() -> None:
    found = verdict([raised()], fired(104_000, accepted=False), fired(109_000))
    assert (missed(found), false(found), found.repeats) == ([], [], 0)


def test_scrape_before_a_kill_is_no_proof() -> None:
    # The server dies before the alert is due; it knows again from the first scrape after.
    awake = [TimeSpan(0, 105_000), TimeSpan(116_000, 10**9)]
    assert raised(awake).known_ms == 118_000
    assert not missed(verdict([raised(awake)], fired(128_000), awake=awake))
    assert len(missed(verdict([raised(awake)], fired(128_001), awake=awake))) == 1


def test_level_that_was_not_scraped_long_enough_need_not_fire() -> None:
    short = TimeSpan(100_000, 112_000)
    assert raised(during=short, scrapes=(103_000, 108_000)).known_ms is None
    assert raised(scrapes=()).known_ms is None
    assert not missed(verdict([raised(scrapes=())]))


def test_receiver_that_hangs_gets_its_alert_after_its_fault() -> None:
    fault = TimeSpan(105_000, 150_000)
    due_ms = 150_000 + TIMING.retry_ms + TIMING.grace_ms
    assert not missed(verdict([raised()], fired(due_ms), faults=[fault]))
    assert len(missed(verdict([raised()], fired(due_ms + 1), faults=[fault]))) == 1
    assert due_at(103_000, [fault], TIMING) == due_ms


def test_fault_of_a_receiver_before_or_after_excuses_nothing() -> None:
    assert (
        due_at(103_000, [TimeSpan(50_000, 102_999), TimeSpan(113_001, 150_000)], TIMING) == 113_000
    )


def test_late_arrival_is_explained_by_the_first_arrival_elsewhere() -> None:
    receivers: dict[str, Sequence[TimeSpan]] = {"steady": (), "moody": [TimeSpan(100_000, 200_000)]}
    arrivals = [fired(104_000), fired(205_000, receiver="moody")]
    found = judge([raised()], arrivals, receivers, ALWAYS, TIMING, LATER_MS)
    assert (missed(found), false(found)) == ([], [])


def test_host_that_was_cut_long_enough_must_fire() -> None:
    known_ms = 100_000 + 5_000 + 4_000 + 10_000
    assert down(TimeSpan(100_000, known_ms + TIMING.grace_ms)).known_ms == known_ms
    cut = down(TimeSpan(100_000, 140_000))
    arrival = fired(known_ms + 10_000, alert=DOWN_ALERT, episode="")
    assert not missed(verdict([cut], arrival))
    assert missed(verdict([cut])) == [f"HostDown of {HOST} never fired at steady"]


def test_host_that_was_cut_shortly_may_fire() -> None:
    cut = down(TimeSpan(100_000, 125_000))
    assert cut.known_ms is None
    assert not missed(verdict([cut]))
    assert not false(verdict([cut], fired(124_000, alert=DOWN_ALERT, episode="")))


def test_host_down_without_a_cut_is_false() -> None:
    assert len(false(verdict([], fired(104_000, alert=DOWN_ALERT, episode="")))) == 1
    # Another host was cut, or this one at another time.
    other = dataclasses.replace(down(TimeSpan(100_000, 140_000)), instance="10.99.0.8:80")
    earlier = down(TimeSpan(10_000, 40_000))
    assert len(false(verdict([other, earlier], fired(120_000, alert=DOWN_ALERT, episode="")))) == 1


def test_server_that_slept_during_a_cut_has_its_time_after_it_woke() -> None:
    awake = [TimeSpan(0, 110_000), TimeSpan(130_000, 10**9)]
    assert down(TimeSpan(100_000, 150_000), awake).known_ms is None
    assert down(TimeSpan(100_000, 170_000), awake).known_ms == 130_000 + 19_000


@pytest.mark.parametrize("count", [1, 3])
def test_resolved_notifications_are_no_alerts(count: int) -> None:
    ends = [fired(141_000 + n, firing=False) for n in range(count)]
    found = verdict([raised()], fired(104_000), *ends)
    assert (missed(found), false(found)) == ([], [])


@given(st.lists(st.integers(90_000, 200_000), max_size=6), st.integers(100_000, 113_000))
def test_every_notice_is_explained_or_false(others: list[int], arrived_ms: int) -> None:
    arrivals = [fired(at, episode="9", identity=str(n)) for n, at in enumerate(others)]
    found = verdict([raised()], fired(arrived_ms), *arrivals)
    assert len(found.false) == len(others)
    assert missed(found) == []
