"""Evaluates aggregations: the parameter, the series and the groups of each operator.

Source: Prometheus documentation, "Aggregation operators".
"""

from typing import Final, cast

import numpy as np

from promql.api import EvaluationError
from promql.evaluation.block_aggregation import BLOCK_OPERATORS, BlockAggregation
from promql.evaluation.context import Evaluation
from promql.evaluation.relabeling import check_label_name
from promql.kernels import aggregation, ranking
from promql.kernels.arrays import Scalars
from promql.kernels.groups import group
from promql.kernels.reserved_labels import RESERVED
from promql.kernels.step_matrix import StepMatrix, empty_matrix
from promql.kernels.steps import Steps
from promql.syntax.nodes import Aggregation
from promql.syntax.numbers import format_general

_LARGEST_INTEGER: Final = 2.0**63


def aggregated(evaluation: Evaluation, node: Aggregation, steps: Steps) -> StepMatrix:
    """Evaluate an aggregation.

    Raises:
        PromQLError: the parameter is invalid, or the vector cannot be evaluated.
    """
    operator = node.operator
    parameter = _parameter(evaluation, node, steps)
    shows_name = node.without or not RESERVED.isdisjoint(node.grouping)
    if operator in BLOCK_OPERATORS and not shows_name:
        found = _by_blocks(evaluation, node, steps)
        if found is not None:
            return found
    vector = evaluation.vector(node.expression, steps)
    if shows_name:
        vector = evaluation.visible(vector)
    if not len(vector):
        return empty_matrix(steps.count)
    if operator == "limit_ratio":
        return ranking.sampled(vector, cast("Scalars", parameter))
    groups = group(vector.labels, node.grouping, without=node.without)
    if operator in ("topk", "bottomk"):
        return ranking.ranked(
            vector, groups, cast("Scalars", parameter), largest=operator == "topk"
        )
    if operator == "limitk":
        return ranking.limited(vector, groups, cast("Scalars", parameter))
    if not shows_name:
        vector = StepMatrix(vector.labels, vector.values, vector.present)
    if operator == "quantile":
        return aggregation.quantile(vector, groups, cast("Scalars", parameter))
    if operator == "count_values":
        return aggregation.count_values(vector, groups, cast("str", parameter))
    return aggregation.reduced(operator, vector, groups)


def _by_blocks(evaluation: Evaluation, node: Aggregation, steps: Steps) -> StepMatrix | None:
    """Aggregate block by block; None if all series are needed at once."""
    aggregation = BlockAggregation(node.operator, node.grouping, steps.count)
    for block in evaluation.blocks(node.expression, steps):
        if len(block):
            aggregation.add(block)
    return aggregation.result()


def _parameter(evaluation: Evaluation, node: Aggregation, steps: Steps) -> Scalars | str | None:
    if node.parameter is None:
        return None
    if node.operator == "count_values":
        label = evaluation.string(node.parameter)
        check_label_name(label, "invalid label name ")
        return label
    value = evaluation.scalar(node.parameter, steps)
    if node.operator == "quantile":
        evaluation.quantile_in_range(value, node.parameter)
        return value
    if np.isnan(value).any():
        what = "Ratio" if node.operator == "limit_ratio" else "Parameter"
        raise EvaluationError(f"{what} value is NaN")
    if node.operator == "limit_ratio":
        for ratio in np.unique(value[np.abs(value) > 1]).tolist():
            capped = 1.0 if ratio > 1 else -1.0
            evaluation.annotations.ratio_out_of_range(ratio, capped, node.parameter.start)
        return np.clip(value, -1.0, 1.0)
    for far in value[np.abs(value) >= _LARGEST_INTEGER].tolist():
        raise EvaluationError(f"Scalar value {format_general(far)} overflows int64")
    return value
