import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage.events.appending.seen_ids import SeenIds


@given(st.lists(st.integers(0, 2**64 - 1), max_size=300), st.integers(1, 50))
def test_an_added_hash_is_always_recognised(hashes: list[int], capacity: int) -> None:
    seen = SeenIds(capacity)
    added = np.array(hashes, np.uint64)
    seen.add(added)
    assert seen.perhaps(added).all()


@given(
    st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5), max_size=40), max_size=8),
    st.integers(1, 50),
)
def test_taking_hashes_looks_them_up_and_adds_them(batches: list[list[int]], capacity: int) -> None:
    taken, added = SeenIds(capacity), SeenIds(capacity)
    for batch in batches:
        hashes = np.array(batch, np.uint64)
        expected = added.perhaps(hashes)
        added.add(hashes[~expected])
        assert (taken.take(hashes) == expected).all()
        assert taken.perhaps(hashes).all()
        assert taken.size_bytes == added.size_bytes


def test_hardly_any_new_hash_is_taken_for_a_known_one() -> None:
    random = np.random.default_rng(1)
    seen = SeenIds(200_000)
    seen.add(random.integers(0, 2**64, 200_000, np.uint64))
    others = random.integers(0, 2**64, 200_000, np.uint64)
    assert seen.perhaps(others).mean() < 1e-3


def test_an_empty_set_knows_nothing() -> None:
    assert not SeenIds().perhaps(np.array([0, 1, 2**64 - 1], np.uint64)).any()
