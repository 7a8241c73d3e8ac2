"""The query engine over a local sample store.

Queries run in threads of their own, quick ones on the event loop
(`promql.running.dispatch`). A cancelled call or a time-out stops the evaluation at the next
node, block or chunk.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.labels import Labels
from promql.api import (
    Answer,
    ExemplarSeries,
    ExpressionTypeError,
    MetadataByMetric,
    QueryOptions,
    Selectors,
)
from promql.evaluation.annotations import AnnotationCollector
from promql.evaluation.context import EvaluationOptions
from promql.evaluation.evaluator import Evaluator
from promql.evaluation.results import instant_result, ordered, range_result
from promql.evaluation.selection import Selection
from promql.evaluation.statistics import QueryMeasurement
from promql.evaluation.timing import QueryRange
from promql.running.dispatch import Dispatcher
from promql.running.guard import Guard
from promql.syntax.nodes import ValueType
from promql.syntax.parsed_queries import ParsedQueries, ParsedQuery
from promql.syntax.parser import parse
from storage.api.samples import SampleReader


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The limits and options of the engine.

    Attributes:
        timeout_s: the longest time of a query, waiting for a thread included.
        lookback_ms: how far back an instant selector looks for a sample.
        max_samples: how many samples a query may hold in memory at once.
        threads: how many queries run at the same time; others wait.
        default_step_ms: the step of a subquery that gives none.
        delayed_name_removal: see `promql.evaluation.context.EvaluationOptions`.
    """

    timeout_s: float = 120.0
    lookback_ms: int = 300_000
    max_samples: int = 50_000_000
    threads: int = 4
    default_step_ms: int = 60_000
    delayed_name_removal: bool = False


def _no_metadata() -> MetadataByMetric:
    return {}


