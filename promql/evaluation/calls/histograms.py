"""Functions of classic histograms, and those that only native histograms have.

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Mapping
from typing import Final

from promql.evaluation.context import CallHandler, Evaluation
from promql.kernels.histogram_quantiles import fractions, labelled_quantiles, quantiles
from promql.kernels.histograms import BucketSeries
from promql.kernels.step_matrix import StepMatrix, empty_matrix
from promql.kernels.steps import Steps
from promql.syntax.nodes import Call, Expression
from promql.syntax.traversal import unwrap

_NATIVE_ONLY: Final = (
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
)


def _native(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    """Return nothing: the store has no native histograms."""
    evaluation.vector(node.arguments[0], steps)
    return empty_matrix(steps.count)


def _buckets(evaluation: Evaluation, node: Expression, steps: Steps) -> BucketSeries:
    """Evaluate the buckets, with an annotation for each malformed `le`."""
    # A name that a function has dropped is shown only where it stays visible.
    shows_dropped = evaluation.options.delayed_name_removal
    buckets = BucketSeries(evaluation.vector(node, steps), shows_dropped=shows_dropped)
    for metric, label in buckets.malformed:
        evaluation.annotations.bad_bucket_label(metric, label, unwrap(node).start)
    return buckets


def _histogram_quantile(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    wanted = evaluation.scalar(node.arguments[0], steps)
    buckets = _buckets(evaluation, node.arguments[1], steps)
    evaluation.quantile_in_range(wanted, node.arguments[0])
    result, forced = quantiles(buckets, wanted)
    for metric in forced:
        evaluation.annotations.forced_monotonicity(metric, unwrap(node.arguments[1]).start)
    return result


def _histogram_quantiles(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    vector, text, *parameters = node.arguments
    buckets = _buckets(evaluation, vector, steps)
    label = evaluation.string(text)
    wanted = [evaluation.scalar(each, steps) for each in parameters]
    for value, each in zip(wanted, parameters, strict=True):
        evaluation.quantile_in_range(value, each)
    result, forced = labelled_quantiles(buckets, label, wanted)
    for metric in forced:
        evaluation.annotations.forced_monotonicity(metric, unwrap(vector).start)
    return result


def _histogram_fraction(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    lower, upper = (evaluation.scalar(each, steps) for each in node.arguments[:2])
    return fractions(_buckets(evaluation, node.arguments[2], steps), lower, upper)


HANDLERS: Final[Mapping[str, CallHandler]] = {
    "histogram_fraction": _histogram_fraction,
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    **dict.fromkeys(_NATIVE_ONLY, _native),
}
"""The functions by name."""
