"""The samples that a query counts say how much memory it takes, for every kind of expression."""

import gc
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest

from model.labels import Labels
from model.matchers import Matcher
from model.memory_pressure import MemoryReading
from model.series import AlignedSeries
from promql.api import QueryMemoryError, QueryOptions
from promql.engine import LocalEngine
from promql.running.memory_share import SAMPLE_BYTES
from storage.api.samples import ReadBudget, SelectHints
from tests.promqltest.store import MemoryStore

SOURCES, SERIES, SAMPLES, INTERVAL_MS = 20, 20, 200, 15_000
END_MS = SAMPLES * INTERVAL_MS
UNCOUNTED_BYTES = 4 * 2**20
"""Syntax, labels and blocks of cache size, for the sizes of this test."""


class ManyNames(MemoryStore):
    """Hosts whose series have several metric names, as matrices like the sample store's."""

    def __init__(self) -> None:
        super().__init__()
        chooser = np.random.default_rng(1)
        self.parts = [
            AlignedSeries.of_source(
                [
                    Labels(
                        (
                            ("__name__", f"m{number % 5}_total"),
                            ("instance", f"host-{source}"),
                            ("n", str(number)),
                        )
                    )
                    for number in range(SERIES)
                ],
                np.arange(SAMPLES) * INTERVAL_MS + source,
                np.cumsum(chooser.integers(0, 3, (SERIES, SAMPLES)), axis=1).astype(np.float64),
            )
            for source in range(SOURCES)
        ]

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
        if budget is not None:
            budget.spend(SOURCES * SERIES * SAMPLES)
        return self.parts


@pytest.fixture(scope="module")
def store() -> ManyNames:
    return ManyNames()


ALL = "{__name__=~'.+'}"


@pytest.mark.parametrize(
    "query",
    [
        ALL,
        f"rate({ALL}[5m])",
        f"sum by (n) (rate({ALL}[5m]))",
        f"sum by (n, instance) (rate({ALL}[5m]))",
        f"avg without (n) ({ALL})",
        f"stddev by (n) ({ALL})",
        f"quantile(0.5, {ALL})",
        f"topk(5, {ALL})",
        f"limitk(100, {ALL})",
        f"count_values('v', {ALL})",
        f"{ALL} + {ALL}",
        f"{ALL} * on (instance, n) group_left {ALL}",
        f"{ALL} or -{ALL}",
        f"max_over_time(rate({ALL}[5m])[10m:15s])",
        f"label_replace({ALL}, 'a', '$1', 'n', '(.*)')",
    ],
)
def test_memory_of_a_range_query_is_what_its_samples_say(store: ManyNames, query: str) -> None:
    engine = LocalEngine(store)
    options = QueryOptions(statistics=True)
    gc.collect()
    tracemalloc.start()
    try:
        answer = engine.range_blocking(query, END_MS - 2_000_000, END_MS, 1_000, options)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.statistics is not None
    assert peak_bytes < answer.statistics.peak_samples * SAMPLE_BYTES + UNCOUNTED_BYTES


@pytest.mark.parametrize(
    "query",
    [f"sum by (n) (rate({ALL}[5m]))", f"count_values('v', {ALL})", f"sum by (n, instance) ({ALL})"],
)
def test_what_an_aggregation_keeps_beside_its_input_is_refused(
    store: ManyNames, query: str
) -> None:
    limit_bytes = 2**30
    engine = LocalEngine(store, memory=MemoryReading(limit_bytes, int(0.78 * limit_bytes)))
    with pytest.raises(QueryMemoryError):
        engine.range_blocking(query, END_MS - 2_000_000, END_MS, 250)


def test_share_of_a_query_follows_the_memory_of_its_start(store: ManyNames) -> None:
    used_bytes = 0
    memory = MemoryReading(2**30, measure=lambda: used_bytes)
    engine = LocalEngine(store, memory=memory)
    query = f"sum by (n, instance) ({ALL})"
    engine.range_blocking(query, END_MS - 2_000_000, END_MS, 1_000)
    used_bytes = int(0.89 * 2**30)
    with pytest.raises(QueryMemoryError):
        engine.range_blocking(query, END_MS - 2_000_000, END_MS, 1_000)
