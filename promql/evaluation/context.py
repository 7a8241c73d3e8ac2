"""The protocol between the evaluator and the handlers of function calls.

A call evaluates its arguments, and arguments contain calls. Both sides depend on this
protocol, so that neither imports the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from promql.evaluation.annotations import AnnotationCollector
from promql.evaluation.instant_selection import InstantSelection
from promql.evaluation.ranges import RangeVector
from promql.evaluation.selection import Selection
from promql.evaluation.timing import QueryRange
from promql.kernels.arrays import Scalars
from promql.kernels.step_matrix import StepMatrix, Value
from promql.kernels.steps import Steps
from promql.running.guard import Guard
from promql.syntax.nodes import Call, Expression, VectorSelector


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """The settings that change the result of a query.

    Attributes:
        lookback_ms: how far back an instant selector looks for a sample.
        default_step_ms: the step of a subquery that gives none.
        delayed_name_removal: keep the metric name visible to label functions and groupings
            until the end of the query (Prometheus's feature flag
            `promql-delayed-name-removal`).
    """

    lookback_ms: int
    default_step_ms: int
    delayed_name_removal: bool


class Evaluation(Protocol):
    """The evaluation of one query; implemented by `promql.evaluation.evaluator.Evaluator`."""

    @property
    def selection(self) -> Selection:
        """Reads the query's samples."""

    @property
    def guard(self) -> Guard:
        """The query's limits."""

    @property
    def annotations(self) -> AnnotationCollector:
        """Collects the query's annotations."""

    @property
    def query(self) -> QueryRange:
        """The start, end and step of the query."""

    @property
    def options(self) -> EvaluationOptions:
        """The settings that change the result."""

    def vector(self, node: Expression, steps: Steps) -> StepMatrix:
        """Evaluate an instant vector."""

    def scalar(self, node: Expression, steps: Steps) -> Scalars:
        """Evaluate a scalar: shape (S,) or (1,)."""

    def string(self, node: Expression) -> str:
        """Return a string literal's value."""

    def visible(self, vector: StepMatrix) -> StepMatrix:
        """Return the vector as label functions see it: without dropped metric names."""

    def blocks(self, node: Expression, steps: Steps) -> Iterator[StepMatrix]:
        """Yield an instant vector in blocks of series; in one block if it needs all series."""

    def instant_selection(
        self, node: VectorSelector, steps: Steps, *, starts: bool = False
    ) -> InstantSelection:
        """Evaluate an instant selector, with its samples' times and, if asked, start times."""

    def range_vector(
        self, node: Expression, steps: Steps, reach_ms: int = 0, *, starts: bool = False
    ) -> RangeVector:
        """Evaluate a range selector or subquery."""

    def quantile_in_range(self, value: Scalars, node: Expression) -> None:
        """Annotate every φ that is below 0, above 1 or NaN."""


CallHandler = Callable[[Evaluation, Call, Steps], Value]
"""Evaluates a function call."""

CallStream = Callable[[Evaluation, Call, Steps], Iterator[StepMatrix]]
"""Evaluates a function call in blocks of series."""
