"""Functions of histograms: classic ones, and what is left of native ones without any.

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Mapping
from typing import Final

from promql.evaluation.context import CallHandler, Evaluation
from promql.kernels import histograms
from promql.kernels.vectors import Steps, Vector, empty_vector
from promql.syntax.nodes import Call

_NATIVE_ONLY: Final = (
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
)


def _native(evaluation: Evaluation, node: Call, steps: Steps) -> Vector:
    """What only native histograms have, no float has."""
    evaluation.vector(node.arguments[0], steps)
    return empty_vector(steps.count)


def _histogram_quantile(evaluation: Evaluation, node: Call, steps: Steps) -> Vector:
    wanted = evaluation.scalar(node.arguments[0], steps)
    evaluation.quantile_in_range(wanted, node.arguments[0])
    vector = evaluation.vector(node.arguments[1], steps)
    return histograms.quantiles(vector, wanted, evaluation.notes, node.arguments[1].start)


def _histogram_quantiles(evaluation: Evaluation, node: Call, steps: Steps) -> Vector:
    vector = evaluation.vector(node.arguments[0], steps)
    label = evaluation.string(node.arguments[1])
    wanted = [evaluation.scalar(each, steps) for each in node.arguments[2:]]
    for value, each in zip(wanted, node.arguments[2:], strict=True):
        evaluation.quantile_in_range(value, each)
    at = node.arguments[0].start
    return histograms.each_quantile(vector, label, wanted, evaluation.notes, at)


def _histogram_fraction(evaluation: Evaluation, node: Call, steps: Steps) -> Vector:
    lower, upper = (evaluation.scalar(each, steps) for each in node.arguments[:2])
    vector = evaluation.vector(node.arguments[2], steps)
    at = node.arguments[2].start
    return histograms.fractions(vector, lower, upper, evaluation.notes, at)


HANDLERS: Final[Mapping[str, CallHandler]] = {
    "histogram_fraction": _histogram_fraction,
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    **dict.fromkeys(_NATIVE_ONLY, _native),
}
"""The functions by name."""
