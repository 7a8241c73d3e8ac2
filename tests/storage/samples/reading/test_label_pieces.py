"""Sets of label sets are built and compared in pieces, with the budget checked between."""

import pytest

from model.labels import Labels
from storage.samples.reading.label_pieces import have_common, in_pieces, union


class Budget:
    """Counts checks; refuses the one of a number."""

    def __init__(self, refused: int = 0) -> None:
        self.checks, self._refused = 0, refused

    def spend(self, samples: int) -> None:
        raise NotImplementedError

    def check(self) -> None:
        self.checks += 1
        if self.checks == self._refused:
            raise TimeoutError


def labels(first: int, count: int) -> tuple[Labels, ...]:
    return tuple(Labels.of({"n": str(number)}) for number in range(first, first + count))


@pytest.mark.parametrize("count", [0, 1, 1_999, 2_000, 2_001, 5_000])
def test_pieces_are_all_label_sets_in_order(count: int) -> None:
    some, budget = labels(0, count), Budget()
    pieces = list(in_pieces(some, budget))
    assert tuple(one for piece in pieces for one in piece) == some
    assert all(len(piece) <= 2_000 for piece in pieces)
    assert budget.checks == len(pieces)


def test_union_and_comparison_equal_those_of_sets() -> None:
    parts = [labels(0, 3_000), labels(2_500, 3_000)]
    both = union(parts)
    assert both == set(labels(0, 5_500))
    assert have_common(both, [labels(9_000, 3_000), labels(5_499, 1)])
    assert not have_common(both, [labels(9_000, 3_000), labels(5_500, 1)])


def test_cancelled_query_stops_between_two_pieces() -> None:
    budget = Budget(refused=2)
    with pytest.raises(TimeoutError):
        union([labels(0, 10_000)], budget)
    assert budget.checks == 2
