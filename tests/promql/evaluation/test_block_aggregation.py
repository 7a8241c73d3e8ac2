"""Aggregation block by block compared with plain loops over each group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promql.evaluation.block_aggregation import BLOCK_OPERATORS, BlockAggregation
from promql.kernels.step_matrix import StepMatrix
from tests.promql.grouped_vectors import expected_groups, group_values, vectors


@pytest.mark.parametrize("operator", sorted(BLOCK_OPERATORS))
@given(vector=vectors(), size=st.integers(1, 5))
def test_blocks_yield_the_aggregation_of_all_series(
    operator: str, vector: StepMatrix, size: int
) -> None:
    aggregation = BlockAggregation(operator, ("group",), vector.values.shape[1])
    for start in range(0, len(vector), size):
        aggregation.add(vector.take(np.arange(start, min(start + size, len(vector)))))
    result = aggregation.result()
    assert result is not None
    assert group_values(result) == pytest.approx(
        expected_groups(vector, operator), rel=1e-12, abs=1e-9
    )
