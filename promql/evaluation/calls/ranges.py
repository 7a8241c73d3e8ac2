"""Functions of range vectors: which kernel, over which windows.

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from promql.evaluation.calls.absence import absence
from promql.evaluation.context import CallHandler, CallStream, Evaluation
from promql.evaluation.ranges import RangeVector
from promql.kernels import over_time, rates
from promql.kernels.extended import kernel_for
from promql.kernels.over_time import Kernel, Result
from promql.kernels.start_times import overlaps
from promql.kernels.vectors import Scalars, Steps, Vector, concatenated
from promql.kernels.windows import Windows
from promql.syntax.nodes import Call, Expression, MatrixSelector, ValueType, unwrap

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
"""Functions that look at the ends of each window alone."""
_OF_COUNTERS: Final = frozenset({"increase", "rate"})
_OF_STARTS: Final = frozenset({"increase", "irate", "rate", "resets"})
"""Functions that look at start times."""
_COUNTER_SUFFIXES: Final = ("_total", "_sum", "_count", "_bucket")
_COUNTER_TYPES: Final = ("counter", "histogram")


def _over_range(evaluation: Evaluation, node: Call, steps: Steps) -> Vector:
    blocks = []
    for block in _range_blocks(evaluation, node, steps):
        evaluation.guard.hold(block.values.size)
        blocks.append(block)
    return concatenated(blocks, steps.count)


def _range_blocks(evaluation: Evaluation, node: Call, steps: Steps) -> Iterator[Vector]:
    function = node.function
    parameters: list[Scalars] = []
    argument: Expression = node.arguments[0]
    for each in node.arguments:
        if each.type is ValueType.MATRIX:
            argument = each
        else:
            parameters.append(evaluation.scalar(each, steps))
    if function == "quantile_over_time":
        evaluation.quantile_in_range(parameters[0], node.arguments[0])
    kernel, ranges = _ranges(evaluation, function, argument, steps)
    keep_name = function in _KEEP_NAME
    if function in _OF_COUNTERS:
        kernel = _watched(evaluation, kernel, argument)
    seen: set[str] = set()
    blocks = ranges.apply(
        *(kernel, parameters, evaluation.guard),
        keep_name=keep_name,
        sparse=function in _SPARSE,
    )
    for block in blocks:
        if function in _OF_COUNTERS:
            _expect_counter(evaluation, block, argument, seen)
        yield block


def _ranges(
    evaluation: Evaluation, function: str, argument: Expression, steps: Steps
) -> tuple[Kernel, RangeVector]:
    """Return a function's kernel and the ranges that it looks at."""
    kernel = _KERNELS.get(function, over_time.present_over_time)
    matrix = unwrap(argument)
    if isinstance(matrix, MatrixSelector):
        reach_ms = evaluation.rules.lookback_ms
        extended = kernel_for(function, matrix.selector, reach_ms)
        if extended is not None:
            return extended, evaluation.range_vector(argument, steps, reach_ms)
    starts = function in _OF_STARTS
    return kernel, evaluation.range_vector(argument, steps, starts=starts)


def _watched(evaluation: Evaluation, kernel: Kernel, argument: Expression) -> Kernel:
    """Return a kernel that also annotates start times which cannot be true."""

    def watched(windows: Windows, *parameters: Scalars) -> Result:
        doubtful = overlaps(windows.samples)
        if doubtful is not None and doubtful.any():
            inside = over_time.pairs_inside(windows, doubtful).any(axis=1)
            for row in np.flatnonzero(inside).tolist():
                metric = windows.samples.labels[row].metric
                evaluation.notes.start_time_overlap(metric, argument.start)
        return kernel(windows, *parameters)

    return watched


def _expect_counter(
    evaluation: Evaluation, vector: Vector, argument: Expression, seen: set[str]
) -> None:
    """Annotate a rate of what does not look like a counter, each metric once."""
    for labels in vector.labels[:1] if vector.one_name else vector.labels:
        metric = labels.metric
        if not metric or metric in seen:
            continue
        seen.add(metric)
        kind = labels.get("__type__")
        if kind and kind not in _COUNTER_TYPES:
            evaluation.notes.possible_non_counter_type(metric, kind, argument.start)
        elif not kind and not metric.endswith(_COUNTER_SUFFIXES):
            evaluation.notes.possible_non_counter(metric, argument.start)


def _absent_over_time(evaluation: Evaluation, node: Call, steps: Steps) -> Vector:
    _, ranges = _ranges(evaluation, node.function, node.arguments[0], steps)
    blocks = ranges.apply(over_time.present_over_time, (), evaluation.guard, keep_name=True)
    return absence(concatenated(list(blocks), steps.count), node.arguments[0], steps)


HANDLERS: Final[Mapping[str, CallHandler]] = {
    "absent_over_time": _absent_over_time,
    **dict.fromkeys(_KERNELS, _over_range),
}
"""The functions by name."""

STREAMS: Final[Mapping[str, CallStream]] = dict.fromkeys(_KERNELS, _range_blocks)
"""Those that go block by block."""
