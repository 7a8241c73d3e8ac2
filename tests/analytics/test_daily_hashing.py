from hypothesis import given
from hypothesis import strategies as st

from analytics.daily_hashing import DAY_MS, DailyHasher, SecretHasher

MIDNIGHT_MS = 20_000 * DAY_MS


def test_a_text_has_one_hash_a_day() -> None:
    hasher = DailyHasher()
    first = hasher.hash(MIDNIGHT_MS, "a")
    assert hasher.hash(MIDNIGHT_MS + DAY_MS - 1, "a") == first
    assert hasher.hash(MIDNIGHT_MS + DAY_MS, "a") != first
    assert hasher.hash(MIDNIGHT_MS, "a") != first


def test_another_server_has_other_hashes() -> None:
    assert DailyHasher().hash(MIDNIGHT_MS, "a") != DailyHasher().hash(MIDNIGHT_MS, "a")


def test_the_secret_of_the_day_before_is_kept_until_it_is_forgotten() -> None:
    hasher = DailyHasher()
    first = hasher.hash(MIDNIGHT_MS, "a")
    assert hasher.turn(MIDNIGHT_MS + DAY_MS)
    previous = hasher.previous
    assert previous is not None
    assert previous.hash("a") == first


def test_a_forgotten_secret_and_one_of_days_ago_are_gone() -> None:
    hasher = DailyHasher()
    hasher.hash(MIDNIGHT_MS, "a")
    hasher.turn(MIDNIGHT_MS + DAY_MS)
    hasher.forget_previous()
    assert hasher.previous is None
    hasher.turn(MIDNIGHT_MS + 3 * DAY_MS)
    assert hasher.previous is None


@given(st.lists(st.text()), st.lists(st.text()))
def test_only_equal_texts_have_one_hash(left: list[str], right: list[str]) -> None:
    hasher = SecretHasher()
    assert (hasher.hash(*left) == hasher.hash(*right)) is (left == right)
