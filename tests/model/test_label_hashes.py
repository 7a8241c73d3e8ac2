"""Label sets are hashed in pieces, and compared by their hashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.label_hashes import hashes_of, have_common, repeated
from model.labels import Labels

parts_of_few = st.lists(
    st.lists(st.integers(0, 9).map(lambda number: Labels.of({"n": str(number)}))), max_size=4
)


class Checks:
    """A budget that counts its checks, and fails the one of a number."""

    def __init__(self, refused: int = 0) -> None:
        self.count, self._refused = 0, refused

    def check(self) -> None:
        self.count += 1
        if self.count == self._refused:
            raise TimeoutError


def labels(first: int, count: int) -> tuple[Labels, ...]:
    return tuple(Labels.of({"n": str(number)}) for number in range(first, first + count))


@given(parts_of_few)
def test_repeated_hashes_are_those_of_equal_label_sets(parts: list[list[Labels]]) -> None:
    every = [one for part in parts for one in part]
    found = repeated(hashes_of(parts))
    assert found == {hash(one) for one in every if every.count(one) > 1}


@given(parts_of_few, parts_of_few)
def test_common_hashes_are_those_of_common_label_sets(
    some: list[list[Labels]], others: list[list[Labels]]
) -> None:
    common = {one for part in some for one in part} & {one for part in others for one in part}
    assert have_common(hashes_of(some), hashes_of(others)) == bool(common)


def test_many_label_sets_are_compared_over_all_pieces() -> None:
    both = hashes_of([labels(0, 3_000), labels(2_500, 3_000)])
    assert repeated(both) == {hash(one) for one in labels(2_500, 500)}
    assert have_common(both, hashes_of([labels(9_000, 3_000), labels(5_499, 1)]))
    assert not have_common(both, hashes_of([labels(9_000, 3_000), labels(5_500, 1)]))


def test_cancelled_query_stops_between_two_pieces() -> None:
    checks = Checks(refused=2)
    with pytest.raises(TimeoutError):
        hashes_of([labels(0, 10_000)], checks)
    assert checks.count == 2
