from hypothesis import given
from hypothesis import strategies as st

from web.http.quotas import Quota, QuotaState

NOW_MS = 1_763_820_000_000


def test_quota_may_be_used_at_once_and_no_more() -> None:
    quota = Quota(60)
    taken = [quota.take("a", NOW_MS) for _ in range(61)]
    assert [standing.wait_ms for standing in taken[:60]] == [0.0] * 60
    assert [standing.remaining for standing in taken[:3]] == [59, 58, 57]
    assert taken[59].remaining == 0
    assert 999 < taken[60].wait_ms <= 1000


def test_quota_refills_evenly() -> None:
    quota = Quota(60)
    for _ in range(60):
        quota.take("a", NOW_MS)
    assert quota.take("a", NOW_MS + 999).wait_ms > 0
    assert quota.take("a", NOW_MS + 1000).wait_ms == 0
    assert quota.take("a", NOW_MS + 1000).wait_ms > 0
    assert quota.take("a", NOW_MS + 61_000).remaining == 59


def test_senders_do_not_count_for_each_other() -> None:
    quota = Quota(1)
    assert quota.take("a", NOW_MS).wait_ms == 0
    assert quota.take("b", NOW_MS).wait_ms == 0
    assert quota.take("a", NOW_MS).wait_ms > 0


def test_request_is_accepted_after_the_announced_wait() -> None:
    quota = Quota(7)
    now_ms = float(NOW_MS)
    while not (wait_ms := quota.take("a", now_ms).wait_ms):
        pass
    assert quota.take("a", now_ms + wait_ms).wait_ms == 0


def test_clock_set_back_locks_nobody_out() -> None:
    quota = Quota(60)
    for _ in range(60):
        quota.take("a", NOW_MS)
    day_ms = 86_400_000
    assert quota.take("a", NOW_MS - day_ms).wait_ms <= 1000
    assert quota.take("a", NOW_MS - day_ms + 1000).wait_ms == 0


def test_a_million_senders_take_bounded_memory() -> None:
    quota = Quota(60, most_senders=1000)
    for number in range(20_000):
        quota.take(f"sender {number}", NOW_MS)
    assert len(quota) == 1000


def test_busy_sender_is_not_forgotten_for_new_ones() -> None:
    quota = Quota(60, most_senders=10)
    for number in range(1000):
        quota.take(f"sender {number}", NOW_MS)
        standing = quota.take("busy", NOW_MS)
    assert standing.wait_ms > 0


@given(
    st.integers(1, 10**7),
    st.lists(st.floats(0, 90_000), min_size=1, max_size=200),
)
def test_never_more_than_a_full_quota_and_what_refilled(
    per_minute: int, pauses_ms: list[float]
) -> None:
    quota = Quota(per_minute)
    now_ms, taken = float(NOW_MS), 0
    for pause_ms in pauses_ms:
        now_ms += pause_ms
        standing = quota.take("a", now_ms)
        taken += not standing.wait_ms
        assert 0 <= standing.remaining < per_minute
        assert 0 <= standing.wait_ms <= 60_000
        assert 0 <= standing.full_ms <= 60_000.001
    refilled = (now_ms - NOW_MS) / 60_000 * per_minute
    assert taken <= per_minute + refilled + 0.01


def test_headers_are_those_of_the_draft() -> None:
    assert QuotaState(600, 42, 1200.5, 0).headers() == {
        "RateLimit-Limit": "600",
        "RateLimit-Remaining": "42",
        "RateLimit-Reset": "2",
        "RateLimit-Policy": "600;w=60",
    }
