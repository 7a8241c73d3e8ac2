import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from model.series import ABSENT_BITS, STALE_BITS, Values
from storage.api.samples import Source
from storage.samples.catalog.interning import Interner
from storage.samples.catalog.layouts import Layouts
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.head.open_chunk import OpenChunk
from tests.storage.samples.sample_builders import series

WIDTH = 6
LAYOUT = Layouts(Interner(), MetricNames()).of(series(*"abcdef"))
STALE, ABSENT = (
    float(np.array(bits, np.uint64).view(np.float64)) for bits in (STALE_BITS, ABSENT_BITS)
)

Changes = dict[int, float]
CHANGES = st.dictionaries(st.integers(0, WIDTH - 1), st.sampled_from([1.0, 2.5, STALE]))


def chunk_of(first: list[float], later: list[Changes]) -> OpenChunk:
    """Return a chunk of vectors a second apart."""
    chunk = OpenChunk(Source(1, Labels()), LAYOUT, 0, np.array(first).tobytes())
    for number, changes in enumerate(later, start=1):
        add(chunk, number * 1000, changes)
    return chunk


def add(chunk: OpenChunk, time_ms: int, changes: Changes) -> None:
    """Add a vector."""
    columns = np.array(sorted(changes), chunk.column_type)
    values = np.array([changes[column] for column in sorted(changes)], np.float64)
    chunk.add(LAYOUT, time_ms, columns.tobytes(), values.tobytes())


def vectors_of(first: list[float], later: list[Changes]) -> Values:
    """Return the values of all vectors, shape (series, times), computed one by one."""
    found = [dict(enumerate(first))]
    for changes in later:
        before = {
            column: ABSENT if np.isnan(value) else value for column, value in found[-1].items()
        }
        found.append(before | changes)
    return np.array([[each[column] for each in found] for column in range(WIDTH)])


def same(one: Values, other: Values) -> bool:
    """Whether all bits are equal."""
    return np.array_equal(one.view(np.uint64), other.view(np.uint64))


@given(
    st.lists(st.sampled_from([1.0, STALE, ABSENT]), min_size=WIDTH, max_size=WIDTH),
    st.lists(CHANGES, max_size=8),
    st.sets(st.integers(0, WIDTH - 1), min_size=1),
)
def test_matrix_carries_values_forward(
    first: list[float], later: list[Changes], columns: set[int]
) -> None:
    view = chunk_of(first, later).view()
    expected = vectors_of(first, later)
    assert same(view.matrix(), expected)
    some = np.array(sorted(columns))
    assert same(view.matrix(some), expected[some])
    assert view.times().tolist() == [number * 1000 for number in range(len(later) + 1)]


def test_view_does_not_show_what_is_added_later() -> None:
    chunk = chunk_of([1.0] * WIDTH, [{0: 2.0}])
    view = chunk.view()
    before = view.matrix()
    add(chunk, 2000, {0: 3.0})
    assert same(view.matrix(), before)
    assert (view.start_ms, view.end_ms) == (0, 1000)
    assert chunk.view().end_ms == 2000


@pytest.mark.parametrize("later", [[], [{0: 2.0, 4: 2.0}]])
def test_amending_merges_new_values_into_the_vector(later: list[Changes]) -> None:
    chunk = chunk_of([1.0] * WIDTH, later)
    chunk.amend(LAYOUT, np.array([4, 5], np.uint32), np.array([8.0, 9.0]), None)
    last = chunk.view().matrix()[:, -1].tolist()
    assert last == [2.0 if later else 1.0, 1.0, 1.0, 1.0, 8.0, 9.0]
    assert chunk.size_bytes >= len(chunk.first) > 0


FOLDED_AFTER = 100
"""So many vectors of six changes are folded."""


def wide_vectors(count: int) -> list[Changes]:
    """Return vectors that change every series, with values of all kinds."""
    kinds = [1.0, 3.6795e-05, 908.03, 0.1 + 0.2, -0.0, STALE, float("inf"), 2.0**40]
    return [
        {column: kinds[(number + column) % len(kinds)] for column in range(WIDTH)}
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, FOLDED_AFTER - 1, FOLDED_AFTER, 5 * FOLDED_AFTER])
def test_folding_changes_no_bit(count: int) -> None:
    later = wide_vectors(count)
    chunk = chunk_of([1.0] * WIDTH, later)
    expected = vectors_of([1.0] * WIDTH, later)
    assert same(chunk.view().matrix(), expected)
    for columns in ([0], [5], [1, 2], [0, 3, 5]):
        assert same(chunk.view().matrix(np.array(columns)), expected[columns])


def test_view_taken_before_folding_shows_the_same_vectors() -> None:
    chunk = chunk_of([1.0] * WIDTH, [])
    views = []
    later = wide_vectors(3 * FOLDED_AFTER)
    for number, changes in enumerate(later, start=1):
        add(chunk, number * 1000, changes)
        views.append(chunk.view())
    expected = vectors_of([1.0] * WIDTH, later)
    for view in views[:: FOLDED_AFTER // 7]:
        assert same(view.matrix(), expected[:, : view.count])
        assert same(view.matrix(np.array([2, 4])), expected[[2, 4], : view.count])


def test_folded_changes_take_less_memory() -> None:
    short, long = (
        chunk_of([1.0] * WIDTH, [dict.fromkeys(range(WIDTH), value)] * (4 * FOLDED_AFTER))
        for value in (908.03, 0.1 + 0.2)
    )
    assert short.size_bytes < 0.75 * long.size_bytes


def test_vector_is_amended_after_those_before_it_were_folded() -> None:
    later = wide_vectors(FOLDED_AFTER)
    chunk = chunk_of([1.0] * WIDTH, later)
    add(chunk, 1_000_000, {0: 2.0})
    chunk.amend(LAYOUT, np.array([4], np.uint32), np.array([8.0]), None)
    expected = vectors_of([1.0] * WIDTH, [*later, {0: 2.0, 4: 8.0}])
    assert same(chunk.view().matrix(), expected)
