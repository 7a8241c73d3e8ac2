"""The result of `absent` and `absent_over_time`."""

import numpy as np

from model.labels import METRIC_NAME, Labels
from model.matchers import MatchOperator
from promql.kernels.step_matrix import StepMatrix, any_series
from promql.kernels.steps import Steps
from promql.syntax.nodes import Expression, MatrixSelector, VectorSelector
from promql.syntax.traversal import unwrap


def absence(found: StepMatrix, argument: Expression, steps: Steps) -> StepMatrix:
    """Return 1 at each step without series, with the labels that the selector implies."""
    present = ~any_series(found.present)[np.newaxis]
    labels = [_certain_labels(argument)]
    return StepMatrix(labels, np.ones(present.shape), present, None, one_name=True).without_empty()


def _certain_labels(argument: Expression) -> Labels:
    node = unwrap(argument)
    if isinstance(node, MatrixSelector):
        node = node.selector
    if not isinstance(node, VectorSelector):
        return Labels()
    certain: dict[str, str] = {}
    set_once: set[str] = set()
    for matcher in node.matchers:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.operator is MatchOperator.EQUAL and matcher.name not in set_once:
            certain[matcher.name] = matcher.value
            set_once.add(matcher.name)
        else:
            certain.pop(matcher.name, None)
    return Labels.of(certain)
