import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from alerting.book.lifecycle import INACTIVE, Condition, Lifecycle, RuleTiming, advance
from alerting.notifications.notice import notice_of
from alerting.notifications.stages import deduplicate
from alerting.receivers.webhook_body import NotificationStatus
from model.labels import Labels
from storage.api.alerts import Alert, AlertState

NOW_MS = 1_700_000_000_000
FOR_MS, KEEP_MS, MISSING_MS, LIMIT_MS = 60_000, 30_000, 300_000, 86_400_000
PATIENT = RuleTiming(FOR_MS, KEEP_MS, MISSING_MS, LIMIT_MS)
HASTY = RuleTiming()

PENDING = Lifecycle(AlertState.PENDING, NOW_MS)
FIRING = Lifecycle(AlertState.FIRING, NOW_MS, NOW_MS)
FIRED_NO_DATA = Lifecycle(AlertState.NO_DATA, NOW_MS, NOW_MS, missing_ms=NOW_MS)
UNFIRED_NO_DATA = Lifecycle(AlertState.NO_DATA, missing_ms=NOW_MS)
RESOLVED = Lifecycle(AlertState.RESOLVED, NOW_MS, NOW_MS)

H, L, C, M, W = Condition
SOON, LATE = 1_000, 10**9

# Columns: state before, condition seen, milliseconds since, suppressed; expected state and
# notification. All states meet all conditions, SOON (still waiting) and LATE (waited enough).
TABLE = [
    (INACTIVE, H, 0, False, "pending", None),
    (INACTIVE, H, 0, True, "pending", None),
    (INACTIVE, L, 0, False, "inactive", None),
    (INACTIVE, C, 0, False, "inactive", None),
    (INACTIVE, M, 0, False, "inactive", None),
    (INACTIVE, W, 0, False, "inactive", None),
    (Lifecycle(missing_ms=NOW_MS), M, SOON, False, "inactive", None),
    (Lifecycle(missing_ms=NOW_MS), M, LATE, False, "no_data", None),
    (Lifecycle(missing_ms=NOW_MS), M, LATE, True, "inactive", None),
    (Lifecycle(missing_ms=NOW_MS), H, LATE, False, "pending", None),
    (PENDING, H, SOON, False, "pending", None),
    (PENDING, H, LATE, False, "firing", "firing"),
    (PENDING, H, LATE, True, "pending", None),
    (PENDING, H, -LATE, False, "pending", None),
    (PENDING, L, LATE, False, "inactive", None),
    (PENDING, C, LATE, False, "inactive", None),
    (PENDING, W, LATE, False, "inactive", None),
    (PENDING, M, LATE, False, "pending", None),
    (Lifecycle(AlertState.PENDING, NOW_MS, missing_ms=NOW_MS), M, SOON, False, "pending", None),
    (Lifecycle(AlertState.PENDING, NOW_MS, missing_ms=NOW_MS), M, LATE, False, "no_data", None),
    (Lifecycle(AlertState.PENDING, NOW_MS, missing_ms=NOW_MS), M, SOON, True, "pending", None),
    (Lifecycle(AlertState.PENDING, NOW_MS, missing_ms=NOW_MS), M, LATE, True, "inactive", None),
    (FIRING, H, LATE, False, "firing", None),
    (FIRING, H, LATE, True, "firing", None),
    (FIRING, L, LATE, False, "firing", None),
    (FIRING, C, LATE, False, "firing", None),
    (Lifecycle(AlertState.FIRING, NOW_MS, NOW_MS, NOW_MS), C, SOON, False, "firing", None),
    (Lifecycle(AlertState.FIRING, NOW_MS, NOW_MS, NOW_MS), C, LATE, False, "resolved", "resolved"),
    (Lifecycle(AlertState.FIRING, NOW_MS, NOW_MS, NOW_MS), C, LATE, True, "resolved", "resolved"),
    (FIRING, W, 0, False, "resolved", "resolved"),
    (FIRING, W, 0, True, "resolved", "resolved"),
    (FIRING, M, LATE, False, "firing", None),
    (Lifecycle(AlertState.FIRING, NOW_MS, NOW_MS, None, NOW_MS), M, SOON, False, "firing", None),
    (Lifecycle(AlertState.FIRING, NOW_MS, NOW_MS, None, NOW_MS), M, LATE, False, "no_data", None),
    (Lifecycle(AlertState.FIRING, NOW_MS, NOW_MS, None, NOW_MS), M, LATE, True, "firing", None),
    (FIRED_NO_DATA, H, LATE, False, "firing", None),
    (FIRED_NO_DATA, L, LATE, False, "firing", None),
    (FIRED_NO_DATA, C, LATE, False, "firing", None),
    (FIRED_NO_DATA, M, SOON, False, "no_data", None),
    (FIRED_NO_DATA, M, LATE, True, "no_data", None),
    (FIRED_NO_DATA, M, LATE, False, "resolved", "resolved"),
    (FIRED_NO_DATA, W, SOON, False, "resolved", "resolved"),
    (UNFIRED_NO_DATA, H, LATE, False, "pending", None),
    (UNFIRED_NO_DATA, L, LATE, False, "inactive", None),
    (UNFIRED_NO_DATA, C, LATE, False, "inactive", None),
    (UNFIRED_NO_DATA, M, LATE, False, "no_data", None),
    (UNFIRED_NO_DATA, W, LATE, False, "inactive", None),
    (RESOLVED, H, LATE, False, "pending", None),
    (RESOLVED, L, LATE, False, "inactive", None),
    (RESOLVED, C, LATE, False, "inactive", None),
    (RESOLVED, M, LATE, False, "inactive", None),
    (RESOLVED, W, LATE, False, "inactive", None),
]


