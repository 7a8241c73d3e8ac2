"""Arrays sorted a few bits at a time are ordered as by numpy in one call."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promql.kernels import ordering
from promql.kernels.ordering import distinct_places, order_of, order_of_values

FLOATS = st.sampled_from([0.0, -0.0, 1.0, -1.0, np.nan, -np.nan, np.inf, -np.inf, 5e-324, -1e300])


@pytest.fixture(params=[4, 1_000], ids=["digits", "at once"], autouse=True)
def _many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "_MANY", request.param)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**63 - 1)), max_size=40))
def test_rows_are_sorted_by_several_keys(rows: list[tuple[int, int]]) -> None:
    keys = [np.array([row[place] for row in rows], dtype=np.intp) for place in range(2)]
    assert order_of(keys, len(rows)).tolist() == sorted(range(len(rows)), key=rows.__getitem__)


def test_without_keys_rows_keep_their_order() -> None:
    assert order_of([], 6).tolist() == [0, 1, 2, 3, 4, 5]


@given(st.lists(st.tuples(FLOATS | st.floats(), st.booleans()), max_size=40), st.booleans())
def test_values_are_sorted_before_nan_before_absent(
    cells: list[tuple[float, bool]], all_present: bool
) -> None:
    values = np.array([value for value, _ in cells])
    present = np.array([here or all_present for _, here in cells], dtype=np.bool_)
    # Absent rows may keep any order among themselves: they have no value.
    found = order_of_values(values, present)[: present.sum()]
    expected = np.lexsort((values, ~present))[: present.sum()]
    assert found.tolist() == expected.tolist()
    if all_present:
        assert order_of_values(values).tolist() == expected.tolist()


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3), max_size=40))
def test_places_among_distinct_numbers_are_those_of_unique(numbers: list[int]) -> None:
    array = np.array(numbers, dtype=np.uint64)
    distinct, places = distinct_places(array)
    expected = np.unique(array, return_inverse=True)
    assert distinct.tolist() == expected[0].tolist()
    assert places.tolist() == expected[1].tolist()
