"""What a query engine answers, whether it runs here or elsewhere.

The shapes are those of the Prometheus HTTP API: a scalar, a string, an instant
vector or a matrix, with annotations. A matrix is an `AlignedSeries`.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.series import AlignedSeries


class PromQLError(Exception):
    """Base of every error this package raises on purpose."""


class ParseError(PromQLError):
    """The text is no PromQL; `start` and `end` are offsets in characters.

    The message is Prometheus's, with line and column: `1:5: parse error: …`.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start, self.end = start, end


class EvaluationError(PromQLError):
    """The query is well formed and cannot be answered (many-to-many matching, …)."""


class ExpressionTypeError(EvaluationError):
    """A range query of an expression that yields neither scalars nor instant vectors."""


class TooManySamplesError(EvaluationError):
    """The query would hold more samples in memory than the limit allows."""


class QueryTimeoutError(PromQLError):
    """The query took longer than its time-out."""


class QueryCanceledError(PromQLError):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """Limits of one query; None takes the engine's own.

    Attributes:
        timeout_s: evaluation stops after this time.
        lookback_ms: how far back an instant selector looks for a sample.
        max_samples: samples held in memory at once.
        statistics: whether samples are counted step by step, for `Answer.statistics`.
    """

    timeout_s: float | None = None
    lookback_ms: int | None = None
    max_samples: int | None = None
    statistics: bool = False


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number without labels."""

    time_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class String:
    """A string literal's value."""

    time_ms: int
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class InstantVector:
    """One value a series at one time: `labels` of length N, `values` of shape (N,)."""

    time_ms: int
    labels: tuple[Labels, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Annotations:
    """What the querier should know though the query succeeded, in Prometheus's words."""

    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class QueryStatistics:
    """What a query cost.

    Attributes:
        queue_s: waiting for a thread.
        preparation_s: parsing.
        evaluation_s: reading samples and computing.
        sort_s: putting the result in order.
        peak_samples: the most samples held in memory at once.
        step_samples: shape (S,), int64, the samples looked at for each step: one a
            series for an instant selector, those in the range for a range selector,
            a subquery's results in the range for a subquery.
        steps_ms: shape (S,), int64, the steps.
    """

    queue_s: float
    preparation_s: float
    evaluation_s: float
    sort_s: float
    peak_samples: int
    step_samples: NDArray[np.int64]
    steps_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A query's result.

    Attributes:
        value: for a range query always a matrix (`AlignedSeries`), for an instant
            query whatever the expression's type is.
        annotations: warnings and infos.
        samples: how many samples were read.
        statistics: what it cost, where `QueryOptions.statistics` asked for it.
    """

    value: Scalar | String | InstantVector | AlignedSeries
    annotations: Annotations = field(default_factory=Annotations)
    samples: int = 0
    statistics: QueryStatistics | None = None


class QueryEngine(Protocol):
    """Answers PromQL. Cancelling the call stops the work."""

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        """Evaluate at one time.

        Raises:
            PromQLError: ParseError, EvaluationError, QueryTimeoutError, …
        """

    async def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        """Evaluate at `start_ms`, `start_ms + step_ms`, … up to `end_ms` included.

        Raises:
            PromQLError: as `instant`.
        """
