"""Evaluates a syntax tree over steps.

Each node becomes a scalar, a string or a vector over all steps at once; an instant
query has one step. A tree's left edges are walked in a loop (see `left_spine`).
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final, cast

import numpy as np

from model.labels import Labels, quote
from model.series import NO_TIME, AlignedSeries, Times, absent_matrix
from promql import aggregation
from promql.annotations import Notes
from promql.api import EvaluationError
from promql.calls import Calls
from promql.evaluation import Rules
from promql.guard import Guard
from promql.lexer import SET_OPERATORS, TRIMS
from promql.matching import binary, set_operation
from promql.nodes import (
    Aggregation,
    BinaryOperation,
    Call,
    Expression,
    MatrixSelector,
    NumberLiteral,
    Parentheses,
    StringLiteral,
    Subquery,
    UnaryOperation,
    ValueType,
    VectorSelector,
    left_spine,
    unwrap,
)
from promql.numbers import format_general
from promql.operators import scalars, with_scalar
from promql.ranges import RangeVector, inner_steps, repeated
from promql.relabeling import check_label_name
from promql.selection import Selection, Sighting, has_one_name, joined
from promql.statistics import StepCounter
from promql.tally import TALLIES, Tally
from promql.timing import QueryRange
from promql.vectors import (
    RESERVED,
    Floats,
    Scalars,
    Steps,
    Value,
    Vector,
    concatenated,
    empty_vector,
    without_reserved,
)

_LARGEST_INTEGER: Final = 2.0**63


Handler = Callable[["Evaluator", Any, Steps], Value]


class Evaluator:
    """Evaluates one query.

    Args:
        selection: reads samples.
        guard: the query's limits.
        notes: takes annotations.
        query: what was asked for.
        rules: choices.
        pinned: ids of the nodes that yield the same at all steps.
        counter: counts the samples looked at, if anybody wants to know.
    """

    def __init__(
        self,
        selection: Selection,
        guard: Guard,
        notes: Notes,
        query: QueryRange,
        rules: Rules,
        pinned: frozenset[int],
        counter: StepCounter | None = None,
    ) -> None:
        self.selection = selection
        self.guard = guard
        self.notes = notes
        self.query = query
        self.rules = rules
        self._pinned = pinned
        self._counter = counter

    def evaluate(self, node: Expression, steps: Steps) -> Value:
        """Return what an expression that is no range vector yields at each step.

        Raises:
            PromQLError: it cannot be answered.
        """
        node = unwrap(node)
        if steps.count > 1 and id(node) in self._pinned:
            return _repeat(self.evaluate(node, steps.only_first()), steps.count)
        self.guard.check()
        with self.guard.scope():
            value = self._HANDLERS[type(node)](self, node, steps)
        if isinstance(value, Vector):
            self.guard.hold(value.values.size)
            if not value.one_name and not self.rules.delayed_name_removal:
                return value.named()
        return value

    def vector(self, node: Expression, steps: Steps) -> Vector:
        """Evaluate an instant vector."""
        return cast("Vector", self.evaluate(node, steps))

    def scalar(self, node: Expression, steps: Steps) -> Scalars:
        """Evaluate a scalar: shape (S,) or (1,)."""
        return cast("Scalars", self.evaluate(node, steps))

    def string(self, node: Expression) -> str:
        """Return a string literal's value."""
        return cast("StringLiteral", unwrap(node)).value

    def visible(self, vector: Vector) -> Vector:
        """Return the vector as label functions see it: names gone, unless that is delayed."""
        return vector if self.rules.delayed_name_removal else vector.named()

    # Selectors.

    def _selector(self, node: VectorSelector, steps: Steps) -> Vector:
        found = [each.vector for each in self._held(self._sightings(node, steps))]
        return concatenated(found, steps.count)

    def sighting(self, node: VectorSelector, steps: Steps, *, starts: bool = False) -> Sighting:
        """Evaluate an instant selector; also when its samples were taken, and `starts`."""
        return joined(self._held(self._sightings(node, steps, starts=starts)), steps.count)

    def _held(self, sightings: Iterator[Sighting]) -> Iterator[Sighting]:
        for each in sightings:
            self.guard.hold(each.vector.values.size)
            yield each

    def _sightings(
        self, node: VectorSelector, steps: Steps, *, starts: bool = False
    ) -> Iterator[Sighting]:
        reference = Steps(self.query.reference(node.shift, steps))
        lookback_ms = self.rules.lookback_ms
        found = self.selection.sightings(node, reference, lookback_ms, starts=starts)
        return found if self._counter is None else self._counter.sightings(found)

    def range_vector(
        self, node: Expression, steps: Steps, reach_ms: int = 0, *, starts: bool = False
    ) -> RangeVector:
        """Evaluate a range selector or subquery.

        Args:
            node: the expression.
            steps: when it is evaluated.
            reach_ms: how much further than the range samples are read, to both sides.
            starts: whether the samples' start times matter; a subquery has none.
        """
        node = unwrap(node)
        if isinstance(node, Subquery):
            return self._subquery(node, steps)
        matrix = cast("MatrixSelector", node)
        selector = matrix.selector
        ends_ms = self.query.reference(selector.shift, steps)
        starts_ms = ends_ms - self.query.length_ms(matrix.range)
        low_ms, high_ms = int(starts_ms[0]) - reach_ms, int(ends_ms[-1]) + reach_ms
        parts = self.selection.read(
            selector.matchers, low_ms + 1, high_ms, steps.count, starts=starts
        )
        one_name = has_one_name(selector.matchers)
        look = None if self._counter is None else self._counter.windows
        return RangeVector(parts, starts_ms, ends_ms, steps, one_name, None, look)

    def _subquery(self, node: Subquery, steps: Steps) -> RangeVector:
        ends_ms = self.query.reference(node.shift, steps)
        range_ms = self.query.length_ms(node.range)
        step_ms = self.rules.default_step_ms
        if node.step is not None:
            step_ms = self.query.length_ms(node.step)
        step_ms = max(1, step_ms)
        # Before the steps themselves take the memory that their results may not.
        self.guard.hold((int(ends_ms[-1] - ends_ms[0]) + range_ms) // step_ms)
        times = inner_steps(ends_ms, range_ms, step_ms)
        starts_ms = ends_ms - range_ms
        if not times.count:
            return RangeVector((), starts_ms, ends_ms, steps, one_name=True)
        # What counts of a subquery are its results in the range, not what led to them.
        counter, self._counter = self._counter, None
        inner = self.vector(node.expression, times)
        self._counter = counter
        look = None if counter is None else counter.windows
        parts = (repeated(inner, times),)
        one_name, unnamed = inner.one_name, inner.unnamed
        return RangeVector(parts, starts_ms, ends_ms, steps, one_name, unnamed, look)

    # Block by block.

    def blocks(self, node: Expression, steps: Steps) -> Iterator[Vector]:
        """Yield an instant vector in blocks of series, where it can be computed so.

        Aggregations go through them without ever holding all series.
        """
        node = unwrap(node)
        if steps.count > 1 and id(node) in self._pinned:
            yield self.vector(node, steps)
            return
        streams = self._streams(node, steps)
        if streams is None:
            yield self.vector(node, steps)
            return
        if self.rules.delayed_name_removal:
            yield from streams
            return
        # Names that differ may not vanish unseen: two series could become one.
        apart: list[Vector] = []
        for block in streams:
            if block.one_name or block.unnamed is None:
                yield block
            else:
                apart.append(block)
        if apart:
            yield concatenated(apart, steps.count).named()

    def _streams(self, node: Expression, steps: Steps) -> Iterator[Vector] | None:
        match node:
            case VectorSelector():
                return (each.vector for each in self._sightings(node, steps))
            case Call():
                return Calls(self).blocks(node, steps)
            case BinaryOperation() if node.matching is None and node.operator not in TRIMS:
                return self._scalar_blocks(node, steps)
            case _:
                return None

    def _scalar_blocks(self, node: BinaryOperation, steps: Steps) -> Iterator[Vector]:
        swapped = node.left.type is ValueType.SCALAR
        vector, other = (node.right, node.left) if swapped else (node.left, node.right)
        scalar = self.scalar(other, steps)
        for block in self.blocks(vector, steps):
            yield with_scalar(
                node.operator, block, scalar, swapped=swapped, returns_bool=node.returns_bool
            )

    def matrix(self, node: Expression, steps: Steps) -> AlignedSeries:
        """Return the samples of a range vector at a single step."""
        range_vector = self.range_vector(node, steps)
        labels: list[Labels] = []
        times: list[Times] = []
        values: list[Floats] = []
        for part, windows in range_vector.windows(self.guard.check):
            samples = windows.samples
            names = list(samples.labels)
            if range_vector.unnamed is not None:
                names = without_reserved(names, range_vector.unnamed[part])
            for row, own in enumerate(samples.rows.tolist()):
                (first,), (stop,) = (
                    windows.of_rows(columns, [own])[0].tolist()
                    for columns in (windows.first, windows.stop)
                )
                window = slice(first, stop)
                if window.start < window.stop:
                    labels.append(names[row])
                    times.append(samples.times_ms[own, window])
                    values.append(samples.values[row, window])
        return _ragged(labels, times, values)

    # Operators.

    def _unary(self, node: UnaryOperation, steps: Steps) -> Value:
        value = self.evaluate(node.expression, steps)
        if node.operator == "+" or isinstance(value, str):
            return value
        if isinstance(value, Vector):
            return value.computed(-value.values)
        return -value

    def _binary(self, node: BinaryOperation, steps: Steps) -> Value:
        spine = left_spine(node)
        value = self.evaluate(spine[-1].left, steps)
        for operation in reversed(spine):
            value = self._combined(operation, value, steps)
        return value

    def _combined(self, node: BinaryOperation, left: Value, steps: Steps) -> Value:
        right = self.evaluate(node.right, steps)
        operator = node.operator
        if operator in TRIMS:
            return self._trimmed(node, left, right, steps)
        if isinstance(left, Vector):
            if not isinstance(right, Vector):
                return with_scalar(
                    operator, left, cast("Scalars", right), swapped=False,
                    returns_bool=node.returns_bool,
                )  # fmt: skip
            if node.matching is None:
                raise EvaluationError("vector matching is missing between instant vectors")
            left, right = self.visible(left), self.visible(right)
            if operator in SET_OPERATORS:
                return set_operation(operator, left, right, node.matching)
            return binary(operator, left, right, node.matching, returns_bool=node.returns_bool)
        if isinstance(right, Vector):
            return with_scalar(
                operator, right, cast("Scalars", left), swapped=True,
                returns_bool=node.returns_bool,
            )  # fmt: skip
        return scalars(operator, cast("Scalars", left), cast("Scalars", right))

    def _trimmed(self, node: BinaryOperation, left: Value, right: Value, steps: Steps) -> Vector:
        """Trim histograms: floats are none, so nothing is left of them."""
        if isinstance(left, Vector) and isinstance(right, Vector) and node.matching is not None:
            left, right = self.visible(left), self.visible(right)
            met = binary("+", left, right, node.matching, returns_bool=False)
        elif isinstance(left, Vector):
            met = left
        elif isinstance(right, Vector):
            met = right
        else:
            message = f"operator {quote(node.operator)} not allowed for Scalar operations"
            raise EvaluationError(message)
        if met.present.any():
            self.notes.incompatible_floats(node.operator, node.start)
        return empty_vector(steps.count)

    # Aggregations.

    def _aggregation(self, node: Aggregation, steps: Steps) -> Vector:
        operator = node.operator
        parameter = self._parameter(node, steps)
        shows_name = node.without or not RESERVED.isdisjoint(node.grouping)
        if operator in TALLIES and not shows_name:
            found = self._tallied(node, steps)
            if found is not None:
                return found
        vector = self.vector(node.expression, steps)
        if shows_name:
            vector = self.visible(vector)
        if not len(vector):
            return empty_vector(steps.count)
        if operator == "limit_ratio":
            return aggregation.sampled(vector, cast("Scalars", parameter))
        groups = aggregation.group(vector.labels, node.grouping, without=node.without)
        if operator in ("topk", "bottomk"):
            return aggregation.ranked(
                vector, groups, cast("Scalars", parameter), largest=operator == "topk"
            )
        if operator == "limitk":
            return aggregation.limited(vector, groups, cast("Scalars", parameter))
        if not shows_name:
            vector = Vector(vector.labels, vector.values, vector.present)
        if operator == "quantile":
            return aggregation.quantile(vector, groups, cast("Scalars", parameter))
        if operator == "count_values":
            return aggregation.count_values(vector, groups, cast("str", parameter))
        return aggregation.reduced(operator, vector, groups)

    def _tallied(self, node: Aggregation, steps: Steps) -> Vector | None:
        """Aggregate block by block; None where all series must be seen together."""
        tally = Tally(node.operator, node.grouping, steps.count)
        for block in self.blocks(node.expression, steps):
            if len(block):
                tally.add(block)
        return tally.result()

    def _parameter(self, node: Aggregation, steps: Steps) -> Scalars | str | None:
        if node.parameter is None:
            return None
        if node.operator == "count_values":
            label = self.string(node.parameter)
            check_label_name(label, "invalid label name ")
            return label
        value = self.scalar(node.parameter, steps)
        if node.operator == "quantile":
            self.quantile_in_range(value, node.parameter)
            return value
        if np.isnan(value).any():
            what = "Ratio" if node.operator == "limit_ratio" else "Parameter"
            raise EvaluationError(f"{what} value is NaN")
        if node.operator == "limit_ratio":
            for ratio in np.unique(value[np.abs(value) > 1]).tolist():
                capped = 1.0 if ratio > 1 else -1.0
                self.notes.ratio_out_of_range(ratio, capped, node.parameter.start)
            return np.clip(value, -1.0, 1.0)
        for far in value[np.abs(value) >= _LARGEST_INTEGER].tolist():
            raise EvaluationError(f"Scalar value {format_general(far)} overflows int64")
        return value

    def quantile_in_range(self, value: Scalars, node: Expression) -> None:
        """Annotate a φ below 0, above 1 or NaN."""
        outside = value[~((value >= 0) & (value <= 1))]
        for each in np.unique(outside).tolist():
            self.notes.quantile_out_of_range(each, node.start)

    # Leaves, and what holds calls.

    def _call(self, node: Call, steps: Steps) -> Value:
        return Calls(self).call(node, steps)

    def _number(self, node: NumberLiteral, _steps: Steps) -> Scalars:
        return np.array([node.value])

    def _string(self, node: StringLiteral, _steps: Steps) -> str:
        return node.value

    def _never(self, node: Expression, _steps: Steps) -> Value:
        raise AssertionError(f"{type(node).__name__} is unwrapped before it is evaluated")

    # Of functions, not of bound methods: those would make each evaluation a cycle, which
    # keeps its samples until the garbage collector comes by.
    _HANDLERS: ClassVar[dict[type, Handler]] = {
        Aggregation: _aggregation,
        BinaryOperation: _binary,
        Call: _call,
        NumberLiteral: _number,
        Parentheses: _never,
        StringLiteral: _string,
        UnaryOperation: _unary,
        VectorSelector: _selector,
    }


def _repeat(value: Value, count: int) -> Value:
    """Return what one step yielded, for many."""
    if not isinstance(value, Vector):
        return value
    shape = (len(value), count)
    return value.with_values(
        np.broadcast_to(value.values, shape), np.broadcast_to(value.present, shape)
    )


def _ragged(labels: list[Labels], times: list[Times], values: list[Floats]) -> AlignedSeries:
    """Return series that have nothing in common as one matrix."""
    width = max(map(len, times), default=0)
    all_times = np.full((len(times), width), NO_TIME, dtype=np.int64)
    all_values = absent_matrix(len(times), width)
    for row, (own_times, own_values) in enumerate(zip(times, values, strict=True)):
        all_times[row, : len(own_times)] = own_times
        all_values[row, : len(own_values)] = own_values
    return AlignedSeries(
        tuple(labels), all_times, all_values, np.arange(len(labels), dtype=np.intp)
    )
