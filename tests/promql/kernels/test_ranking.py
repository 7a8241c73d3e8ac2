"""`topk` and `bottomk` compared with sorting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from promql.kernels.groups import group
from promql.kernels.ranking import ranked
from promql.kernels.step_matrix import StepMatrix
from tests.promql.grouped_vectors import vectors


@given(vector=vectors(), wanted=st.integers(0, 5), largest=st.booleans())
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
