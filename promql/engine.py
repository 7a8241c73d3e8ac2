"""The query engine over a local sample store.

Queries run in threads of their own, quick ones where they are asked for
(`promql.running.dispatch`); a cancelled call or a time-out makes the thread stop at the next
node, block or chunk.
"""

import heapq
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.labels import Labels
from model.matchers import Matcher
from model.series import ABSENT_BITS, AlignedSeries
from promql.api import (
    Answer,
    EvaluationError,
    ExpressionTypeError,
    InstantVector,
    QueryOptions,
    Scalar,
    String,
)
from promql.evaluation.annotations import AnnotationCollector
from promql.evaluation.context import EvaluationOptions
from promql.evaluation.evaluator import Evaluator
from promql.evaluation.selection import Selection
from promql.evaluation.statistics import QueryMeasurement
from promql.evaluation.timing import QueryRange
from promql.kernels.step_matrix import StepMatrix, Value, any_series
from promql.running.dispatch import Dispatcher
from promql.running.guard import Guard
from promql.syntax.nodes import Expression, ValueType, VectorSelector, walk
from promql.syntax.parser import parse
from promql.syntax.pinning import pinned
from promql.syntax.uses import SelectorUse, selector_uses
from storage.api.samples import SampleReader

MAX_STEPS: Final = 11_000
"""Points of one series in one answer; Prometheus's own limit."""
_PARSED_QUERIES: Final = 1_000


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Limits and choices of the engine.

    Attributes:
        timeout_s: evaluation stops after this time, waiting for a thread included.
        lookback_ms: how far back an instant selector looks for a sample.
        max_samples: samples that one query may hold in memory at once.
        threads: queries that run at the same time, others wait.
        default_step_ms: the step of a subquery that gives none.
        delayed_name_removal: see `promql.evaluation.context.EvaluationOptions`.
    """

    timeout_s: float = 120.0
    lookback_ms: int = 300_000
    max_samples: int = 50_000_000
    threads: int = 4
    default_step_ms: int = 60_000
    delayed_name_removal: bool = False


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query's syntax tree, and what is worth knowing before it is evaluated.

    Attributes:
        tree: the syntax tree.
        pinned: ids of the nodes that yield the same at all steps.
        repeated: the conditions of selectors that occur more than once.
        uses: the uses of all selectors, by the id of the selector's node.
    """

    tree: Expression
    pinned: frozenset[int]
    repeated: frozenset[tuple[Matcher, ...]]
    uses: Mapping[int, SelectorUse]

    @classmethod
    def of(cls, query: str) -> "ParsedQuery":
        """Parse a query.

        Raises:
            ParseError: it is no PromQL.
        """
        tree = parse(query)
        read = Counter(node.matchers for node in walk(tree) if isinstance(node, VectorSelector))
        repeated = frozenset(matchers for matchers, count in read.items() if count > 1)
        return cls(tree, pinned(tree), repeated, selector_uses(tree))


class ParsedQueries:
    """Remembers the queries used last; thread-safe."""

    def __init__(self, size: int = _PARSED_QUERIES) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._queries: OrderedDict[str, ParsedQuery] = OrderedDict()

    def get(self, query: str) -> ParsedQuery:
        """Return a query, parsed.

        Raises:
            ParseError: it is no PromQL.
        """
        with self._lock:
            found = self._queries.get(query)
            if found is not None:
                self._queries.move_to_end(query)
                return found
        parsed = ParsedQuery.of(query)
        with self._lock:
            self._queries[query] = parsed
            if len(self._queries) > self._size:
                self._queries.popitem(last=False)
        return parsed


