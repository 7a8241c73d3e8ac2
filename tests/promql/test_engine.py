"""The engine's contract: shapes of answers, limits, cancelling, closing."""

import asyncio
import gc
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from model.labels import Labels
from model.limits import LimitName, Refusals
from model.matchers import Matcher
from model.series import AlignedSeries, is_absent
from promql.api import (
    BatchOutcome,
    EvaluationError,
    InstantVector,
    ParseError,
    QueryCanceledError,
    QueryEngine,
    QueryOptions,
    QueryTimeoutError,
    Scalar,
    String,
    TooManySamplesError,
)
from promql.engine import EngineSettings, LocalEngine
from promql.evaluation.evaluator import Evaluator
from promql.evaluation.selection import Selection
from storage.api.samples import ReadBudget, SelectHints
from tests.promqltest.store import MemoryStore

MakeEngine = Callable[..., LocalEngine]


async def test_instant_query_yields_a_vector(make_engine: MakeEngine) -> None:
    engine: QueryEngine = make_engine('up{job="a"} 1 1', 'up{job="b"} 0 0')
    answer = await engine.instant("up == 0", 15_000)
    assert isinstance(answer.value, InstantVector)
    assert answer.value.labels == (Labels.of(__name__="up", job="b"),)
    assert answer.value.values.tolist() == [0.0]
    assert answer.samples > 0


async def test_range_query_yields_a_matrix_sorted_by_labels(make_engine: MakeEngine) -> None:
    engine = make_engine('x{a="2"} 1 2 3', 'x{a="1"} _ 5 _', interval_ms=600_000)
    answer = await engine.range("x", 0, 1_200_000, 600_000)
    matrix = answer.value
    assert isinstance(matrix, AlignedSeries)
    assert [labels.get("a") for labels in matrix.labels] == ["1", "2"]
    assert matrix.times_ms.tolist() == [[0, 600_000, 1_200_000]]
    assert is_absent(matrix.values).tolist() == [[True, False, True], [False] * 3]
    assert matrix.values[1].tolist() == [1.0, 2.0, 3.0]


async def test_a_matrix_begins_and_ends_with_a_sample(make_engine: MakeEngine) -> None:
    engine = make_engine('x{a="1"} _ 1 _ _ _', 'x{a="2"} _ _ _ 2 _', interval_ms=600_000)
    matrix = (await engine.range("x", 0, 2_400_000, 600_000)).value
    assert isinstance(matrix, AlignedSeries)
    assert matrix.times_ms.tolist() == [[600_000, 1_200_000, 1_800_000]]
    assert is_absent(matrix.values).tolist() == [[False, True, True], [True, True, False]]
    nothing = (await engine.range("x > 5", 0, 2_400_000, 600_000)).value
    assert isinstance(nothing, AlignedSeries)
    assert nothing.labels == ()


async def test_scalar_and_string(make_engine: MakeEngine) -> None:
    engine = make_engine()
    assert (await engine.instant("1 + 1", 5)).value == Scalar(5, 2.0)
    assert (await engine.instant('"a"', 5)).value == String(5, "a")
    matrix = (await engine.range("time()", 0, 2_000, 1_000)).value
    assert isinstance(matrix, AlignedSeries)
    assert matrix.labels == (Labels(),)
    assert matrix.values.tolist() == [[0.0, 1.0, 2.0]]


