"""Aggregations compared with plain loops over each group."""

import pytest
from hypothesis import given

from promql.kernels.aggregation import REDUCERS, reduced
from promql.kernels.groups import group
from promql.kernels.step_matrix import StepMatrix
from tests.promql.grouped_vectors import expected_groups, group_values, vectors


@pytest.mark.parametrize("operator", sorted(REDUCERS))
@given(vector=vectors())
def test_operator_equals_a_loop_over_each_group(operator: str, vector: StepMatrix) -> None:
    groups = group(vector.labels, ("group",), without=False)
    found = group_values(reduced(operator, vector, groups))
    assert found == pytest.approx(expected_groups(vector, operator), rel=1e-9, abs=1e-6)
