"""Rows are read as they were written."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage.api.requests import NewRequest
from storage.events.journal.rows import EventRows, RequestRows, decoded_rows

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
MOMENTS = st.integers(-(2**63), 2**63 - 1)
SIZES = st.none() | st.integers(0, 2**63 - 1)


@given(
    project=st.integers(0, 2**32 - 1),
    received_ms=MOMENTS,
    events=st.lists(st.tuples(st.integers(0, 2**64 - 1), MOMENTS, TEXTS, TEXTS, TEXTS)),
)
def test_events_are_read_as_they_were_written(
    project: int, received_ms: int, events: list[tuple[int, int, str, str, str]]
) -> None:
    ids, times = [event[0] for event in events], [event[1] for event in events]
    names, persons, properties = ([str(event[at]) for event in events] for at in (2, 3, 4))
    rows = EventRows(
        project,
        received_ms,
        np.array(ids, np.uint64),
        np.array(times, np.int64),
        names,
        persons,
        properties,
    )
    found = decoded_rows(rows.encoded())
    assert isinstance(found, EventRows)
    assert (found.project, found.received_ms) == (project, received_ms)
    assert (found.ids.tolist(), found.times_ms.tolist()) == (ids, times)
    assert (found.names, found.distinct_ids, found.properties) == (names, persons, properties)


@given(
    st.lists(
        st.builds(
            NewRequest,
            *(MOMENTS, TEXTS, TEXTS, TEXTS, st.integers(0, 999), st.integers(0, 2**63)),
            *(SIZES, SIZES, TEXTS, TEXTS, TEXTS),
        )
    )
)
def test_requests_are_read_as_they_were_written(requests: list[NewRequest]) -> None:
    assert decoded_rows(RequestRows(7, requests).encoded()) == RequestRows(7, requests)


def test_only_the_wanted_rows_are_kept() -> None:
    ids = np.arange(3, dtype=np.uint64)
    rows = EventRows(1, 2, ids, ids.astype(np.int64), list("abc"), list("def"), list("ghi"))
    kept = rows.only(np.array([True, False, True]))
    assert kept.ids.tolist() == [0, 2]
    assert (kept.names, kept.distinct_ids, kept.properties) == (["a", "c"], ["d", "f"], ["g", "i"])