def notification(before: Lifecycle, after: Lifecycle) -> NotificationStatus | None:
    """Return the status of the notification that a step of the lifecycle sends."""
    if after.state is before.state:
        return None
    alert = Alert(1, "g/High", Labels(), Labels(), after.state, 1.0, NOW_MS, NOW_MS)
    is_known = before.fired_ms is not None and before.state is not AlertState.RESOLVED
    notice = notice_of(alert, "", is_known=is_known)
    return notice.status if notice and deduplicate((notice,)) else None


@pytest.mark.parametrize(
    ("before", "condition", "later_ms", "suppressed", "state", "status"), TABLE
)
def test_every_state_with_every_condition(
    before: Lifecycle,
    condition: Condition,
    later_ms: int,
    suppressed: bool,
    state: str,
    status: str | None,
) -> None:
    after = advance(before, condition, PATIENT, NOW_MS + later_ms, suppressed=suppressed)
    assert (after.state, notification(before, after)) == (state, status)


def test_table_covers_every_state_with_every_condition() -> None:
    assert {(row[0].state, row[1]) for row in TABLE} == {
        (state, condition) for state in AlertState for condition in Condition
    }


def test_without_waiting_times_an_alert_fires_and_resolves_at_once() -> None:
    assert advance(INACTIVE, H, HASTY, NOW_MS, suppressed=False) == FIRING
    after = advance(FIRING, C, HASTY, NOW_MS + 1, suppressed=False)
    assert after.state is AlertState.RESOLVED


def test_alert_that_holds_again_before_it_resolves_waits_anew_for_recovery() -> None:
    recovered = advance(FIRING, C, PATIENT, NOW_MS, suppressed=False)
    again = advance(recovered, H, PATIENT, NOW_MS + KEEP_MS, suppressed=False)
    assert again == FIRING
    after = advance(again, C, PATIENT, NOW_MS + KEEP_MS + 1, suppressed=False)
    assert after.state is AlertState.FIRING


def test_suppressed_alert_begins_to_wait_for_data_when_it_is_no_longer_suppressed() -> None:
    suppressed = advance(FIRING, M, PATIENT, NOW_MS, suppressed=True)
    later_ms = NOW_MS + LATE
    released = advance(suppressed, M, PATIENT, later_ms, suppressed=False)
    assert released.state is AlertState.FIRING
    after = advance(released, M, PATIENT, later_ms + MISSING_MS, suppressed=False)
    assert after.state is AlertState.NO_DATA


