import numpy as np
import pytest

from model.labels import Labels
from model.series import STALE, is_absent
from storage.api.errors import StorageError
from storage.api.vector_appender import Columns, VectorAppender
from tests.scraper.recording_appender import STALE as STALE_TEXT
from tests.scraper.recording_appender import RecordingAppender

SERIES = [Labels.of(__name__=name) for name in ("a", "b", "c")]


def columns(*numbers: int) -> Columns:
    return np.array(numbers, np.int32)


@pytest.fixture
def store() -> RecordingAppender:
    return RecordingAppender()


@pytest.fixture
def vectors(store: RecordingAppender) -> VectorAppender:
    return VectorAppender(store, Labels.of(job="j"))


def test_first_vector_is_complete_and_later_ones_contain_the_given_columns(
    store: RecordingAppender, vectors: VectorAppender
) -> None:
    vectors.append(1, SERIES[:2], columns(0, 1), np.array([1.0, 2.0]))
    vectors.append(2, SERIES[:2], columns(1), np.array([3.0]))
    first, second = (vector for _, vector in store.vectors)
    assert first.columns is None
    assert second.columns is not None
    assert (second.columns.tolist(), second.values.tolist()) == ([1], [3.0])
    assert vectors.last_ms == 2


def test_columns_may_be_in_any_order(store: RecordingAppender, vectors: VectorAppender) -> None:
    vectors.append(1, SERIES, columns(0, 1, 2), np.array([1.0, 2.0, 3.0]))
    vectors.append(2, SERIES, columns(2, 0), np.array([30.0, 10.0]))
    assert store.of("a") == [(1, 1), (2, 10)]
    assert store.of("c") == [(1, 3), (2, 30)]


def test_new_columns_are_absent_until_they_have_a_value(vectors: VectorAppender) -> None:
    vectors.grow(2)
    assert is_absent(vectors.values).all()
    assert not vectors.alive.any()


def test_changed_returns_columns_with_another_value_or_without_one(
    vectors: VectorAppender,
) -> None:
    vectors.append(1, SERIES, columns(0, 1, 2), np.array([1.0, 2.0, STALE]))
    changed, values = vectors.changed(columns(0, 1, 2), np.array([1.0, 5.0, 3.0]))
    assert (changed.tolist(), values.tolist()) == ([1, 2], [5.0, 3.0])


def test_vector_after_a_refused_one_is_complete(
    store: RecordingAppender, vectors: VectorAppender
) -> None:
    vectors.append(1, SERIES[:2], columns(0, 1), np.array([1.0, 2.0]))
    store.failing = StorageError("disk full")
    with pytest.raises(StorageError):
        vectors.append(2, SERIES[:2], columns(0), np.array([5.0]))
    store.failing = None
    vectors.append(3, SERIES[:2], columns(1), np.array([6.0]))
    assert store.vectors[-1][1].columns is None
    assert store.of("a")[-1] == (3, 5)


def test_end_marks_live_series_as_stale_once(
    store: RecordingAppender, vectors: VectorAppender
) -> None:
    vectors.append(1, SERIES[:2], columns(0, 1), np.array([1.0, 2.0]))
    vectors.end(1)
    vectors.end(2)
    vectors.end(3)
    assert store.of("a") == [(1, 1), (2, STALE_TEXT)]
    assert not vectors.alive.any()


def test_compact_drops_columns_and_starts_a_new_layout(
    store: RecordingAppender, vectors: VectorAppender
) -> None:
    vectors.append(1, SERIES, columns(0, 1, 2), np.array([1.0, STALE, 3.0]))
    vectors.compact(vectors.alive.copy())
    kept = [SERIES[0], SERIES[2]]
    vectors.append(2, kept, columns(1), np.array([4.0]))
    vector = store.vectors[-1][1]
    assert (vector.columns, vector.layout.series) == (None, tuple(kept))
    assert vector.values.tolist() == [1.0, 4.0]
