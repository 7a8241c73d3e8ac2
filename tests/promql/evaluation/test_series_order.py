"""Series are sorted as Prometheus sorts them, whatever the number of pieces."""

import re
from collections.abc import Sequence
from functools import cmp_to_key

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import pieces
from model.labels import Labels
from promql.evaluation import series_order
from promql.evaluation.series_order import natural_key, rows_by_labels, sorted_rows
from promql.kernels import ordering

VALUES = st.text("019a#/é~٣\0\1", max_size=6)


def natural(left: str, right: str) -> int:
    """Compare two texts chunk by chunk, as natsort does: -1, 0 or 1."""
    chunks = [re.findall(r"[0-9]+|[^0-9]+", text) for text in (left, right)]
    for mine, other in zip(*chunks, strict=False):
        if mine[0] in "0123456789" and other[0] in "0123456789":
            pair = int(mine), int(other)
            if pair[0] != pair[1]:
                return -1 if pair[0] < pair[1] else 1
        elif mine != other:
            return -1 if mine < other else 1
    return (len(chunks[0]) > len(chunks[1])) - (len(chunks[0]) < len(chunks[1]))


def naive(labels: Sequence[Labels], names: Sequence[str], *, descending: bool) -> list[int]:
    """Sort in one call, comparing two rows at a time."""

    def compared(left: int, right: int) -> int:
        mine, other = labels[left], labels[right]
        found = [natural(mine.get(name), other.get(name)) for name in names]
        return next(filter(None, [*found, (mine > other) - (mine < other)]), 0)

    return sorted(range(len(labels)), key=cmp_to_key(compared), reverse=descending)


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_order, "_SORTED_AT_ONCE", 3)
    monkeypatch.setattr(ordering, "_DIGIT_BITS", 2)
    monkeypatch.setattr(ordering, "_MANY", 4)
    monkeypatch.setattr(pieces, "_PIECE", 2)


@given(VALUES, VALUES)
def test_natural_keys_are_ordered_as_natsort_orders_their_texts(left: str, right: str) -> None:
    keys = natural_key(left), natural_key(right)
    assert (keys[0] > keys[1]) - (keys[0] < keys[1]) == natural(left, right)


@given(
    st.lists(st.dictionaries(st.sampled_from("nmk"), VALUES).map(Labels.of), max_size=30),
    st.lists(st.sampled_from("nmx"), max_size=3),
    st.booleans(),
)
def test_rows_are_sorted_by_labels_as_by_comparing_two_at_a_time(
    labels: list[Labels], names: list[str], descending: bool
) -> None:
    found = rows_by_labels(labels, names, descending=descending)
    assert found.tolist() == naive(labels, names, descending=descending)


@given(st.lists(st.integers(0, 9), max_size=30), st.booleans())
def test_rows_of_equal_keys_keep_their_order(keys: list[int], descending: bool) -> None:
    found = sorted_rows(len(keys), keys.__getitem__, descending=descending)
    expected = sorted(range(len(keys)), key=keys.__getitem__, reverse=descending)
    assert found.tolist() == expected
    assert found.dtype == np.intp


def test_the_key_of_a_value_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []

    def counted(text: str) -> str:
        computed.append(text)
        return natural_key(text)

    monkeypatch.setattr(series_order, "natural_key", counted)
    labels = [Labels.of(host=f"h{host}", n=str(n)) for host in range(20) for n in range(5)]
    rows_by_labels(labels, ["host", "n"])
    assert sorted(computed) == sorted([*(f"h{host}" for host in range(20)), *"01234"])
