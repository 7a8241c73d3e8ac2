from hypothesis import given
from hypothesis import strategies as st

from redshank_middleware.retry_pauses import RetryPauses


@given(st.floats(0.1, 100), st.integers(1, 20))
def test_pauses_grow_to_the_longest_one(longest_s: float, attempts: int) -> None:
    backoff = RetryPauses(longest_s)
    pauses = [backoff.next_s() for _ in range(attempts)]
    assert all(0 < pause <= longest_s for pause in pauses)
    if attempts > 12:
        assert pauses[-1] >= longest_s / 2
    backoff.reset()
    assert backoff.next_s() <= 0.5


def test_a_requested_pause_is_honoured_within_reason() -> None:
    assert RetryPauses(1).next_s(30) == 30
    assert RetryPauses(1).next_s(1e9) == 600
