from hypothesis import given
from hypothesis import strategies as st

from model.rates import Rate

steps = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 40)), max_size=60)


@given(steps, st.integers(1, 50), st.integers(1, 100))
def test_rate_never_exceeds_burst_and_refill(
    steps: list[tuple[int, int]], per_second: int, burst: int
) -> None:
    rate, now_ms, begun_ms, taken = Rate(per_second, burst), 1_000_000, 1_000_000, 0
    for pause_ms, amount in steps:
        now_ms += pause_ms
        if not rate.wait_s(now_ms):
            # Only the last amount may go beyond the burst.
            assert taken <= burst + per_second * (now_ms - begun_ms) / 1000 + 1e-6
            rate.take(amount, now_ms)
            taken += amount


@given(steps, st.integers(1, 50), st.integers(1, 100))
def test_wait_is_long_enough_and_not_longer(
    steps: list[tuple[int, int]], per_second: int, burst: int
) -> None:
    rate, now_ms = Rate(per_second, burst), 1_000_000
    for pause_ms, amount in steps:
        now_ms += pause_ms
        rate.take(amount, now_ms)
        wait_ms = int(rate.wait_s(now_ms) * 1000)
        if wait_ms > 1:
            assert rate.wait_s(now_ms + wait_ms - 1) > 0
        now_ms += wait_ms + 1
        assert rate.wait_s(now_ms) == 0


def test_clock_that_is_set_back_locks_nobody_out() -> None:
    rate = Rate(10, 10)
    rate.take(15, 1_000_000)
    assert rate.wait_s(0) == 0.5
    assert rate.wait_s(500) == 0
