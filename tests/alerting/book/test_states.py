import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from alerting.book.states import INACTIVE, Notice, Sight, Standing, Step, Timing, step
from storage.api.alerts import AlertState

NOW_MS = 1_700_000_000_000
FOR_MS, KEEP_MS, MISSING_MS, LIMIT_MS = 60_000, 30_000, 300_000, 86_400_000
PATIENT = Timing(FOR_MS, KEEP_MS, MISSING_MS, LIMIT_MS)
HASTY = Timing()

PENDING = Standing(AlertState.PENDING, NOW_MS)
FIRING = Standing(AlertState.FIRING, NOW_MS, NOW_MS)
FIRED_NO_DATA = Standing(AlertState.NO_DATA, NOW_MS, NOW_MS, missing_ms=NOW_MS)
UNFIRED_NO_DATA = Standing(AlertState.NO_DATA, missing_ms=NOW_MS)
RESOLVED = Standing(AlertState.RESOLVED, NOW_MS, NOW_MS)

H, L, C, M, W = Sight
SOON, LATE = 1_000, 10**9

# (before, seen, how much later, held) → (state, notice). The whole table: every state
# with every sight, before and after its patience has run out.
TABLE = [
    (INACTIVE, H, 0, False, "pending", None),
    (INACTIVE, H, 0, True, "pending", None),
    (INACTIVE, L, 0, False, "inactive", None),
    (INACTIVE, C, 0, False, "inactive", None),
    (INACTIVE, M, 0, False, "inactive", None),
    (INACTIVE, W, 0, False, "inactive", None),
    (Standing(missing_ms=NOW_MS), M, SOON, False, "inactive", None),
    (Standing(missing_ms=NOW_MS), M, LATE, False, "no_data", None),
    (Standing(missing_ms=NOW_MS), M, LATE, True, "inactive", None),
    (Standing(missing_ms=NOW_MS), H, LATE, False, "pending", None),
    (PENDING, H, SOON, False, "pending", None),
    (PENDING, H, LATE, False, "firing", "firing"),
    (PENDING, H, LATE, True, "pending", None),
    (PENDING, H, -LATE, False, "pending", None),
    (PENDING, L, LATE, False, "inactive", None),
    (PENDING, C, LATE, False, "inactive", None),
    (PENDING, W, LATE, False, "inactive", None),
    (PENDING, M, LATE, False, "pending", None),
    (Standing(AlertState.PENDING, NOW_MS, missing_ms=NOW_MS), M, SOON, False, "pending", None),
    (Standing(AlertState.PENDING, NOW_MS, missing_ms=NOW_MS), M, LATE, False, "no_data", None),
    (Standing(AlertState.PENDING, NOW_MS, missing_ms=NOW_MS), M, SOON, True, "pending", None),
    (Standing(AlertState.PENDING, NOW_MS, missing_ms=NOW_MS), M, LATE, True, "inactive", None),
    (FIRING, H, LATE, False, "firing", None),
    (FIRING, H, LATE, True, "firing", None),
    (FIRING, L, LATE, False, "firing", None),
    (FIRING, C, LATE, False, "firing", None),
    (Standing(AlertState.FIRING, NOW_MS, NOW_MS, NOW_MS), C, SOON, False, "firing", None),
    (Standing(AlertState.FIRING, NOW_MS, NOW_MS, NOW_MS), C, LATE, False, "resolved", "resolved"),
    (Standing(AlertState.FIRING, NOW_MS, NOW_MS, NOW_MS), C, LATE, True, "resolved", "resolved"),
    (FIRING, W, 0, False, "resolved", "resolved"),
    (FIRING, W, 0, True, "resolved", "resolved"),
    (FIRING, M, LATE, False, "firing", None),
    (Standing(AlertState.FIRING, NOW_MS, NOW_MS, None, NOW_MS), M, SOON, False, "firing", None),
    (Standing(AlertState.FIRING, NOW_MS, NOW_MS, None, NOW_MS), M, LATE, False, "no_data", None),
    (Standing(AlertState.FIRING, NOW_MS, NOW_MS, None, NOW_MS), M, LATE, True, "firing", None),
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


@pytest.mark.parametrize(("before", "sight", "later_ms", "held", "after", "notice"), TABLE)
def test_every_state_with_every_sight(
    before: Standing, sight: Sight, later_ms: int, held: bool, after: str, notice: str | None
) -> None:
    result = step(before, sight, PATIENT, NOW_MS + later_ms, held=held)
    assert (result.standing.state, result.notice) == (after, notice)


def test_the_table_above_is_whole() -> None:
    assert {(row[0].state, row[1]) for row in TABLE} == {
        (state, sight) for state in AlertState for sight in Sight
    }


def test_without_for_an_alert_fires_at_once_and_without_keep_resolves_at_once() -> None:
    fired = step(INACTIVE, H, HASTY, NOW_MS, held=False)
    assert fired == Step(FIRING, Notice.FIRING)
    assert step(FIRING, C, HASTY, NOW_MS + 1, held=False).notice is Notice.RESOLVED


def test_alert_that_comes_back_before_it_was_resolved_waits_anew_for_recovery() -> None:
    quiet = step(FIRING, C, PATIENT, NOW_MS, held=False).standing
    again = step(quiet, H, PATIENT, NOW_MS + KEEP_MS, held=False).standing
    assert again == FIRING
    assert step(again, C, PATIENT, NOW_MS + KEEP_MS + 1, held=False).notice is None


def test_held_firing_alert_waits_for_data_only_once_it_is_no_longer_held() -> None:
    held = step(FIRING, M, PATIENT, NOW_MS, held=True).standing
    later_ms = NOW_MS + LATE
    unheld = step(held, M, PATIENT, later_ms, held=False).standing
    assert unheld.state is AlertState.FIRING
    assert (
        step(unheld, M, PATIENT, later_ms + MISSING_MS, held=False).standing.state
        is AlertState.NO_DATA
    )


def test_pending_time_counts_on_over_a_single_missing_value() -> None:
    gap = step(PENDING, M, PATIENT, NOW_MS + SOON, held=False).standing
    assert step(gap, H, PATIENT, NOW_MS + FOR_MS, held=False).notice is Notice.FIRING


TIMINGS = st.builds(
    Timing, *(st.sampled_from([0, 1, 5, 60]) for _ in range(3)), st.sampled_from([1, 100])
)


class AlertLife(RuleBasedStateMachine):
    """One alert under any sequence of sights: what receivers hear must make sense."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = INACTIVE
        self.now_ms = NOW_MS
        self.told: list[Notice] = []

    @rule(
        sight=st.sampled_from(Sight),
        timing=TIMINGS,
        later_ms=st.sampled_from([0, 1, 4, 59, 200, -7]),
        held=st.booleans(),
    )
    def evaluate(self, sight: Sight, timing: Timing, later_ms: int, held: bool) -> None:
        self.now_ms += later_ms
        before = self.standing
        result = step(before, sight, timing, self.now_ms, held=held)
        self.standing = after = result.standing
        if result.notice is not None:
            self.told.append(result.notice)
        newly_fired = after.fired_ms is not None and (
            before.fired_ms is None or before.state is AlertState.RESOLVED
        )
        assert (result.notice is Notice.FIRING) == newly_fired
        assert (result.notice is Notice.RESOLVED) == (after.state is AlertState.RESOLVED)
        if held:
            assert result.notice is not Notice.FIRING
            assert after.state is not AlertState.NO_DATA or before.state is AlertState.NO_DATA
        if sight is Sight.MISSING:
            assert result.notice is not Notice.FIRING
        # Nothing more happens when the same is seen again at the same time.
        again = step(after, sight, timing, self.now_ms, held=held)
        if after.state is not AlertState.RESOLVED:
            assert (again.standing, again.notice) == (after, None)

    @invariant()
    def firing_and_resolved_are_told_in_turns(self) -> None:
        expected = [Notice.FIRING, Notice.RESOLVED] * len(self.told)
        assert self.told == expected[: len(self.told)]

    @invariant()
    def receivers_know_it_as_firing_exactly_while_it_has_fired(self) -> None:
        known = bool(self.told) and self.told[-1] is Notice.FIRING
        fired = self.standing.fired_ms is not None
        assert known == (fired and self.standing.state is not AlertState.RESOLVED)

    @invariant()
    def firing_means_fired_and_pending_means_not(self) -> None:
        match self.standing.state:
            case AlertState.FIRING | AlertState.RESOLVED:
                assert self.standing.fired_ms is not None
            case AlertState.PENDING | AlertState.INACTIVE:
                assert self.standing.fired_ms is None

    def teardown(self) -> None:
        ended = step(self.standing, Sight.WITHDRAWN, HASTY, self.now_ms, held=True)
        assert ended.standing.state in (AlertState.INACTIVE, AlertState.RESOLVED)


TestAlertLife = AlertLife.TestCase


@given(TIMINGS, st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30))
def test_alert_fires_only_after_holding_for_its_time_without_a_break(
    timing: Timing, evaluations: list[tuple[int, bool]]
) -> None:
    standing, now_ms, held_since_ms = INACTIVE, NOW_MS, None
    for later_ms, holds in evaluations:
        now_ms += later_ms
        result = step(standing, H if holds else C, timing, now_ms, held=False)
        standing = result.standing
        held_since_ms = (now_ms if held_since_ms is None else held_since_ms) if holds else None
        if result.notice is Notice.FIRING:
            assert held_since_ms is not None
            assert now_ms - held_since_ms >= timing.for_ms
        if holds and held_since_ms is not None and now_ms - held_since_ms >= timing.for_ms:
            assert standing.state is AlertState.FIRING
