"""The engine passes the store hints on how it uses the series of each selector."""

import asyncio
from collections.abc import Sequence

import pytest

from model.matchers import Matcher
from model.series import AlignedSeries
from promql.engine import LocalEngine
from storage.api.samples import ReadBudget, SelectHints
from tests.promqltest.store import MemoryStore


class _RecordingStore(MemoryStore):
    """An empty store that records the hints of each select."""

    def __init__(self) -> None:
        super().__init__()
        self.hints: list[SelectHints | None] = []

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
        self.hints.append(hints)
        return super().select(matchers, start_ms, end_ms, budget, starts=starts, hints=hints)


def hints_of(query: str, step_ms: int = 60_000) -> list[SelectHints | None]:
    store = _RecordingStore()
    engine = LocalEngine(store)
    try:
        if step_ms:
            asyncio.run(engine.range(query, 0, 600_000, step_ms))
        else:
            asyncio.run(engine.instant(query, 600_000))
    finally:
        engine.close_blocking()
    return store.hints


@pytest.mark.parametrize(
    ("query", "function", "range_ms", "grouping", "by"),
    [
        ("x", "", 0, (), False),
        ("-(x)", "", 0, (), False),
        ("rate(x[5m])", "rate", 300_000, (), False),
        ("sum by (job) (x)", "sum", 0, ("job",), True),
        ("sum by (job) (rate(x[5m]))", "rate", 300_000, ("job",), True),
        ("sum(rate(x[5m]))", "rate", 300_000, (), True),
        ("max without (cpu) ((x))", "max", 0, ("cpu",), False),
        ("sum without (cpu) (abs(rate(x[1m])))", "rate", 60_000, (), False),
        ("sum by (job) (x + 1)", "", 0, (), False),
        ("sum by (job) (sum_over_time(x[5m:1m]))", "", 0, (), False),
        ("timestamp(x)", "timestamp", 0, (), False),
    ],
)
def test_hints_name_the_function_and_the_grouping(
    query: str, function: str, range_ms: int, grouping: tuple[str, ...], by: bool
) -> None:
    expected = SelectHints(
        step_ms=60_000, range_ms=range_ms, function=function, grouping=grouping, by=by
    )
    assert hints_of(query) == [expected]


def test_an_instant_query_has_no_step() -> None:
    assert hints_of("x", step_ms=0) == [SelectHints(newest=True)]


def test_a_selector_that_occurs_twice_is_read_once_with_no_function() -> None:
    found = hints_of("sum by (job) (rate(x[5m])) / sum(increase(x[5m]))")
    assert found == [SelectHints(step_ms=60_000, range_ms=300_000)]