class LocalEngine:
    """Implements `promql.api.QueryEngine` over a sample store.

    Args:
        reader: the sample store.
        settings: limits and options.
        monotonic: a clock in seconds, for time-outs and statistics.
        on_busy: see `promql.running.dispatch.Dispatcher`.
        metadata: returns the metadata of all metrics; called on the event loop.
    """

    def __init__(
        self,
        reader: SampleReader,
        settings: EngineSettings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        on_busy: Callable[[bool], None] = lambda _: None,
        metadata: Callable[[], MetadataByMetric] = _no_metadata,
    ) -> None:
        self._reader = reader
        self._settings = settings or EngineSettings()
        self._monotonic = monotonic
        self._metadata = metadata
        self._parsed = ParsedQueries()
        self._dispatcher = Dispatcher(self._settings.threads, on_busy=on_busy)

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        """Evaluate at one time; see `QueryEngine.instant`."""
        return await self._dispatcher.run(
            query,
            1,
            self._guard(options),
            lambda guard: self._answer_instant(query, time_ms, options, guard),
            urgent=options is not None and options.urgent,
        )

    async def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        """Evaluate at each step; see `QueryEngine.range`."""
        requested = QueryRange.checked(start_ms, end_ms, step_ms)
        return await self._dispatcher.run(
            query,
            requested.step_count,
            self._guard(options),
            lambda guard: self._answer_range(query, requested, options, guard),
            urgent=options is not None and options.urgent,
        )

    async def series(
        self, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        """Return matching label sets; see `QueryEngine.series`."""
        return await asyncio.to_thread(self._reader.series, selectors, start_ms, end_ms, limit)

    async def label_names(
        self, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """Return label names; see `QueryEngine.label_names`."""
        return await asyncio.to_thread(self._reader.label_names, selectors, start_ms, end_ms, limit)

    async def label_values(
        self, name: str, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        """Return the values of a label; see `QueryEngine.label_values`."""
        return await asyncio.to_thread(
            self._reader.label_values, name, selectors, start_ms, end_ms, limit
        )

    async def metadata(self, metric: str = "") -> MetadataByMetric:
        """Return the metadata of metrics; see `QueryEngine.metadata`."""
        known = self._metadata()
        return {metric: known.get(metric, ())} if metric else known

    async def exemplars(self, query: str, start_ms: int, end_ms: int) -> list[ExemplarSeries]:
        """Return no exemplars, because the store keeps none; see `QueryEngine.exemplars`."""
        parse(query)
        return []

    async def close(self) -> None:
        """Stop running queries, drop waiting ones and end the threads."""
        await asyncio.to_thread(self.close_blocking)

    # Blocking variants, for callers that run in a thread.

    def instant_blocking(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        """Evaluate at one time on this thread."""
        return self._answer_instant(query, time_ms, options, self._guard(options))

    def range_blocking(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        """Evaluate at each step on this thread."""
        requested = QueryRange.checked(start_ms, end_ms, step_ms)
        return self._answer_range(query, requested, options, self._guard(options))

    def close_blocking(self) -> None:
        """Stop running queries, drop waiting ones and wait for the threads to end."""
        self._dispatcher.close()

    def _guard(self, options: QueryOptions | None) -> Guard:
        settings, options = self._settings, options or QueryOptions()
        timeout_s = settings.timeout_s
        if options.timeout_s is not None:
            timeout_s = min(options.timeout_s, timeout_s)
        limit = settings.max_samples if options.max_samples is None else options.max_samples
        return Guard(timeout_s, limit, self._monotonic)

    def _answer_instant(
        self, query: str, time_ms: int, options: QueryOptions | None, guard: Guard
    ) -> Answer:
        measurement = QueryMeasurement(guard, self._monotonic)
        parsed = self._parsed.get(query)
        requested = QueryRange(time_ms, time_ms, 0)
        requested.check_times()
        evaluator = self._evaluator(query, parsed, requested, options, measurement)
        steps = requested.steps()
        with np.errstate(all="ignore"):
            if parsed.tree.type is ValueType.MATRIX:
                samples = ordered(evaluator.matrix(parsed.tree, steps))
                measurement.evaluated()
                return measurement.answer(samples, evaluator.annotations.collected())
            value = instant_result(evaluator.evaluate(parsed.tree, steps), time_ms)
        measurement.evaluated()
        return measurement.answer(value, evaluator.annotations.collected())

    def _answer_range(
        self, query: str, requested: QueryRange, options: QueryOptions | None, guard: Guard
    ) -> Answer:
        measurement = QueryMeasurement(guard, self._monotonic)
        parsed = self._parsed.get(query)
        if parsed.tree.type not in (ValueType.VECTOR, ValueType.SCALAR):
            raise ExpressionTypeError(
                f'invalid expression type "{parsed.tree.type.documented}" for range query,'
                " must be Scalar or instant Vector"
            )
        evaluator = self._evaluator(query, parsed, requested, options, measurement)
        steps = requested.steps()
        with np.errstate(all="ignore"):
            found = evaluator.evaluate(parsed.tree, steps)
            measurement.evaluated()
            value = range_result(found, steps.times_ms)
        return measurement.answer(value, evaluator.annotations.collected())

    def _evaluator(
        self,
        query: str,
        parsed: ParsedQuery,
        requested: QueryRange,
        options: QueryOptions | None,
        measurement: QueryMeasurement,
    ) -> Evaluator:
        settings = self._settings
        lookback_ms = settings.lookback_ms
        if options is not None and options.lookback_ms is not None:
            lookback_ms = options.lookback_ms
        if options is not None and options.statistics:
            measurement.count(requested.steps())
        measurement.prepared()
        return Evaluator(
            Selection(self._reader, measurement.guard, parsed.repeated, parsed.uses),
            measurement.guard,
            AnnotationCollector(query),
            requested,
            EvaluationOptions(lookback_ms, settings.default_step_ms, settings.delayed_name_removal),
            parsed.step_invariant,
            measurement.counter,
        )
