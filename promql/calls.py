"""Function calls: which kernel, with which arguments.

Source: Prometheus documentation, "Query functions".
"""

from collections.abc import Callable, Iterator
from typing import ClassVar, Final, cast

import numpy as np

from model.labels import METRIC_NAME, Labels
from model.matchers import MatchOperator
from promql import histograms, instant, over_time, rates, relabeling
from promql.evaluation import Evaluation
from promql.extended import kernel_for
from promql.info import InfoSelector, enrich, reference_steps
from promql.nodes import (
    Call,
    Expression,
    MatrixSelector,
    ValueType,
    VectorSelector,
    unwrap,
)
from promql.over_time import Kernel, Result
from promql.ranges import RangeVector
from promql.selection import joined
from promql.start_times import overlaps
from promql.vectors import (
    Floats,
    Scalars,
    Steps,
    Value,
    Vector,
    any_series,
    concatenated,
    empty_vector,
)
from promql.windows import Windows

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

_NATIVE_ONLY: Final = (
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
)

Handler = Callable[["Calls", Call, Steps], Value]


class Calls:
    """Evaluates function calls for an evaluation."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def call(self, node: Call, steps: Steps) -> Value:
        """Evaluate a call."""
        return self._HANDLERS[node.function](self, node, steps)

    def _argument(self, node: Call, index: int, steps: Steps) -> Vector:
        return self._evaluation.vector(node.arguments[index], steps)

    # Range vectors.

    def blocks(self, node: Call, steps: Steps) -> Iterator[Vector] | None:
        """Yield a call's result in blocks of series; None where it needs all at once."""
        if node.function in _KERNELS:
            return self._range_blocks(node, steps)
        if node.function in instant.MATH:
            compute = instant.MATH[node.function]
            inner = self._evaluation.blocks(node.arguments[0], steps)
            return (block.computed(compute(block.values)) for block in inner)
        return None

    def _over_range(self, node: Call, steps: Steps) -> Vector:
        blocks = []
        for block in self._range_blocks(node, steps):
            self._evaluation.guard.hold(block.values.size)
            blocks.append(block)
        return concatenated(blocks, steps.count)

    def _range_blocks(self, node: Call, steps: Steps) -> Iterator[Vector]:
        evaluation = self._evaluation
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
        kernel, ranges = self._ranges(function, argument, steps)
        keep_name = function in _KEEP_NAME
        if function in _OF_COUNTERS:
            kernel = self._watched(kernel, argument)
        seen: set[str] = set()
        blocks = ranges.apply(
            *(kernel, parameters, evaluation.guard),
            keep_name=keep_name,
            sparse=function in _SPARSE,
        )
        for block in blocks:
            if function in _OF_COUNTERS:
                self._expect_counter(block, argument, seen)
            yield block

    def _ranges(
        self, function: str, argument: Expression, steps: Steps
    ) -> tuple[Kernel, RangeVector]:
        """Return a function's kernel and the ranges that it looks at."""
        evaluation = self._evaluation
        kernel = _KERNELS.get(function, over_time.present_over_time)
        matrix = unwrap(argument)
        if isinstance(matrix, MatrixSelector):
            reach_ms = evaluation.rules.lookback_ms
            extended = kernel_for(function, matrix.selector, reach_ms)
            if extended is not None:
                return extended, evaluation.range_vector(argument, steps, reach_ms)
        starts = function in _OF_STARTS
        return kernel, evaluation.range_vector(argument, steps, starts=starts)

    def _watched(self, kernel: Kernel, argument: Expression) -> Kernel:
        """Return a kernel that also annotates start times which cannot be true."""

        def watched(windows: Windows, *parameters: Scalars) -> Result:
            doubtful = overlaps(windows.samples)
            if doubtful is not None and doubtful.any():
                inside = over_time.pairs_inside(windows, doubtful).any(axis=1)
                for row in np.flatnonzero(inside).tolist():
                    metric = windows.samples.labels[row].metric
                    self._evaluation.notes.start_time_overlap(metric, argument.start)
            return kernel(windows, *parameters)

        return watched

    def _expect_counter(self, vector: Vector, argument: Expression, seen: set[str]) -> None:
        """Annotate a rate of what does not look like a counter, each metric once."""
        for labels in vector.labels[:1] if vector.one_name else vector.labels:
            metric = labels.metric
            if not metric or metric in seen:
                continue
            seen.add(metric)
            kind = labels.get("__type__")
            if kind and kind not in _COUNTER_TYPES:
                self._evaluation.notes.possible_non_counter_type(metric, kind, argument.start)
            elif not kind and not metric.endswith(_COUNTER_SUFFIXES):
                self._evaluation.notes.possible_non_counter(metric, argument.start)

    def _absent_over_time(self, node: Call, steps: Steps) -> Vector:
        _, ranges = self._ranges(node.function, node.arguments[0], steps)
        blocks = ranges.apply(
            over_time.present_over_time, (), self._evaluation.guard, keep_name=True
        )
        return _absence(concatenated(list(blocks), steps.count), node.arguments[0], steps)

    # Values.

    def _math(self, node: Call, steps: Steps) -> Vector:
        vector = self._argument(node, 0, steps)
        return vector.computed(instant.MATH[node.function](vector.values))

    def _native(self, node: Call, steps: Steps) -> Vector:
        """What only native histograms have, no float has."""
        self._argument(node, 0, steps)
        return empty_vector(steps.count)

    def _calendar(self, node: Call, steps: Steps) -> Vector:
        if not node.arguments:
            return _constant(instant.calendar(node.function, steps.seconds), steps)
        vector = self._argument(node, 0, steps)
        return vector.computed(instant.calendar(node.function, vector.values))

    def _round(self, node: Call, steps: Steps) -> Vector:
        vector = self._argument(node, 0, steps)
        nearest = np.array([1.0])
        if len(node.arguments) > 1:
            nearest = self._evaluation.scalar(node.arguments[1], steps)
        return vector.computed(instant.round_to(vector.values, nearest))

    def _clamp(self, node: Call, steps: Steps) -> Vector:
        vector = self._argument(node, 0, steps)
        bounds = [self._evaluation.scalar(each, steps) for each in node.arguments[1:]]
        if node.function == "clamp_min":
            return vector.computed(np.maximum(bounds[0], vector.values))
        if node.function == "clamp_max":
            return vector.computed(np.minimum(bounds[0], vector.values))
        least, most = bounds
        present = vector.present & ~(least > most)
        return vector.computed(instant.clamp(vector.values, least, most), present).occupied()

    def _absent(self, node: Call, steps: Steps) -> Vector:
        return _absence(self._argument(node, 0, steps), node.arguments[0], steps)

    def _scalar(self, node: Call, steps: Steps) -> Scalars:
        vector = self._argument(node, 0, steps)
        if not len(vector):
            return np.array([np.nan])
        row = np.argmax(vector.present, axis=0)[np.newaxis]
        value = np.take_along_axis(vector.values, row, axis=0)[0]
        return np.where(vector.present.sum(axis=0) == 1, value, np.nan)

    def _vector(self, node: Call, steps: Steps) -> Vector:
        return _constant(self._evaluation.scalar(node.arguments[0], steps), steps)

    def _time(self, node: Call, steps: Steps) -> Scalars:
        return steps.seconds

    def _timestamp(self, node: Call, steps: Steps) -> Vector:
        argument = unwrap(node.arguments[0])
        if isinstance(argument, VectorSelector):
            seen = self._evaluation.sighting(argument, steps)
            return seen.vector.computed(seen.times_s)
        vector = self._argument(node, 0, steps)
        times = np.broadcast_to(steps.seconds, vector.values.shape)
        return vector.computed(times)

    def _start_timestamp(self, node: Call, steps: Steps) -> Vector:
        argument = unwrap(node.arguments[0])
        if isinstance(argument, VectorSelector):
            seen = self._evaluation.sighting(argument, steps, starts=True)
            return seen.vector.computed(seen.started_s)
        # What was computed has no start of its own.
        self._argument(node, 0, steps)
        return empty_vector(steps.count)

    def _pi(self, node: Call, steps: Steps) -> Scalars:
        return np.array([np.pi])

    def _edge(self, node: Call, steps: Steps) -> Scalars:
        query = self._evaluation.query
        milliseconds = {
            "start": query.start_ms,
            "end": query.end_ms,
            "step": query.step_ms,
            "range": query.end_ms - query.start_ms,
        }[node.function]
        return np.array([milliseconds / 1000])

    def _extreme_of(self, node: Call, steps: Steps) -> Scalars:
        left, right = (self._evaluation.scalar(each, steps) for each in node.arguments)
        return np.minimum(left, right) if node.function == "min_of" else np.maximum(left, right)

    # Labels.

    def _label_replace(self, node: Call, steps: Steps) -> Vector:
        vector = self._evaluation.visible(self._argument(node, 0, steps))
        texts = [self._evaluation.string(each) for each in node.arguments[1:]]
        return relabeling.label_replace(vector, *texts)

    def _label_join(self, node: Call, steps: Steps) -> Vector:
        vector = self._evaluation.visible(self._argument(node, 0, steps))
        target, separator, *sources = (self._evaluation.string(each) for each in node.arguments[1:])
        return relabeling.label_join(vector, target, separator, sources)

    def _info(self, node: Call, steps: Steps) -> Vector:
        evaluation = self._evaluation
        base = evaluation.visible(self._argument(node, 0, steps))
        matchers = cast("VectorSelector", node.arguments[1]).matchers if node.arguments[1:] else ()
        selector = InfoSelector(matchers)
        alone = [selector.is_info(labels) for labels in base.labels]
        wanted = selector.matchers(base, alone)
        if wanted is None:
            return base
        times = reference_steps(node.arguments[0], evaluation.query, steps)
        info = VectorSelector("", wanted, start=node.start, end=node.end)
        lookback_ms = evaluation.rules.lookback_ms
        seen = joined(evaluation.selection.sightings(info, times, lookback_ms), times.count)
        return enrich(base, alone, seen, selector)

    def _ineffective(self, node: Call) -> bool:
        if self._evaluation.query.is_range:
            self._evaluation.notes.sort_in_range_query(node.start)
            return True
        return False

    def _sort(self, node: Call, steps: Steps) -> Vector:
        vector = self._argument(node, 0, steps)
        if self._ineffective(node) or steps.count != 1:
            return vector
        return relabeling.sorted_by_value(vector, descending=node.function == "sort_desc")

    def _sort_by_label(self, node: Call, steps: Steps) -> Vector:
        vector = self._argument(node, 0, steps)
        names = [self._evaluation.string(each) for each in node.arguments[1:]]
        if self._ineffective(node) or steps.count != 1:
            return vector
        descending = node.function == "sort_by_label_desc"
        return relabeling.sorted_by_labels(
            self._evaluation.visible(vector), names, descending=descending
        )

    # Classic histograms.

    def _histogram_quantile(self, node: Call, steps: Steps) -> Vector:
        evaluation = self._evaluation
        wanted = evaluation.scalar(node.arguments[0], steps)
        evaluation.quantile_in_range(wanted, node.arguments[0])
        vector = self._argument(node, 1, steps)
        return histograms.quantiles(vector, wanted, evaluation.notes, node.arguments[1].start)

    def _histogram_quantiles(self, node: Call, steps: Steps) -> Vector:
        evaluation = self._evaluation
        vector = self._argument(node, 0, steps)
        label = evaluation.string(node.arguments[1])
        wanted = [evaluation.scalar(each, steps) for each in node.arguments[2:]]
        for value, each in zip(wanted, node.arguments[2:], strict=True):
            evaluation.quantile_in_range(value, each)
        at = node.arguments[0].start
        return histograms.each_quantile(vector, label, wanted, evaluation.notes, at)

    def _histogram_fraction(self, node: Call, steps: Steps) -> Vector:
        evaluation = self._evaluation
        lower, upper = (evaluation.scalar(each, steps) for each in node.arguments[:2])
        vector = self._argument(node, 2, steps)
        at = node.arguments[2].start
        return histograms.fractions(vector, lower, upper, evaluation.notes, at)

    # Of functions, not of bound methods: those would make each evaluation a cycle, which keeps
    # its samples until the garbage collector comes by.
    _HANDLERS: ClassVar[dict[str, Handler]] = {
        "absent": _absent,
        "absent_over_time": _absent_over_time,
        "clamp": _clamp,
        "clamp_max": _clamp,
        "clamp_min": _clamp,
        "end": _edge,
        "histogram_fraction": _histogram_fraction,
        "histogram_quantile": _histogram_quantile,
        "histogram_quantiles": _histogram_quantiles,
        "info": _info,
        "label_join": _label_join,
        "label_replace": _label_replace,
        "max_of": _extreme_of,
        "min_of": _extreme_of,
        "pi": _pi,
        "range": _edge,
        "round": _round,
        "scalar": _scalar,
        "sort": _sort,
        "sort_by_label": _sort_by_label,
        "sort_by_label_desc": _sort_by_label,
        "sort_desc": _sort,
        "start": _edge,
        "start_timestamp": _start_timestamp,
        "step": _edge,
        "time": _time,
        "timestamp": _timestamp,
        "vector": _vector,
        **dict.fromkeys(_KERNELS, _over_range),
        **dict.fromkeys(instant.MATH, _math),
        **dict.fromkeys(instant.CALENDAR, _calendar),
        **dict.fromkeys(_NATIVE_ONLY, _native),
    }


def _constant(values: Floats, steps: Steps) -> Vector:
    """Return one series without labels."""
    shape = (1, steps.count)
    present = np.ones(shape, dtype=np.bool_)
    return Vector([Labels()], np.broadcast_to(values, shape), present, None, one_name=True)


def _absence(found: Vector, argument: Expression, steps: Steps) -> Vector:
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