def test_pending_time_goes_on_during_a_single_missing_value() -> None:
    gap = advance(PENDING, M, PATIENT, NOW_MS + SOON, suppressed=False)
    after = advance(gap, H, PATIENT, NOW_MS + FOR_MS, suppressed=False)
    assert after.state is AlertState.FIRING


TIMINGS = st.builds(
    RuleTiming, *(st.sampled_from([0, 1, 5, 60]) for _ in range(3)), st.sampled_from([1, 100])
)


class AlertLife(RuleBasedStateMachine):
    """One alert under any sequence of conditions: its notifications must make sense."""

    def __init__(self) -> None:
        super().__init__()
        self.lifecycle = INACTIVE
        self.now_ms = NOW_MS
        self.sent: list[NotificationStatus] = []

    @rule(
        condition=st.sampled_from(Condition),
        timing=TIMINGS,
        later_ms=st.sampled_from([0, 1, 4, 59, 200, -7]),
        suppressed=st.booleans(),
    )
    def evaluate(
        self, condition: Condition, timing: RuleTiming, later_ms: int, suppressed: bool
    ) -> None:
        self.now_ms += later_ms
        before = self.lifecycle
        self.lifecycle = after = advance(
            before, condition, timing, self.now_ms, suppressed=suppressed
        )
        status = notification(before, after)
        if status is not None:
            self.sent.append(status)
        newly_fired = after.fired_ms is not None and (
            before.fired_ms is None or before.state is AlertState.RESOLVED
        )
        resolved = after.state is AlertState.RESOLVED
        assert (status is NotificationStatus.FIRING) == newly_fired
        assert (status is NotificationStatus.RESOLVED) == resolved
        if suppressed:
            assert status is not NotificationStatus.FIRING
            assert after.state is not AlertState.NO_DATA or before.state is AlertState.NO_DATA
        if condition is Condition.MISSING:
            assert status is not NotificationStatus.FIRING
        # The same condition at the same time changes nothing more.
        again = advance(after, condition, timing, self.now_ms, suppressed=suppressed)
        assert resolved or again == after

    @invariant()
    def firing_and_resolved_alternate(self) -> None:
        expected = [NotificationStatus.FIRING, NotificationStatus.RESOLVED] * len(self.sent)
        assert self.sent == expected[: len(self.sent)]

    @invariant()
    def last_notification_is_firing_exactly_while_the_alert_has_fired(self) -> None:
        known = bool(self.sent) and self.sent[-1] is NotificationStatus.FIRING
        fired = self.lifecycle.fired_ms is not None
        assert known == (fired and self.lifecycle.state is not AlertState.RESOLVED)

    @invariant()
    def firing_has_fired_and_pending_has_not(self) -> None:
        match self.lifecycle.state:
            case AlertState.FIRING | AlertState.RESOLVED:
                assert self.lifecycle.fired_ms is not None
            case AlertState.PENDING | AlertState.INACTIVE:
                assert self.lifecycle.fired_ms is None

    def teardown(self) -> None:
        ended = advance(self.lifecycle, W, HASTY, self.now_ms, suppressed=True)
        assert ended.state in (AlertState.INACTIVE, AlertState.RESOLVED)


TestAlertLife = AlertLife.TestCase


@given(TIMINGS, st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30))
def test_alert_fires_once_its_condition_has_held_for_its_time_without_a_break(
    timing: RuleTiming, evaluations: list[tuple[int, bool]]
) -> None:
    lifecycle, now_ms, held_since_ms = INACTIVE, NOW_MS, None
    for later_ms, holds in evaluations:
        now_ms += later_ms
        before = lifecycle
        lifecycle = advance(before, H if holds else C, timing, now_ms, suppressed=False)
        held_since_ms = (now_ms if held_since_ms is None else held_since_ms) if holds else None
        if notification(before, lifecycle) is NotificationStatus.FIRING:
            assert held_since_ms is not None
            assert now_ms - held_since_ms >= timing.for_ms
        if holds and held_since_ms is not None and now_ms - held_since_ms >= timing.for_ms:
            assert lifecycle.state is AlertState.FIRING
