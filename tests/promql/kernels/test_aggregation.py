"""Aggregations beside plain loops over each group, whole and block by block."""

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.labels import Labels
from promql.evaluation.block_aggregation import BLOCK_OPERATORS, BlockAggregation
from promql.kernels.aggregation import REDUCERS, reduced
from promql.kernels.groups import group
from promql.kernels.ranking import ranked
from promql.kernels.step_matrix import StepMatrix

_REFERENCES: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": math.fsum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stdvar": statistics.pvariance,
    "stddev": statistics.pstdev,
}
_values = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 0.1, 5.0])


@st.composite
def _vectors(draw: st.DrawFn) -> StepMatrix:
    series, steps = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    labels = [
        Labels.of(__name__="m", group=draw(st.sampled_from("abc")), id=str(number))
        for number in range(series)
    ]
    values = draw(hnp.arrays(np.float64, (series, steps), elements=_values))
    present = draw(hnp.arrays(np.bool_, (series, steps)))
    return StepMatrix(labels, values, present, None, one_name=True)


def _expected(vector: StepMatrix, operator: str) -> dict[tuple[str, int], float]:
    expected = {}
    for name in "abc":
        rows = [row for row, labels in enumerate(vector.labels) if labels.get("group") == name]
        for step in range(vector.values.shape[1]):
            values = [vector.values[row, step] for row in rows if vector.present[row, step]]
            if values:
                expected[name, step] = _REFERENCES[operator](values)
    return expected


def _found(vector: StepMatrix) -> dict[tuple[str, int], float]:
    return {
        (labels.get("group"), step): vector.values[row, step]
        for row, labels in enumerate(vector.labels)
        for step in range(vector.values.shape[1])
        if vector.present[row, step]
    }


@pytest.mark.parametrize("operator", sorted(REDUCERS))
@given(vector=_vectors())
def test_operator_equals_a_loop_over_each_group(operator: str, vector: StepMatrix) -> None:
    groups = group(vector.labels, ("group",), without=False)
    found = _found(reduced(operator, vector, groups))
    assert found == pytest.approx(_expected(vector, operator), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("operator", sorted(BLOCK_OPERATORS))
@given(vector=_vectors(), size=st.integers(1, 5))
def test_blocks_add_up_to_the_whole(operator: str, vector: StepMatrix, size: int) -> None:
    tally = BlockAggregation(operator, ("group",), vector.values.shape[1])
    for start in range(0, len(vector), size):
        tally.add(vector.take(np.arange(start, min(start + size, len(vector)))))
    result = tally.result()
    assert result is not None
    assert _found(result) == pytest.approx(_expected(vector, operator), rel=1e-12, abs=1e-9)


@given(vector=_vectors(), wanted=st.integers(0, 5), largest=st.booleans())
def test_ranking_keeps_the_right_values(vector: StepMatrix, wanted: int, largest: bool) -> None:
    groups = group(vector.labels, ("group",), without=False)
    kept = ranked(vector, groups, np.array([float(wanted)]), largest=largest)
    for name in "abc":
        for step in range(vector.values.shape[1]):
            values = sorted(_group_values(vector, name, step), reverse=largest)
            assert sorted(_group_values(kept, name, step), reverse=largest) == values[:wanted]


def _group_values(vector: StepMatrix, name: str, step: int) -> list[float]:
    return [
        float(vector.values[row, step])
        for row, labels in enumerate(vector.labels)
        if labels.get("group") == name and vector.present[row, step]
    ]


def test_ranking_prefers_nan_to_nothing() -> None:
    labels = [Labels.of(id=str(number)) for number in range(3)]
    values = np.array([[np.nan, -np.inf], [1.0, np.nan], [5.0, 7.0]])
    present = np.array([[True, True], [True, True], [False, False]])
    vector = StepMatrix(labels, values, present)
    kept = ranked(vector, group(labels, (), without=False), np.array([2.0]), largest=True)
    assert kept.present.tolist() == [[True, True], [True, True]]
