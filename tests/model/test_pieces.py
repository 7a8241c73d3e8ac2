"""Long sequences are cut into pieces, with a check of the budget before each."""

import numpy as np
import pytest

from model.pieces import in_pieces


class Checks:
    """A budget that counts its checks."""

    def __init__(self) -> None:
        self.count = 0

    def check(self) -> None:
        self.count += 1


@pytest.mark.parametrize("count", [0, 1, 1_999, 2_000, 2_001, 5_000])
def test_pieces_are_all_items_in_order(count: int) -> None:
    items, checks = list(range(count)), Checks()
    pieces = list(in_pieces(items, checks))
    assert [one for piece in pieces for one in piece] == items
    assert all(len(piece) <= 2_000 for piece in pieces)
    assert checks.count == len(pieces)


def test_pieces_of_an_array_are_arrays() -> None:
    pieces = list(in_pieces(np.arange(3_000)))
    assert [len(piece) for piece in pieces] == [2_000, 1_000]
    assert np.concatenate(pieces).tolist() == list(range(3_000))
