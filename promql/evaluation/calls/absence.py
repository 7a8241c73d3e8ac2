"""What `absent` and `absent_over_time` yield."""

import numpy as np

from model.labels import METRIC_NAME, Labels
from model.matchers import MatchOperator
from promql.kernels.vectors import Steps, Vector, any_series
from promql.syntax.nodes import Expression, MatrixSelector, VectorSelector, unwrap


def absence(found: Vector, argument: Expression, steps: Steps) -> Vector:
    """Return 1 where nothing was found, with the labels that the selector is sure of."""
    present = ~any_series(found.present)[np.newaxis]
    labels = [_certain_labels(argument)]
    return Vector(labels, np.ones(present.shape), present, None, one_name=True).occupied()


def _certain_labels(argument: Expression) -> Labels:
    node = unwrap(argument)
    if isinstance(node, MatrixSelector):
        node = node.selector
    if not isinstance(node, VectorSelector):
        return Labels()
    certain: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in node.matchers:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.operator is MatchOperator.EQUAL and matcher.name not in seen:
            certain[matcher.name] = matcher.value
        else:
            certain.pop(matcher.name, None)
        seen.add(matcher.name)
    return Labels.of(certain)
