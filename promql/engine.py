"""The query engine over a local sample store.

Queries run in threads of their own, quick ones on the event loop
(`promql.running.dispatch`). A cancelled call or a time-out stops the evaluation at the next
node, block or chunk.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.labels import Labels
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from promql.api import (
    Answer,
    BatchOutcome,
    ExemplarSeries,
    ExpressionTypeError,
    MetadataByMetric,
    PromQLError,
    QueryOptions,
    Selectors,
)
from promql.evaluation.annotations import AnnotationCollector
from promql.evaluation.context import EvaluationOptions
from promql.evaluation.evaluator import Evaluator
from promql.evaluation.result_size import result_bytes as size_of_result
from promql.evaluation.results import instant_result, ordered, range_result
from promql.evaluation.selection import Selection
from promql.evaluation.statistics import QueryMeasurement
from promql.evaluation.timing import QueryRange
from promql.kernels.interruption import InterruptedBy
from promql.running.batch import evaluate_batch
from promql.running.dispatch import Dispatcher
from promql.running.guard import Guard, QueryBudget
from promql.running.memory_share import affordable
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
        max_label_bytes: how many bytes of label values a query may make.
        max_result_bytes: how large the result of a query may be as JSON.
        threads: how many queries run at the same time; others wait.
        default_step_ms: the step of a subquery that gives none.
        delayed_name_removal: see `promql.evaluation.context.EvaluationOptions`.
    """

    timeout_s: float = 120.0
    lookback_ms: int = 300_000
    max_samples: int = 50_000_000
    max_label_bytes: int = 256 * 2**20
    max_result_bytes: int = 2 * 2**30
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
        refusals: counts the queries that a limit refuses.
        memory: near its limit, large queries are refused, except urgent ones.
    """

    def __init__(
        self,
        reader: SampleReader,
        settings: EngineSettings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        on_busy: Callable[[bool], None] = lambda _: None,
        metadata: Callable[[], MetadataByMetric] = _no_metadata,
        refusals: Refusals | None = None,
        memory: MemoryReading | None = None,
    ) -> None:
        self._reader = reader
        self._settings = settings or EngineSettings()
        self._monotonic = monotonic
        self._metadata = metadata
        self._refusals, self._memory = refusals or Refusals(), memory or MemoryReading()
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

    async def instant_batch(
        self, queries: Sequence[str], time_ms: int, options: QueryOptions | None = None
    ) -> list[BatchOutcome]:
        """Evaluate queries one after the other in one thread; see `QueryEngine.instant_batch`."""
        if len(queries) == 1:
            return [await self._outcome(queries[0], time_ms, options)]
        timeout_s = self._timeout_s(options)

        def answer(query: str, guard: Guard) -> Answer:
            return self._answer_instant(query, time_ms, options, guard)

        def evaluate(batch: Guard) -> list[BatchOutcome]:
            return evaluate_batch(queries, answer, batch, timeout_s)

        # As long in the queue as one query may wait, and then as long as one may take.
        guard = Guard(2 * timeout_s, self._budget(options), self._monotonic)
        urgent = options is not None and options.urgent
        try:
            return await self._dispatcher.run_in_thread(guard, evaluate, urgent=urgent)
        except PromQLError as exc:
            return [BatchOutcome(exc, self._monotonic() - guard.started)] * len(queries)

    async def _outcome(
        self, query: str, time_ms: int, options: QueryOptions | None
    ) -> BatchOutcome:
        begun_s = self._monotonic()
        try:
            result: Answer | Exception = await self.instant(query, time_ms, options)
        except Exception as exc:  # noqa: BLE001 - the outcome passes it on
            result = exc
        return BatchOutcome(result, self._monotonic() - begun_s)

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

    @property
    def busy(self) -> bool:
        """Whether queries run in threads or wait for one."""
        return self._dispatcher.busy

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
        return Guard(self._timeout_s(options), self._budget(options), self._monotonic)

    def _timeout_s(self, options: QueryOptions | None) -> float:
        longest_s = self._settings.timeout_s
        if options is None or options.timeout_s is None:
            return longest_s
        return min(options.timeout_s, longest_s)

    def _budget(self, options: QueryOptions | None) -> QueryBudget:
        settings, limit = self._settings, self._settings.max_samples
        if options is not None and options.max_samples is not None:
            limit = options.max_samples
        return QueryBudget(
            limit, settings.max_label_bytes, settings.max_result_bytes, self._refusals
        )

    def _begin(self, guard: Guard, options: QueryOptions | None) -> QueryMeasurement:
        """Limit a query that starts now to its share of the free memory."""
        memory = self._memory
        if memory.limit_bytes is not None and not (options is not None and options.urgent):
            now = MemoryReading(memory.limit_bytes, memory.current_bytes(), memory.pressure)
            share = affordable(now, self._settings.threads)
            guard.limit_to(guard.budget.lowered(*share, now))
        return QueryMeasurement(guard, self._monotonic)

    def _answer_instant(
        self, query: str, time_ms: int, options: QueryOptions | None, guard: Guard
    ) -> Answer:
        measurement = self._begin(guard, options)
        parsed = self._parsed.get(query)
        requested = QueryRange(time_ms, time_ms, 0)
        requested.check_times()
        evaluator = self._evaluator(query, parsed, requested, options, measurement)
        steps = requested.steps()
        with np.errstate(all="ignore"), InterruptedBy(guard):
            if parsed.tree.type is ValueType.MATRIX:
                samples = ordered(evaluator.matrix(parsed.tree, steps))
                guard.check_result(size_of_result(samples))
                measurement.evaluated()
                return measurement.answer(samples, evaluator.annotations.collected())
            value = instant_result(evaluator.evaluate(parsed.tree, steps), time_ms)
        guard.check_result(size_of_result(value))
        measurement.evaluated()
        return measurement.answer(value, evaluator.annotations.collected())

    def _answer_range(
        self, query: str, requested: QueryRange, options: QueryOptions | None, guard: Guard
    ) -> Answer:
        measurement = self._begin(guard, options)
        parsed = self._parsed.get(query)
        if parsed.tree.type not in (ValueType.VECTOR, ValueType.SCALAR):
            raise ExpressionTypeError(
                f'invalid expression type "{parsed.tree.type.documented}" for range query,'
                " must be Scalar or instant Vector"
            )
        evaluator = self._evaluator(query, parsed, requested, options, measurement)
        steps = requested.steps()
        with np.errstate(all="ignore"), InterruptedBy(guard):
            found = evaluator.evaluate(parsed.tree, steps)
            measurement.evaluated()
            value = range_result(found, steps.times_ms)
        guard.check_result(size_of_result(value))
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
