"""Evaluates a syntax tree at all steps of a query.

Each node yields a scalar, a string or a vector for all steps at once; an instant query has
one step. Chains of binary operators are evaluated in a loop (see `left_spine`).
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, cast

import numpy as np

from model.distinct import distinct
from model.series import AlignedSeries
from promql.evaluation.aggregation_operators import aggregated
from promql.evaluation.annotations import AnnotationCollector
from promql.evaluation.binary_operators import combined
from promql.evaluation.calls import table
from promql.evaluation.context import EvaluationOptions
from promql.evaluation.instant_selection import InstantSelection, joined
from promql.evaluation.ranges import RangeVector, as_series, inner_steps
from promql.evaluation.selection import Selection, has_one_name
from promql.evaluation.statistics import StepCounter
from promql.evaluation.timing import QueryRange
from promql.kernels.arrays import Scalars
from promql.kernels.operators import with_scalar
from promql.kernels.step_matrix import StepMatrix, Value, concatenated, names_dropped
from promql.kernels.steps import Steps
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
)
from promql.syntax.traversal import left_spine, unwrap

Handler = Callable[["Evaluator", Any, Steps], Value]


class Evaluator:
    """Evaluates one query.

    Args:
        selection: reads samples.
        guard: the query's limits.
        annotations: collects annotations.
        query: the query's start, end and step.
        options: the settings that change the result.
        step_invariant: ids of the nodes that yield the same value at all steps.
        counter: counts the samples of each step; None without statistics.
    """

    def __init__(
        self,
        selection: Selection,
        guard: Guard,
        annotations: AnnotationCollector,
        query: QueryRange,
        options: EvaluationOptions,
        step_invariant: frozenset[int],
        counter: StepCounter | None = None,
    ) -> None:
        self.selection = selection
        self.guard = guard
        self.annotations = annotations
        self.query = query
        self.options = options
        self._step_invariant = step_invariant
        self._counter = counter

    def evaluate(self, node: Expression, steps: Steps) -> Value:
        """Evaluate an expression that is not a range vector.

        Raises:
            PromQLError: it cannot be evaluated.
        """
        node = unwrap(node)
        if steps.count > 1 and id(node) in self._step_invariant:
            return _repeat(self.evaluate(node, steps.only_first()), steps.count)
        self.guard.check()
        with self.guard.memory_scope():
            value = self._HANDLERS[type(node)](self, node, steps)
        if isinstance(value, StepMatrix):
            self.guard.hold(value.values.size)
            if not value.one_name and not self.options.delayed_name_removal:
                return value.without_names()
        return value

    def vector(self, node: Expression, steps: Steps) -> StepMatrix:
        """Evaluate an instant vector."""
        return cast("StepMatrix", self.evaluate(node, steps))

    def scalar(self, node: Expression, steps: Steps) -> Scalars:
        """Evaluate a scalar: shape (S,) or (1,)."""
        return cast("Scalars", self.evaluate(node, steps))

    def string(self, node: Expression) -> str:
        """Return a string literal's value."""
        return cast("StringLiteral", unwrap(node)).value

    def visible(self, vector: StepMatrix) -> StepMatrix:
        """Return the vector as label functions see it: without dropped metric names."""
        return vector if self.options.delayed_name_removal else vector.without_names()

    # Selectors.

    def _selector(self, node: VectorSelector, steps: Steps) -> StepMatrix:
        found = [each.vector for each in self._held(self._selected_blocks(node, steps))]
        return concatenated(found, steps.count)

    def instant_selection(
        self, node: VectorSelector, steps: Steps, *, starts: bool = False
    ) -> InstantSelection:
        """Evaluate an instant selector, with its samples' times and, if asked, start times."""
        return joined(self._held(self._selected_blocks(node, steps, starts=starts)), steps.count)

    def _held(self, blocks: Iterator[InstantSelection]) -> Iterator[InstantSelection]:
        for each in blocks:
            self.guard.hold(each.vector.values.size)
            yield each

    def _selected_blocks(
        self, node: VectorSelector, steps: Steps, *, starts: bool = False
    ) -> Iterator[InstantSelection]:
        reference = Steps(self.query.reference(node.shift, steps))
        lookback_ms = self.options.lookback_ms
        found = self.selection.instant_blocks(node, reference, lookback_ms, starts=starts)
        return found if self._counter is None else self._counter.count_instant(found)

    def range_vector(
        self, node: Expression, steps: Steps, reach_ms: int = 0, *, starts: bool = False
    ) -> RangeVector:
        """Evaluate a range selector or subquery.

        Args:
            node: the expression.
            steps: the evaluation times.
            reach_ms: how far beyond both ends of the range samples are read.
            starts: read start times too; a subquery has none.
        """
        node = unwrap(node)
        if isinstance(node, Subquery):
            return self._subquery(node, steps)
        matrix = cast("MatrixSelector", node)
        selector = matrix.selector
        ends_ms = self.query.reference(selector.shift, steps)
        range_ms = self.query.length_ms(matrix.range)
        starts_ms = ends_ms - range_ms
        low_ms, high_ms = int(starts_ms[0]) - reach_ms, int(ends_ms[-1]) + reach_ms
        parts = self.selection.read(
            selector, low_ms + 1, high_ms, steps, range_ms=range_ms, starts=starts
        )
        one_name = has_one_name(selector.matchers)
        count = None if self._counter is None else self._counter.count_windows
        return RangeVector(parts, starts_ms, ends_ms, steps, one_name, None, count)

    def _subquery(self, node: Subquery, steps: Steps) -> RangeVector:
        ends_ms = self.query.reference(node.shift, steps)
        range_ms = self.query.length_ms(node.range)
        step_ms = self.options.default_step_ms
        if node.step is not None:
            step_ms = self.query.length_ms(node.step)
        step_ms = max(1, step_ms)
        # Check the limit before the inner steps are allocated.
        self.guard.hold((int(ends_ms[-1] - ends_ms[0]) + range_ms) // step_ms)
        times = inner_steps(ends_ms, range_ms, step_ms)
        starts_ms = ends_ms - range_ms
        if not times.count:
            return RangeVector((), starts_ms, ends_ms, steps, one_name=True)
        # Statistics count a subquery's results in the range, not the samples behind them.
        counter, self._counter = self._counter, None
        inner = self.visible(self.vector(node.expression, times))
        self._counter = counter
        count = None if counter is None else counter.count_windows
        parts = (as_series(inner, times),)
        one_name, drop_name = inner.one_name, inner.drop_name
        return RangeVector(parts, starts_ms, ends_ms, steps, one_name, drop_name, count)

    # Evaluation in blocks of series.

    def blocks(self, node: Expression, steps: Steps) -> Iterator[StepMatrix]:
        """Yield an instant vector in blocks of series; in one block if it needs all series.

        Aggregations consume the blocks one at a time, so that not all series are in memory.
        """
        node = unwrap(node)
        if steps.count > 1 and id(node) in self._step_invariant:
            yield self.vector(node, steps)
            return
        streams = self._streams(node, steps)
        if streams is None:
            yield self.vector(node, steps)
            return
        if self.options.delayed_name_removal:
            yield from streams
            return
        # Series with different names may become equal when the names are dropped, so
        # they are checked together.
        apart: list[StepMatrix] = []
        for block in streams:
            if block.one_name or block.drop_name is None:
                yield block
            else:
                self.guard.hold(block.values.size)
                apart.append(block)
        yield from names_dropped(apart, steps.count)

    def _streams(self, node: Expression, steps: Steps) -> Iterator[StepMatrix] | None:
        match node:
            case VectorSelector():
                return (each.vector for each in self._selected_blocks(node, steps))
            case Call():
                return table.blocks(self, node, steps)
            case BinaryOperation() if node.matching is None and node.operator not in TRIMS:
                return self._scalar_blocks(node, steps)
            case _:
                return None

    def _scalar_blocks(self, node: BinaryOperation, steps: Steps) -> Iterator[StepMatrix]:
        swapped = node.left.type is ValueType.SCALAR
        vector, other = (node.right, node.left) if swapped else (node.left, node.right)
        scalar = self.scalar(other, steps)
        for block in self.blocks(vector, steps):
            yield with_scalar(
                node.operator, block, scalar, swapped=swapped, returns_bool=node.returns_bool
            )

    def matrix(self, node: Expression, steps: Steps) -> AlignedSeries:
        """Return the samples of a range vector; the query has one step."""
        return self.range_vector(node, steps).samples(self.guard.check)

    # Operators.

    def _unary(self, node: UnaryOperation, steps: Steps) -> Value:
        value = self.evaluate(node.expression, steps)
        if node.operator == "+" or isinstance(value, str):
            return value
        if isinstance(value, StepMatrix):
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
        """Annotate every φ that is below 0, above 1 or NaN."""
        outside = value[~((value >= 0) & (value <= 1))]
        for each in distinct(outside).tolist():
            self.annotations.quantile_out_of_range(each, node.start)

    # Aggregations, calls and literals.

    def _aggregation(self, node: Aggregation, steps: Steps) -> StepMatrix:
        return aggregated(self, node, steps)

    def _call(self, node: Call, steps: Steps) -> Value:
        return table.call(self, node, steps)

    def _number(self, node: NumberLiteral, _steps: Steps) -> Scalars:
        return np.array([node.value])

    def _string(self, node: StringLiteral, _steps: Steps) -> str:
        return node.value

    def _never(self, node: Expression, _steps: Steps) -> Value:
        raise AssertionError(f"{type(node).__name__} is unwrapped before it is evaluated")

    # Functions, not bound methods: those would form a reference cycle, which keeps a
    # query's samples alive until the next garbage collection.
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
    """Repeat the value of one step for `count` steps."""
    if not isinstance(value, StepMatrix):
        return value
    shape = (len(value), count)
    return value.with_values(
        np.broadcast_to(value.values, shape), np.broadcast_to(value.present, shape)
    )
