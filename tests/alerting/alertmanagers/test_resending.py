"""Alerts are sent when they fire and end, and repeated in between."""

from hypothesis import given
from hypothesis import strategies as st

from alerting.alertmanagers.resending import RESEND_MS, RESOLVED_RETENTION_MS, Resending
from storage.api.alerts import AlertChange, AlertState
from tests.alerting.alertmanagers.sent_alerts import T0, alert


def test_firing_alert_is_repeated_each_minute() -> None:
    resending, firing = Resending(), [alert(1)]
    times = [s for s in range(0, 181, 15) if resending.due(firing, T0 + s * 1000)]
    assert times == [0, 60, 120, 180]
    assert resending.next_ms() == T0 + 240_000


def test_pending_alert_is_not_sent() -> None:
    resending = Resending()
    assert resending.due([alert(1, fired_s=None)], T0) == []
    assert resending.next_ms() is None


def test_end_is_sent_at_once_and_repeated_for_fifteen_minutes() -> None:
    resending = Resending()
    resending.due([alert(1)], T0)
    ended = alert(1, resolved_s=10)
    resending.observe([AlertChange(ended, AlertState.FIRING)])
    times = [s for s in range(10, 2000, 10) if resending.due([], T0 + s * 1000)]
    assert times == list(range(10, 10 + RESOLVED_RETENTION_MS // 1000 + 1, 60))


def test_end_of_an_alert_that_never_fired_is_not_sent() -> None:
    resending = Resending()
    ended = alert(1, fired_s=None, resolved_s=10)
    resending.observe([AlertChange(ended, AlertState.PENDING)])
    assert resending.due([], T0 + 10_000) == []


def test_clock_that_is_set_back_does_not_stop_repetition() -> None:
    resending = Resending()
    resending.due([alert(1)], T0 + 86_400_000)
    assert resending.due([alert(1)], T0)


@given(st.lists(st.integers(1, 90), min_size=1, max_size=60))
def test_no_gap_is_longer_than_the_resend_delay_and_a_look(steps: list[int]) -> None:
    resending, now_ms, sent_ms = Resending(), T0, [T0]
    resending.due([alert(1)], T0)
    for step in steps:
        now_ms += step * 1000
        if resending.due([alert(1)], now_ms):
            assert now_ms - sent_ms[-1] >= RESEND_MS
            sent_ms.append(now_ms)
        assert now_ms - sent_ms[-1] < RESEND_MS
