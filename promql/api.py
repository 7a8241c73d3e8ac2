"""The contract of a query engine, local or remote: its requests, answers and errors.

The answers have the shapes of the Prometheus HTTP API: a scalar, a string, an instant
vector or a matrix, with annotations. A matrix is an `AlignedSeries`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from model.matchers import Matcher
from model.memory_pressure import MemoryLimitError
from model.metadata import MetricMetadata
from model.series import AlignedSeries


class PromQLError(Exception):
    """Base of every error that this package raises on purpose."""


class ParseError(PromQLError):
    """The text is not PromQL; `start` and `end` are offsets in characters.

    The message is Prometheus's, with line and column: `1:5: parse error: …`.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start, self.end = start, end


class EvaluationError(PromQLError):
    """The query is valid but cannot be evaluated, for example by many-to-many matching."""


class ExpressionTypeError(EvaluationError):
    """The expression of a range query yields neither scalars nor instant vectors."""


class QueryRangeError(EvaluationError):
    """The end or the step of a range query is invalid; `parameter` is "end" or "step"."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class TooManyStepsError(QueryRangeError):
    """A range query has more steps than the limit allows."""


class TooManySamplesError(EvaluationError):
    """The query would hold more samples in memory than the limit allows."""


class TooManyBytesError(EvaluationError):
    """The query would make more label bytes, or a larger result, than the limit allows."""


class QueryMemoryError(MemoryLimitError, PromQLError):
    """The query is too large while the process is near its memory limit."""


class QueryTimeoutError(PromQLError):
    """The query took longer than its time-out."""


class QueryCanceledError(PromQLError):
    """The query was stopped, because its client has gone or the engine was closed."""


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """The limits of one query; None is the engine's default.

    Attributes:
        timeout_s: the evaluation stops after this time; the engine's limit is the maximum.
        lookback_ms: how far back an instant selector looks for a sample.
        max_samples: how many samples may be in memory at once.
        statistics: count the samples of each step, for `Answer.statistics`.
        urgent: evaluate before all queries that are not urgent: rules and host checks keep
            their cadence beside any number of dashboards.
    """

    timeout_s: float | None = None
    lookback_ms: int | None = None
    max_samples: int | None = None
    statistics: bool = False
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number without labels."""

    time_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class String:
    """The value of a string literal."""

    time_ms: int
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class InstantVector:
    """One value for each series at one time: N `labels`, and `values` of shape (N,)."""

    time_ms: int
    labels: tuple[Labels, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Annotations:
    """Warnings and infos about a query that succeeded, in Prometheus's words."""

    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class QueryStatistics:
    """The cost of a query.

    Attributes:
        queue_s: time spent waiting for a thread.
        preparation_s: time spent parsing.
        evaluation_s: time spent reading and computing.
        sort_s: time spent sorting the result.
        peak_samples: the largest number of samples in memory.
        step_samples: shape (S,), int64, the samples evaluated for each step: one a series
            for an instant selector, those in the range for a range selector, and the
            inner results in the range for a subquery.
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
    """The result of a query.

    Attributes:
        value: a matrix (`AlignedSeries`) for a range query; the value of the expression
            for an instant query.
        annotations: warnings and infos.
        samples: how many samples were read.
        statistics: the cost, if `QueryOptions.statistics` asked for it.
    """

    value: Scalar | String | InstantVector | AlignedSeries
    annotations: Annotations = field(default_factory=Annotations)
    samples: int = 0
    statistics: QueryStatistics | None = None


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One exemplar: a sample with labels of its own, such as a trace id."""

    labels: Labels
    value: float
    time_ms: int


@dataclass(frozen=True, slots=True)
class ExemplarSeries:
    """The exemplars of one series."""

    labels: Labels
    exemplars: tuple[Exemplar, ...]


@dataclass(frozen=True, slots=True, eq=False)
class BatchOutcome:
    """The outcome of one query of a batch.

    Attributes:
        result: the answer, or the error that the query raised.
        duration_s: how long its evaluation took.
    """

    result: Answer | Exception
    duration_s: float = 0.0

    def answer(self) -> Answer:
        """Return the answer.

        Raises:
            PromQLError: the query failed.
        """
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


MetadataByMetric = Mapping[str, Collection[MetricMetadata]]
"""The metadata of metrics by name; several for a metric whose targets disagree."""

Selectors = Sequence[Sequence[Matcher]]
"""Series selectors. A series matches if it satisfies all matchers of any selector."""


class QueryEngine(Protocol):
    """Answers PromQL and lists series. Cancelling a call stops its work.

    Times are Unix milliseconds, and ranges include both ends.
    """

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        """Evaluate a query at one time.

        Raises:
            PromQLError: ParseError, EvaluationError, QueryTimeoutError, …
        """

    async def instant_batch(
        self, queries: Sequence[str], time_ms: int, options: QueryOptions | None = None
    ) -> list[BatchOutcome]:
        """Evaluate queries at one time, one after the other in one thread.

        Returns:
            The outcomes of the first queries, in order and at least one. A batch that takes
            long, or whose results are large, ends early; ask for the other queries again.
        """

    async def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        """Evaluate a query at `start_ms`, `start_ms + step_ms`, … up to `end_ms`.

        Raises:
            QueryRangeError: end or step are invalid, or there are too many steps.
            PromQLError: as `instant`.
        """

    async def series(
        self, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """Return the label sets of matching series, sorted; limit 0 returns all."""

    async def label_names(
        self, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """Return the label names of matching series, sorted; no selector matches all."""

    async def label_values(
        self, name: str, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """Return the values of one label of matching series; no selector matches all."""

    async def metadata(self, metric: str = "") -> MetadataByMetric:
        """Return type, help and unit of one metric, or of all metrics, by name."""

    async def exemplars(self, query: str, start_ms: int, end_ms: int) -> list[ExemplarSeries]:
        """Return the exemplars of the series that a query selects.

        Raises:
            ParseError: the query is not PromQL.
        """

    async def close(self) -> None:
        """Stop running queries and release all resources."""
