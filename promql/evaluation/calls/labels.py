"""Functions that read or rewrite labels, or sort series.

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Mapping
from typing import Final, cast

from promql.evaluation import relabeling
from promql.evaluation.context import CallHandler, Evaluation
from promql.evaluation.info import InfoSelector, enrich, reference_steps
from promql.evaluation.instant_selection import joined
from promql.kernels.interruption import interruptible
from promql.kernels.step_matrix import StepMatrix
from promql.kernels.steps import Steps
from promql.syntax.nodes import Call, VectorSelector


def _label_replace(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    target, template, source, pattern = (evaluation.string(each) for each in node.arguments[1:])
    compiled = relabeling.replacement_pattern(target, pattern)
    vector = evaluation.visible(evaluation.vector(node.arguments[0], steps))
    return relabeling.label_replace(vector, target, template, source, compiled, evaluation.guard)


def _label_join(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    target, separator, *sources = (evaluation.string(each) for each in node.arguments[1:])
    relabeling.check_joined_names(target, sources)
    vector = evaluation.visible(evaluation.vector(node.arguments[0], steps))
    return relabeling.label_join(vector, target, separator, sources, evaluation.guard)


def _info(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    base = evaluation.visible(evaluation.vector(node.arguments[0], steps))
    matchers = cast("VectorSelector", node.arguments[1]).matchers if node.arguments[1:] else ()
    selector = InfoSelector(matchers)
    alone = [selector.is_info(labels) for labels in interruptible(base.labels)]
    wanted = selector.matchers(base, alone)
    if wanted is None:
        return base
    times = reference_steps(node.arguments[0], evaluation.query, steps)
    info = VectorSelector("", wanted, start=node.start, end=node.end)
    lookback_ms = evaluation.options.lookback_ms
    blocks = evaluation.selection.instant_blocks(info, times, lookback_ms)
    return enrich(base, alone, joined(blocks, times.count), selector, evaluation.guard)


def _is_ineffective(evaluation: Evaluation, node: Call) -> bool:
    """Return whether sorting has no effect, with an annotation if so."""
    if evaluation.query.is_range:
        evaluation.annotations.sort_in_range_query(node.start)
        return True
    return False


def _sort(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    vector = evaluation.vector(node.arguments[0], steps)
    if _is_ineffective(evaluation, node) or steps.count != 1:
        return vector
    return relabeling.sorted_by_value(vector, descending=node.function == "sort_desc")


def _sort_by_label(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    vector = evaluation.vector(node.arguments[0], steps)
    names = [evaluation.string(each) for each in node.arguments[1:]]
    if _is_ineffective(evaluation, node) or steps.count != 1:
        return vector
    descending = node.function == "sort_by_label_desc"
    return relabeling.sorted_by_labels(evaluation.visible(vector), names, descending=descending)


HANDLERS: Final[Mapping[str, CallHandler]] = {
    "info": _info,
    "label_join": _label_join,
    "label_replace": _label_replace,
    "sort": _sort,
    "sort_by_label": _sort_by_label,
    "sort_by_label_desc": _sort_by_label,
    "sort_desc": _sort,
}
"""The functions by name."""
