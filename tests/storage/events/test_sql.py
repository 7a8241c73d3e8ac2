"""Pieces of SQL beside numpy."""

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.api.events import EventQueryError
from storage.events.distinct_cells import MOST_CELLS, distinct_cells
from storage.events.sql import Sql, bucket_sql, column_arrays

LENGTHS = st.lists(st.sampled_from([1, 23, 24, 25, 31]), min_size=1, max_size=60)


@pytest.mark.slow
@given(LENGTHS, st.integers(-1000, 1000), st.lists(st.integers(0, 10**6), max_size=20))
def test_buckets_of_different_lengths_are_found(
    lengths: list[int], start: int, places: list[int]
) -> None:
    edges = start + np.concatenate([[0], np.cumsum(lengths)])
    times = [start + place % sum(lengths) for place in places]
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select {bucket_sql(edges)} from unnest(?) t(time_ms)", [times]
        ).fetchall()
    expected = (np.searchsorted(edges, times, side="right") - 1).tolist()
    assert sorted(bucket for (bucket,) in rows) == sorted(expected)


@pytest.mark.parametrize("rows", [0, 1, 3, 200_000])
def test_columns_have_all_rows_and_the_types_of_the_query(rows: int) -> None:
    query = Sql("select n::ubigint as n, (n % 7)::utinyint as low from range(?) t(n)", (rows,))
    with duckdb.connect() as connection:
        columns = column_arrays(connection, query)
    assert {name: column.dtype for name, column in columns.items()} == {
        "n": np.uint64,
        "low": np.uint8,
    }
    assert sorted(columns["n"].tolist()) == list(range(rows))
    assert (columns["low"] == columns["n"] % 7).all()


def test_edges_that_do_not_ascend_are_refused() -> None:
    for edges in ([0], [0, 0], [1, 0]):
        with pytest.raises(EventQueryError, match="ascending"):
            bucket_sql(np.array(edges))


@pytest.mark.slow
@given(
    st.integers(1, MOST_CELLS),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, MOST_CELLS)), max_size=40),
)
def test_persons_are_counted_in_each_cell(cells: int, rows: list[tuple[int, int]]) -> None:
    pairs = [(person, cell % cells) for person, cell in rows]
    source = Sql(
        "(select unnest(?::ubigint[]) as person, unnest(?::bigint[]) as place) events",
        ([person for person, _ in pairs], [cell for _, cell in pairs]),
    )
    query = distinct_cells(source, "place", cells)
    with duckdb.connect() as connection:
        row = connection.execute(query.text, list(query.values)).fetchone()
    assert row is not None
    expected = [len({person for person, cell in pairs if cell == one}) for one in range(cells)]
    assert [count or 0 for count in row] == expected