async def test_instant_query_of_a_range_selector_yields_its_samples(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine("x 1 2 3 4")
    matrix = (await engine.instant("x[30s]", 45_000)).value
    assert isinstance(matrix, AlignedSeries)
    assert matrix.times_ms.tolist() == [[30_000, 45_000]]
    assert matrix.values.tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize(
    "query",
    [
        "x",
        "-x * 2 + x",
        "sum by (a) (rate(x[1m])) / on (a) max by (a) (increase(x[1m]))",
        "topk(1, abs(x)) or absent(y)",
        "max_over_time(rate(x[1m])[1m:15s])",
        'label_replace(clamp(x, scalar(y), 5), "b", "$1", "a", "(.*)")',
    ],
)
def test_an_evaluation_is_freed_without_the_garbage_collector(
    query: str, make_engine: MakeEngine
) -> None:
    # The evaluator holds the samples, and garbage collections are rare in the server.
    engine = make_engine('x{a="1"} 1 2 3 4', 'x{a="2"} 4 3 2 1')
    gc.collect()
    gc.disable()
    try:
        engine.instant_blocking(query, 45_000)
        engine.range_blocking(query, 0, 45_000, 15_000)
        left = [one for one in gc.get_objects() if isinstance(one, Evaluator | Selection)]
    finally:
        gc.enable()
    assert left == []


async def test_parse_errors_pass_through(make_engine: MakeEngine) -> None:
    with pytest.raises(ParseError, match="1:5: parse error: unclosed left parenthesis"):
        await make_engine().instant("sum(", 0)


@pytest.mark.parametrize(
    ("query", "start", "end", "step", "message"),
    [
        ("x[5m]", 0, 10, 1, 'invalid expression type "range vector"'),
        ("x", 0, 10, 0, "zero or negative query resolution"),
        ("x", 10, 0, 1, "end timestamp must not be before start time"),
        ("x", 0, 11_001, 1, "exceeded maximum resolution of 11,000 points"),
    ],
)
async def test_invalid_ranges_are_rejected(
    make_engine: MakeEngine, query: str, start: int, end: int, step: int, message: str
) -> None:
    with pytest.raises(EvaluationError, match=message.replace("(", r"\(")):
        await make_engine().range(query, start, end, step)


async def test_too_many_samples_are_rejected(make_engine: MakeEngine) -> None:
    engine = make_engine("x 0+1x99", "y 0+1x99")
    await engine.range("x", 0, 1_000, 100, QueryOptions(max_samples=250))
    with pytest.raises(TooManySamplesError):
        await engine.instant("rate(x[1h])", 1_500_000, QueryOptions(max_samples=99))
    with pytest.raises(TooManySamplesError):
        await engine.range("x", 0, 100_000, 100, QueryOptions(max_samples=250))


async def test_lookback_is_an_option(make_engine: MakeEngine) -> None:
    engine = make_engine("x 1")
    found = (await engine.instant("x", 200_000)).value
    assert isinstance(found, InstantVector)
    assert len(found.labels) == 1
    lost = (await engine.instant("x", 200_000, QueryOptions(lookback_ms=60_000))).value
    assert isinstance(lost, InstantVector)
    assert len(lost.labels) == 0


class _Endless(MemoryStore):
    """A store whose reads end only if the budget stops them."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = threading.Event()
        self.stopped = threading.Event()

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        assert budget is not None
        self.reading.set()
        try:
            while True:
                budget.check()
        finally:
            self.stopped.set()


async def test_cancelling_stops_the_thread() -> None:
    store = _Endless()
    engine = LocalEngine(store)
    query = asyncio.ensure_future(engine.instant("up", 0))
    await asyncio.to_thread(store.reading.wait, 10)
    query.cancel()
    with pytest.raises(asyncio.CancelledError):
        await query
    assert await asyncio.to_thread(store.stopped.wait, 10)
    await engine.close()


async def test_time_out_stops_the_thread() -> None:
    store, refusals = _Endless(), Refusals()
    engine = LocalEngine(store, refusals=refusals)
    with pytest.raises(QueryTimeoutError, match="query timed out in expression evaluation"):
        await engine.instant("up", 0, QueryOptions(timeout_s=0.5))
    assert await asyncio.to_thread(store.stopped.wait, 10)
    await engine.close()
    assert refusals.totals()[LimitName.QUERY_TIME] == 1


async def test_options_cannot_exceed_the_time_limit_of_the_engine() -> None:
    engine = LocalEngine(_Endless(), EngineSettings(timeout_s=0.05))
    with pytest.raises(QueryTimeoutError):
        await engine.instant("up", 0, QueryOptions(timeout_s=60.0))
    await engine.close()


async def test_waiting_for_a_thread_counts_towards_the_time_out() -> None:
    store = _Endless()
    engine = LocalEngine(store, EngineSettings(threads=1))
    first = asyncio.ensure_future(engine.instant("up", 0))
    await asyncio.to_thread(store.reading.wait, 10)
    with pytest.raises(QueryTimeoutError):
        await engine.instant("1", 0, QueryOptions(timeout_s=0.05))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await engine.close()


async def test_closing_stops_running_and_waiting_queries() -> None:
    store = _Endless()
    engine = LocalEngine(store, EngineSettings(threads=1))
    running = asyncio.ensure_future(engine.instant("up", 0))
    await asyncio.to_thread(store.reading.wait, 10)
    waiting = asyncio.ensure_future(engine.instant("up", 0))
    await asyncio.sleep(0)
    await engine.close()
    for query in (running, waiting):
        with pytest.raises(QueryCanceledError):
            await query
    with pytest.raises(QueryCanceledError, match="closed"):
        await engine.instant("up", 0)


async def test_many_queries_at_once(make_engine: MakeEngine) -> None:
    engine = make_engine("x 0+1x99")
    answers = await asyncio.gather(
        *(engine.range(f"x + {number}", 0, 60_000, 15_000) for number in range(50))
    )
    for number, answer in enumerate(answers):
        assert isinstance(answer.value, AlignedSeries)
        assert answer.value.values[0, 0] == number


async def test_ordinary_nan_is_a_value(make_engine: MakeEngine) -> None:
    engine = make_engine("x NaN NaN")
    value = (await engine.instant("x + 1", 15_000)).value
    assert isinstance(value, InstantVector)
    assert np.isnan(value.values).tolist() == [True]


async def test_statistics_contain_the_cost_of_a_query(make_engine: MakeEngine) -> None:
    engine = make_engine("x 1 2 3 4", "y 1 _ _ 4")
    options = QueryOptions(statistics=True)
    answer = await engine.range("sum(rate(x[31s])) + y", 0, 45_000, 15_000, options)
    cost = answer.statistics
    assert cost is not None
    assert cost.step_samples.tolist() == [2, 3, 4, 4]
    assert cost.steps_ms.tolist() == [0, 15_000, 30_000, 45_000]
    assert cost.peak_samples > 4
    parts = (cost.queue_s, cost.preparation_s, cost.evaluation_s, cost.sort_s)
    assert min(parts) >= 0
    assert (await engine.instant("x", 0)).statistics is None


async def test_statistics_of_scalars_count_nothing(make_engine: MakeEngine) -> None:
    answer = await make_engine().instant("1 + 1", 5, QueryOptions(statistics=True))
    assert answer.statistics is not None
    assert answer.statistics.step_samples.tolist() == [0]


async def test_a_batch_answers_each_query_or_says_why_not(make_engine: MakeEngine) -> None:
    engine = make_engine()
    queries = ["1 + 1", "1 +", "vector(3)"]
    outcomes: list[BatchOutcome] = []
    while left := queries[len(outcomes) :]:
        outcomes += await engine.instant_batch(left, 1_000)
    assert outcomes[0].answer().value == Scalar(1_000, 2.0)
    with pytest.raises(ParseError):
        outcomes[1].answer()
    value = outcomes[2].answer().value
    assert isinstance(value, InstantVector)
    assert value.values.tolist() == [3.0]


async def test_a_batch_of_a_closed_engine_fails_for_each_query(make_engine: MakeEngine) -> None:
    engine = make_engine()
    await engine.close()
    for count in (1, 3):
        outcomes = await engine.instant_batch(["1"] * count, 1_000)
        assert [type(each.result) for each in outcomes] == [QueryCanceledError] * count
