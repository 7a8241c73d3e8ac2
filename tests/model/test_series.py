import numpy as np

from model.labels import Labels
from model.series import (
    ABSENT,
    NO_TIME,
    STALE,
    AlignedSeries,
    absent_matrix,
    is_absent,
    is_stale,
    stack,
)


def source(name: str, times: list[int], rows: list[list[float]]) -> AlignedSeries:
    labels = [Labels.of(host=name, n=str(i)) for i in range(len(rows))]
    return AlignedSeries.of_source(labels, np.array(times, np.int64), np.array(rows, np.float64))


def test_three_nans_are_told_apart() -> None:
    values = np.array([np.nan, STALE, ABSENT, 1.0])
    assert is_stale(values).tolist() == [False, True, False, False]
    assert is_absent(values).tolist() == [False, False, True, False]


def test_absent_matrix_has_no_sample() -> None:
    assert is_absent(absent_matrix(2, 3)).all()


def test_stacked_sources_keep_times_and_values_and_are_padded() -> None:
    stacked = stack([source("a", [1, 2, 3], [[1, 2, 3], [4, 5, 6]]), source("b", [2], [[7]])])
    assert stacked.times_ms.tolist() == [[1, 2, 3], [2, NO_TIME, NO_TIME]]
    assert stacked.rows.tolist() == [0, 0, 1]
    assert stacked.values[:2].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert stacked.values[2, 0] == 7
    assert is_absent(stacked.values[2, 1:]).all()
    assert [labels.get("host") for labels in stacked.labels] == ["a", "a", "b"]


def test_stacking_stacked_series_keeps_their_rows() -> None:
    inner = stack([source("a", [1], [[1]]), source("b", [2], [[2]])])
    outer = stack([inner, source("c", [3], [[3]])])
    assert outer.times_ms[outer.rows, 0].tolist() == [1, 2, 3]


def test_staleness_markers_survive_stacking() -> None:
    stacked = stack([source("a", [1], [[STALE]]), source("b", [1, 2], [[1, STALE]])])
    assert is_stale(stacked.values).tolist() == [[True, False], [False, True]]
