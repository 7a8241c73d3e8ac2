"""Results shared by many series must equal those of each series alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from model.series import NO_TIME
from promql.kernels.ranges.samples import GaplessSamples, columns_of

_rows = st.lists(
    st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True).map(sorted),
    min_size=1,
    max_size=5,
)


def _samples(rows: list[list[int]]) -> GaplessSamples:
    width = max(map(len, rows))
    times = np.array([row + [NO_TIME] * (width - len(row)) for row in rows], np.int64)
    labels = [Labels.of(n=str(number)) for number in range(len(rows))]
    return GaplessSamples(labels, times, np.zeros(times.shape), np.arange(len(rows)))


@given(rows=_rows, edges=st.lists(st.integers(-1, 61), min_size=1, max_size=9).map(sorted))
def test_counts_equal_those_of_each_row(rows: list[list[int]], edges: list[int]) -> None:
    found = _samples(rows).counts(np.array(edges, np.int64))
    wanted = [[sum(time <= edge for time in row) for edge in edges] for row in rows]
    assert np.broadcast_to(found, (len(rows), len(edges))).tolist() == wanted


def test_hosts_scraped_at_different_times_are_counted_in_one_call() -> None:
    rows = [list(range(phase, 60, 15)) for phase in (1, 7, 14)]
    found = _samples(rows).counts(np.array([0, 15, 30, 45, 60]))
    assert found.tolist() == [[0, 1, 2, 3, 4]]


@given(
    columns=st.lists(st.integers(0, 19), min_size=1, max_size=30), series=st.sampled_from([4, 5000])
)
def test_columns_are_picked_in_any_order(columns: list[int], series: int) -> None:
    values = np.arange(series * 30.0).reshape(series, 30)
    found = columns_of(values[:, :20], np.array(columns))
    assert (found == values[:, columns]).all()


@given(
    begin=st.lists(st.integers(0, 3), max_size=3),
    stride=st.integers(1, 4),
    end=st.lists(st.integers(0, 99), max_size=2),
)
def test_evenly_spaced_columns_may_have_uneven_ends(
    begin: list[int], stride: int, end: list[int]
) -> None:
    # Enough series for the strided copy.
    values = np.arange(30_000.0).reshape(300, 100)
    columns = [*begin, *range(4, 4 + 20 * stride, stride), *end]
    assert (columns_of(values, np.array(columns)) == values[:, columns]).all()
