"""What evaluating one node may ask of the evaluation that it is part of.

Function calls evaluate their arguments, and arguments hold function calls: each side
knows this protocol, neither knows the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from promql.evaluation.annotations import Notes
from promql.evaluation.ranges import RangeVector
from promql.evaluation.selection import Selection, Sighting
from promql.evaluation.timing import QueryRange
from promql.kernels.vectors import Scalars, Steps, Value, Vector
from promql.running.guard import Guard
from promql.syntax.nodes import Call, Expression, VectorSelector


@dataclass(frozen=True, slots=True)
class Rules:
    """How to evaluate where Prometheus leaves a choice.

    Attributes:
        lookback_ms: how far back an instant selector looks for a sample.
        default_step_ms: a subquery's step where it gives none.
        delayed_name_removal: whether the metric name stays visible to label functions
            and groupings until the very end (Prometheus's feature flag
            `promql-delayed-name-removal`).
    """

    lookback_ms: int
    default_step_ms: int
    delayed_name_removal: bool


class Evaluation(Protocol):
    """One query under evaluation; see `promql.evaluation.evaluator.Evaluator`."""

    @property
    def selection(self) -> Selection:
        """Reads samples."""

    @property
    def guard(self) -> Guard:
        """The query's limits."""

    @property
    def notes(self) -> Notes:
        """Takes annotations."""

    @property
    def query(self) -> QueryRange:
        """What was asked for."""

    @property
    def rules(self) -> Rules:
        """Choices."""

    def vector(self, node: Expression, steps: Steps) -> Vector:
        """Evaluate an instant vector."""

    def scalar(self, node: Expression, steps: Steps) -> Scalars:
        """Evaluate a scalar: shape (S,) or (1,)."""

    def string(self, node: Expression) -> str:
        """Return a string literal's value."""

    def visible(self, vector: Vector) -> Vector:
        """Return the vector as label functions see it: names gone, unless that is delayed."""

    def blocks(self, node: Expression, steps: Steps) -> Iterator[Vector]:
        """Yield an instant vector in blocks of series, where it can be computed so."""

    def sighting(self, node: VectorSelector, steps: Steps, *, starts: bool = False) -> Sighting:
        """Evaluate an instant selector; also when its samples were taken, and `starts`."""

    def range_vector(
        self, node: Expression, steps: Steps, reach_ms: int = 0, *, starts: bool = False
    ) -> RangeVector:
        """Evaluate a range selector or subquery."""

    def quantile_in_range(self, value: Scalars, node: Expression) -> None:
        """Annotate a φ below 0, above 1 or NaN."""


CallHandler = Callable[[Evaluation, Call, Steps], Value]
"""Evaluates the calls of some functions."""

CallStream = Callable[[Evaluation, Call, Steps], Iterator[Vector]]
"""Evaluates the calls of some functions in blocks of series."""
