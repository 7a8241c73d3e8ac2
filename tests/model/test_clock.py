"""The clock that a glitch of the system's clock does not move."""

from hypothesis import given
from hypothesis import strategies as st

from model.clock import SteadyClock, elapsed_ms, system_clock

NOW_MS = 1_700_000_000_000
YEAR_MS = 365 * 86_400_000
MINUTE_MS = 60_000


class Machine:
    """A machine whose clock a test sets."""

    def __init__(self) -> None:
        self.elapsed_ms, self.offset_ms = 5_000, NOW_MS
        self.clock = SteadyClock(lambda: self.elapsed_ms + self.offset_ms, lambda: self.elapsed_ms)

    def after(self, minutes: float) -> int:
        """Let time pass; return the time that the clock shows, less the true time."""
        self.elapsed_ms += round(minutes * MINUTE_MS)
        return self.clock() - (NOW_MS + self.elapsed_ms)


def test_years_ahead_for_some_minutes_never_happened() -> None:
    machine = Machine()
    assert machine.after(1) == 0
    machine.offset_ms += 3 * YEAR_MS
    assert [machine.after(minutes) for minutes in (0, 1, 8.9)] == [0, 0, 0]
    assert machine.clock.jump_ms == 3 * YEAR_MS
    machine.offset_ms = NOW_MS
    assert machine.after(1) == 0
    assert machine.clock.jump_ms == 0


def test_jump_that_lasts_is_followed_after_ten_minutes() -> None:
    for by_ms in (YEAR_MS, -YEAR_MS, 30_000):
        machine = Machine()
        machine.offset_ms += by_ms
        assert machine.after(0) == 0
        assert machine.after(9.9) == 0
        assert machine.after(0.2) == by_ms
        assert machine.clock.jump_ms == 0


def test_second_jump_is_held_from_its_own_time() -> None:
    machine = Machine()
    machine.offset_ms += YEAR_MS
    assert machine.after(6) == 0
    machine.offset_ms += YEAR_MS
    assert machine.after(6) == 0
    assert machine.clock.jump_ms == 2 * YEAR_MS


def test_small_corrections_are_followed_at_once() -> None:
    machine = Machine()
    for _ in range(20):
        machine.offset_ms += 2_000
        assert machine.after(1) == machine.offset_ms - NOW_MS
    assert machine.clock.jump_ms == 0


def test_clock_that_begins_elsewhere_follows_the_system_later() -> None:
    clock = SteadyClock(
        lambda: NOW_MS, lambda: 0, step_ms=1000, hold_ms=1, begin_ms=NOW_MS - YEAR_MS
    )
    assert clock() == NOW_MS - YEAR_MS
    assert clock.jump_ms == YEAR_MS


@given(st.lists(st.tuples(st.integers(0, 300_000), st.integers(-YEAR_MS, YEAR_MS)), max_size=20))
def test_time_goes_back_only_by_a_correction_or_after_a_hold(
    steps: list[tuple[int, int]],
) -> None:
    machine = Machine()
    before, held_since = machine.clock(), None
    for passed_ms, offset_ms in steps:
        machine.elapsed_ms += passed_ms
        machine.offset_ms = NOW_MS + offset_ms
        now = machine.clock()
        if now < before - 10_000:
            assert held_since is not None
        held_since = machine.elapsed_ms if machine.clock.jump_ms else None
        before = now


def test_real_clocks_agree() -> None:
    clock = SteadyClock()
    assert abs(clock() - system_clock()) < 1000
    assert elapsed_ms() > 0
