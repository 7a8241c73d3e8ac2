"""Functions of range vectors: choose the kernel and its windows.

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from promql.evaluation.calls.absence import absence
from promql.evaluation.context import CallHandler, CallStream, Evaluation
from promql.evaluation.ranges import RangeVector
from promql.kernels.arrays import Scalars
from promql.kernels.interruption import interruptible
from promql.kernels.ranges import over_time, rates
from promql.kernels.ranges.extended import kernel_for
from promql.kernels.ranges.over_time import Kernel, Result
from promql.kernels.ranges.start_times import overlaps
from promql.kernels.ranges.windows import Windows
from promql.kernels.step_matrix import StepMatrix, any_series, concatenated
from promql.kernels.steps import Steps
from promql.syntax.nodes import Call, Expression, MatrixSelector, ValueType
from promql.syntax.traversal import unwrap

_KERNELS: Final = {**over_time.KERNELS, **rates.KERNELS}
_KEEP_NAME: Final = frozenset({"first_over_time", "last_over_time"})
_SPARSE: Final = _KEEP_NAME | {
    "count_over_time",
    "delta",
    "idelta",
    "increase",
    "irate",
    "present_over_time",
    "rate",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
}
"""Functions that read only the first or last samples of each window."""
_OF_COUNTERS: Final = frozenset({"increase", "rate"})
_OF_STARTS: Final = frozenset({"increase", "irate", "rate", "resets"})
"""Functions that use start times."""
_COUNTER_SUFFIXES: Final = ("_total", "_sum", "_count", "_bucket")
_COUNTER_TYPES: Final = ("counter", "histogram")


def _over_range(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    blocks = []
    for block in _range_blocks(evaluation, node, steps):
        evaluation.guard.hold(block.values.size)
        blocks.append(block)
    return concatenated(blocks, steps.count)


def _range_blocks(evaluation: Evaluation, node: Call, steps: Steps) -> Iterator[StepMatrix]:
    function = node.function
    parameters: list[Scalars] = []
    argument: Expression = node.arguments[0]
    for each in node.arguments:
        if each.type is ValueType.MATRIX:
            argument = each
        else:
            parameters.append(evaluation.scalar(each, steps))
    argument = unwrap(argument)
    kernel, ranges = _ranges(evaluation, function, argument, steps)
    keep_name = function in _KEEP_NAME
    if function in _OF_COUNTERS:
        kernel = _annotating(evaluation, kernel, argument)
    seen: set[str] = set()
    filled = np.zeros(steps.count, dtype=np.bool_)
    blocks = ranges.apply(
        *(kernel, parameters, evaluation.guard),
        keep_name=keep_name,
        sparse=function in _SPARSE,
    )
    for block in blocks:
        if function in _OF_COUNTERS:
            _expect_counter(evaluation, block, argument, seen)
        elif function == "quantile_over_time":
            filled |= any_series(block.present)
        yield block
    if function == "quantile_over_time" and filled.any():
        quantile = parameters[0]
        used = quantile if len(quantile) == 1 else quantile[filled]
        evaluation.quantile_in_range(used, node.arguments[0])


def _ranges(
    evaluation: Evaluation, function: str, argument: Expression, steps: Steps
) -> tuple[Kernel, RangeVector]:
    """Return a function's kernel and its argument, the range vector."""
    kernel = _KERNELS.get(function, over_time.present_over_time)
    matrix = unwrap(argument)
    if isinstance(matrix, MatrixSelector):
        reach_ms = evaluation.options.lookback_ms
        extended = kernel_for(function, matrix.selector, reach_ms)
        if extended is not None:
            return extended, evaluation.range_vector(argument, steps, reach_ms)
    starts = function in _OF_STARTS
    return kernel, evaluation.range_vector(argument, steps, starts=starts)


def _annotating(evaluation: Evaluation, kernel: Kernel, argument: Expression) -> Kernel:
    """Return a kernel that also annotates start times that overlap the previous sample."""

    def annotating(windows: Windows, *parameters: Scalars) -> Result:
        doubtful = overlaps(windows.samples)
        if doubtful is not None and doubtful.any():
            inside = over_time.pairs_inside(windows, doubtful).any(axis=1)
            for row in np.flatnonzero(inside).tolist():
                metric = windows.samples.labels[row].metric
                evaluation.annotations.start_time_overlap(metric, argument.start)
        return kernel(windows, *parameters)

    return annotating


def _expect_counter(
    evaluation: Evaluation, vector: StepMatrix, argument: Expression, seen: set[str]
) -> None:
    """Annotate each metric that does not look like a counter, once."""
    for labels in interruptible(vector.labels[:1] if vector.one_name else vector.labels):
        metric = labels.metric
        if not metric or metric in seen:
            continue
        seen.add(metric)
        kind = labels.get("__type__")
        if kind and kind not in _COUNTER_TYPES:
            evaluation.annotations.possible_non_counter_type(metric, kind, argument.start)
        elif not kind and not metric.endswith(_COUNTER_SUFFIXES):
            evaluation.annotations.possible_non_counter(metric, argument.start)


def _absent_over_time(evaluation: Evaluation, node: Call, steps: Steps) -> StepMatrix:
    _, ranges = _ranges(evaluation, node.function, node.arguments[0], steps)
    blocks = ranges.apply(over_time.present_over_time, (), evaluation.guard, keep_name=True)
    return absence(concatenated(list(blocks), steps.count), node.arguments[0], steps)


HANDLERS: Final[Mapping[str, CallHandler]] = {
    "absent_over_time": _absent_over_time,
    **dict.fromkeys(_KERNELS, _over_range),
}
"""The functions by name."""

STREAMS: Final[Mapping[str, CallStream]] = dict.fromkeys(_KERNELS, _range_blocks)
"""The functions that can be evaluated in blocks of series, by name."""