class LocalEngine:
    """Implements `promql.api.QueryEngine` over a `SampleReader`; `share`: see `Dispatcher`."""

    def __init__(
        self,
        reader: SampleReader,
        settings: EngineSettings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        share: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._settings = settings or EngineSettings()
        self._monotonic = monotonic
        self._parsed = ParsedQueries()
        self._dispatcher = Dispatcher(self._settings.threads, share=share)

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        """Evaluate at one time; see `QueryEngine.instant`."""
        return await self._dispatcher.run(
            query,
            1,
            self._guard(options),
            lambda guard: self._answer_instant(query, time_ms, options, guard),
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
        return await self._dispatcher.run(
            query,
            (end_ms - start_ms) // max(step_ms, 1) + 1,
            self._guard(options),
            lambda guard: self._answer_range(query, start_ms, end_ms, step_ms, options, guard),
        )

    def close(self) -> None:
        """Stop running queries, drop waiting ones and end the threads; blocks."""
        self._dispatcher.close()

    # Blocking twins, for tests and for who is on a thread already.

    def instant_blocking(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        """Evaluate at one time, on this thread."""
        return self._answer_instant(query, time_ms, options, self._guard(options))

    def range_blocking(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        """Evaluate at each step, on this thread."""
        guard = self._guard(options)
        return self._answer_range(query, start_ms, end_ms, step_ms, options, guard)

    def _guard(self, options: QueryOptions | None) -> Guard:
        settings, options = self._settings, options or QueryOptions()
        timeout_s = settings.timeout_s if options.timeout_s is None else options.timeout_s
        limit = settings.max_samples if options.max_samples is None else options.max_samples
        return Guard(timeout_s, limit, self._monotonic)

    def _answer_instant(
        self, query: str, time_ms: int, options: QueryOptions | None, guard: Guard
    ) -> Answer:
        run = QueryMeasurement(guard, self._monotonic)
        parsed = self._parsed.get(query)
        asked = QueryRange(time_ms, time_ms, 0)
        asked.check()
        evaluator = self._evaluator(query, parsed, asked, options, run)
        with np.errstate(all="ignore"):
            value = _instant_value(evaluator, parsed.tree, asked)
        run.evaluated()
        return run.answer(value, evaluator.annotations.collected())

    def _answer_range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None,
        guard: Guard,
    ) -> Answer:
        run = QueryMeasurement(guard, self._monotonic)
        parsed = self._parsed.get(query)
        asked = QueryRange(start_ms, end_ms, step_ms)
        _check_range(parsed.tree, asked)
        evaluator = self._evaluator(query, parsed, asked, options, run)
        steps = asked.steps()
        with np.errstate(all="ignore"):
            found = evaluator.evaluate(parsed.tree, steps)
            run.evaluated()
            value = _over_steps(found, steps.times_ms)
        return run.answer(value, evaluator.annotations.collected())

    def _evaluator(
        self,
        query: str,
        parsed: ParsedQuery,
        asked: QueryRange,
        options: QueryOptions | None,
        run: QueryMeasurement,
    ) -> Evaluator:
        settings = self._settings
        lookback_ms = settings.lookback_ms
        if options is not None and options.lookback_ms is not None:
            lookback_ms = options.lookback_ms
        rules = EvaluationOptions(
            lookback_ms, settings.default_step_ms, settings.delayed_name_removal
        )
        selection = Selection(self._reader, run.guard, parsed.repeated, parsed.uses)
        if options is not None and options.statistics:
            run.count(asked.steps())
        notes = AnnotationCollector(query)
        run.prepared()
        return Evaluator(selection, run.guard, notes, asked, rules, parsed.pinned, run.counter)


def _check_range(tree: Expression, asked: QueryRange) -> None:
    """Refuse what no range query can answer.

    Raises:
        EvaluationError: type, times or step are not such.
    """
    if tree.type not in (ValueType.VECTOR, ValueType.SCALAR):
        raise ExpressionTypeError(
            f'invalid expression type "{tree.type.documented}" for range query,'
            " must be Scalar or instant Vector"
        )
    asked.check()
    if asked.step_ms <= 0:
        raise EvaluationError("zero or negative query resolution step widths are not accepted")
    if asked.end_ms < asked.start_ms:
        raise EvaluationError("end timestamp must not be before start time")
    if (asked.end_ms - asked.start_ms) // asked.step_ms > MAX_STEPS:
        raise EvaluationError(
            f"exceeded maximum resolution of {MAX_STEPS:,} points per timeseries."
            " Try decreasing the query resolution (?step=XX)"
        )


def _instant_value(
    evaluator: Evaluator, tree: Expression, asked: QueryRange
) -> Scalar | String | InstantVector | AlignedSeries:
    if tree.type is ValueType.MATRIX:
        return evaluator.matrix(tree, asked.steps())
    return _at_one_time(evaluator.evaluate(tree, asked.steps()), asked.start_ms)


def _at_one_time(value: Value, time_ms: int) -> Scalar | String | InstantVector:
    if isinstance(value, str):
        return String(time_ms, value)
    if not isinstance(value, StepMatrix):
        return Scalar(time_ms, float(value[0]))
    vector = value.without_names().occupied()
    return InstantVector(time_ms, tuple(vector.labels), np.ascontiguousarray(vector.values[:, 0]))


def _over_steps(
    value: Value, times_ms: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> AlignedSeries:
    """Return a range query's matrix, sorted by labels, from the first sample to the last."""
    if not isinstance(value, StepMatrix):
        row = np.broadcast_to(value, (1, len(times_ms))).astype(np.float64)
        return AlignedSeries.of_source([Labels()], times_ms, row)
    vector = value.without_names()
    if not vector.present.all():
        vector = vector.occupied()
        # Most gaps are at the ends: a range begins before a window holds enough samples.
        seen = np.flatnonzero(any_series(vector.present))
        ends = slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0)
        vector, times_ms = vector.columns(ends), times_ms[ends]
    order = _by_labels(vector.labels)
    if order != list(range(len(order))):
        vector = vector.take(np.array(order, dtype=np.intp))
    values, present = vector.values, vector.present
    if not present.all():
        values = values.copy()
        # Written through integers: a signalling NaN must not pass through arithmetic.
        np.copyto(values.view(np.uint64), np.uint64(ABSENT_BITS), where=~present)
    return AlignedSeries.of_source(vector.labels, times_ms, values)


# Sorted in one call, a million label sets hold the interpreter's lock for seconds.
_SORTED_AT_ONCE: Final = 20_000


def _by_labels(labels: Sequence[Labels]) -> list[int]:
    """Return the places of label sets in order."""
    runs = [
        sorted(range(start, min(start + _SORTED_AT_ONCE, len(labels))), key=labels.__getitem__)
        for start in range(0, len(labels), _SORTED_AT_ONCE)
    ]
    return runs[0] if len(runs) == 1 else list(heapq.merge(*runs, key=labels.__getitem__))
