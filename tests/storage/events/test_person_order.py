"""Events in the order of their persons."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.events.person_order import in_time_order, person_order

# Hashes whose upper bits are equal, and some that differ in them.
PERSONS = st.sampled_from([0, 1, 2, 2**63, 2**63 + 1, 2**64 - 1, 7 << 40])
EVENTS = st.lists(st.tuples(PERSONS, st.integers(-5, 5)), max_size=40)


@given(EVENTS, st.randoms(use_true_random=False), st.sampled_from([np.int64, np.uint32]))
def test_events_are_ordered_by_person_then_time_then_arrival(
    events: list[tuple[int, int]], random: Any, kind: type[np.integer[Any]]
) -> None:
    rows = [(person, time_ms, number) for number, (person, time_ms) in enumerate(events)]
    random.shuffle(rows)
    table = np.array([[int(value) for value in row] for row in rows], object).reshape(-1, 3).T
    given_columns = {
        "person": table[0].astype(np.uint64),
        "time_ms": table[1].astype(np.int64),
        "sequence": table[2].astype(kind),
        "number": table[2].astype(np.int64),
    }
    columns = in_time_order(given_columns)
    assert columns.keys() == {"person", "time_ms", "number"}
    assert not given_columns, "two copies would stay in memory"
    order, found = person_order(columns["person"])
    times_ms, numbers = (columns[name][order].tolist() for name in ("time_ms", "number"))
    assert list(zip(found.tolist(), times_ms, numbers, strict=True)) == sorted(rows)


@pytest.mark.parametrize("bit", [0, 1, 20, 39, 40, 47, 48, 63])
def test_persons_that_differ_in_one_bit_are_kept_apart(bit: int) -> None:
    persons = np.array([0, 1 << bit, 0, 1 << bit] * 500, np.uint64)
    order, found = person_order(persons)
    assert found.tolist() == [0] * 1000 + [1 << bit] * 1000
    assert order.tolist() == [*range(0, 2000, 2), *range(1, 2000, 2)]
