import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from model.series import ABSENT, NO_TIME, STALE, AlignedSeries
from storage.api.examined_series import ExaminedSeries

_odd = st.sampled_from([math.nan, STALE, ABSENT, math.inf, -math.inf])


def examined(rows: list[list[float]]) -> ExaminedSeries:
    labels = [Labels.of(n=str(number)) for number in range(len(rows))]
    times = np.arange(len(rows[0]), dtype=np.int64)
    return ExaminedSeries.examine(AlignedSeries.of_source(labels, times, np.array(rows)))


@given(st.lists(st.lists(st.floats(0, 9) | _odd, min_size=4, max_size=4), min_size=1, max_size=6))
def test_a_series_with_a_gap_or_a_fall_is_always_flagged(rows: list[list[float]]) -> None:
    series = examined(rows)
    for row, gaps, falls in zip(rows, series.gaps.tolist(), series.falls.tolist(), strict=True):
        assert gaps or not any(map(math.isnan, row))
        assert falls or all(before <= after for before, after in itertools.pairwise(row))


def test_a_series_that_only_rises_is_not_flagged() -> None:
    series = examined([[1.0, 1.0, 2.0], [3.0, 2.0, 4.0], [1.0, ABSENT, 2.0]])
    assert series.gaps.tolist() == [False, False, True]
    assert series.falls.tolist() == [False, True, True]


def test_flags_follow_the_series_that_are_taken() -> None:
    series = examined([[1.0, 2.0], [2.0, 1.0]])
    assert series.take(np.array([1, 0])).falls.tolist() == [True, False]


def test_flags_stay_for_a_narrower_range() -> None:
    series = examined([[1.0, 2.0, 3.0], [2.0, 1.0, 2.0]]).columns(1, 3)
    assert isinstance(series, ExaminedSeries)
    assert series.values.tolist() == [[2, 3], [1, 2]]
    assert series.falls.tolist() == [False, True]


def test_padding_is_no_gap() -> None:
    series = AlignedSeries(
        labels=(Labels.of(n="0"), Labels.of(n="1")),
        times_ms=np.array([[1, 2], [1, NO_TIME]]),
        values=np.array([[1.0, 2.0], [1.0, ABSENT]]),
        rows=np.arange(2),
    )
    assert not ExaminedSeries.examine(series).gaps.any()
