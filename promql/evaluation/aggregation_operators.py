"""Evaluates aggregations: the parameter, the series and the groups of each operator.

Source: Prometheus documentation, "Aggregation operators".
"""

from typing import Final, cast

import numpy as np

from model.labels import METRIC_NAME
from promql.api import EvaluationError
from promql.evaluation.block_aggregation import BLOCK_OPERATORS, BlockAggregation
from promql.evaluation.context import Evaluation
from promql.kernels import aggregation, ranking
from promql.kernels.arrays import Scalars
from promql.kernels.groups import group
from promql.kernels.reserved_labels import RESERVED
from promql.kernels.step_matrix import StepMatrix, empty_matrix
from promql.kernels.steps import Steps
from promql.syntax.nodes import Aggregation
from promql.syntax.numbers import format_general
from promql.syntax.printer import quoted
from promql.syntax.strings import is_utf8
from promql.syntax.traversal import unwrap

_LARGEST_INTEGER: Final = 2.0**63
_GROUP_COPIES: Final = 2
"""Of a group's values: its count, sum and error at each step, and the result of them."""
_COPIES: Final = {"stddev": 2, "stdvar": 2, "count_values": 2}
"""Further copies of the vector that an operator works on; of others, one."""


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
    _check_parameter(evaluation, node, parameter)
    if not len(vector):
        return empty_matrix(steps.count)
    evaluation.guard.hold(_COPIES.get(operator, 1) * vector.values.size)
    if operator == "limit_ratio":
        return ranking.sampled(vector, np.clip(cast("Scalars", parameter), -1.0, 1.0))
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
        label = cast("str", parameter)
        # `without` also removes the label that holds the value.
        removed = node.without and label in (*node.grouping, METRIC_NAME)
        hold = evaluation.guard.hold
        return aggregation.count_values(vector, groups, None if removed else label, hold)
    return aggregation.reduced(operator, vector, groups)


def _by_blocks(evaluation: Evaluation, node: Aggregation, steps: Steps) -> StepMatrix | None:
    """Aggregate block by block; None if all series are needed at once."""
    aggregation = BlockAggregation(node.operator, node.grouping, steps.count)
    for block in evaluation.blocks(node.expression, steps):
        if len(block):
            groups = aggregation.group_count
            aggregation.add(block)
            evaluation.guard.hold((aggregation.group_count - groups) * steps.count * _GROUP_COPIES)
    return aggregation.result()


def _parameter(evaluation: Evaluation, node: Aggregation, steps: Steps) -> Scalars | str | None:
    if node.parameter is None:
        return None
    if node.operator == "count_values":
        label = evaluation.string(node.parameter)
        if not label or not is_utf8(label):
            raise EvaluationError(f"invalid label name {quoted(label)}")
        return label
    return evaluation.scalar(node.parameter, steps)


def _farthest(value: Scalars, least: float, most: float) -> Scalars:
    """Return the values farthest outside of a range, so that not each step is annotated."""
    found = [value[np.isnan(value)][:1], value[value < least], value[value > most]]
    edges = [np.min(found[1], keepdims=True)] if found[1].size else []
    edges += [np.max(found[2], keepdims=True)] if found[2].size else []
    return np.concatenate([found[0], *edges])


def _check_parameter(
    evaluation: Evaluation, node: Aggregation, value: Scalars | str | None
) -> None:
    """Check a number; annotate one that is out of range.

    Raises:
        EvaluationError: `topk`, `limitk` or `limit_ratio` cannot use it.
    """
    if node.parameter is None or value is None or isinstance(value, str):
        return
    if node.operator == "quantile":
        evaluation.quantile_in_range(_farthest(value, 0.0, 1.0), unwrap(node.parameter))
        return
    if np.isnan(value).any():
        what = "Ratio" if node.operator == "limit_ratio" else "Parameter"
        raise EvaluationError(f"{what} value is NaN")
    if node.operator == "limit_ratio":
        for ratio in _farthest(value, -1.0, 1.0).tolist():
            if abs(ratio) <= 1:
                continue
            capped = 1.0 if ratio > 1 else -1.0
            evaluation.annotations.ratio_out_of_range(ratio, capped, unwrap(node.parameter).start)
        return
    for far in value[value >= _LARGEST_INTEGER].tolist():
        raise EvaluationError(f"Scalar value {format_general(far)} overflows int64")
