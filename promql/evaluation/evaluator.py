"""Evaluates a syntax tree over steps.

Each node becomes a scalar, a string or a vector over all steps at once; an instant
query has one step. A tree's left edges are walked in a loop (see `left_spine`).
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, cast

import numpy as np

from model.series import AlignedSeries
from promql.evaluation.aggregation_operators import aggregated
from promql.evaluation.annotations import Notes
from promql.evaluation.binary_operators import combined
from promql.evaluation.calls import table
from promql.evaluation.context import Rules
from promql.evaluation.ranges import RangeVector, inner_steps, repeated
from promql.evaluation.selection import Selection, Sighting, has_one_name, joined
from promql.evaluation.statistics import StepCounter
from promql.evaluation.timing import QueryRange
from promql.kernels.operators import with_scalar
from promql.kernels.vectors import Scalars, Steps, Value, Vector, concatenated
from promql.running.guard import Guard
from promql.syntax.lexer import TRIMS
from promql.syntax.nodes import (
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
                return table.blocks(self, node, steps)
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
        return self.range_vector(node, steps).samples(self.guard.check)

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
            right = self.evaluate(operation.right, steps)
            value = combined(self, operation, value, right, steps)
        return value

    def quantile_in_range(self, value: Scalars, node: Expression) -> None:
        """Annotate a φ below 0, above 1 or NaN."""
        outside = value[~((value >= 0) & (value <= 1))]
        for each in np.unique(outside).tolist():
            self.notes.quantile_out_of_range(each, node.start)

    # Leaves, and what holds calls.

    def _aggregation(self, node: Aggregation, steps: Steps) -> Vector:
        return aggregated(self, node, steps)

    def _call(self, node: Call, steps: Steps) -> Value:
        return table.call(self, node, steps)

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
