"""Label values and results beyond a query's budget are refused before they are made."""

import numpy as np
import pytest

from model.labels import Labels
from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryPressure, MemoryReading
from model.series import AlignedSeries
from promql.api import (
    InstantVector,
    QueryMemoryError,
    QueryOptions,
    Scalar,
    TooManyBytesError,
    TooManySamplesError,
)
from promql.engine import EngineSettings, LocalEngine
from promql.evaluation.result_size import result_bytes
from tests.promqltest.store import MemoryStore

SIXTEEN = ",".join(['"a"'] * 16)


def nested(levels: int) -> str:
    query = 'label_replace(vector(1), "a", "0123456789abcdef", "", "")'
    for _ in range(levels):
        query = f'label_join({query}, "a", "", {SIXTEEN})'
    return query


class Setting:
    def __init__(self) -> None:
        self.refusals, self.memory = Refusals(), MemoryReading(limit_bytes=2**30)
        settings = EngineSettings(max_label_bytes=2**20, max_result_bytes=2**20)
        self.engine = LocalEngine(
            MemoryStore(), settings, refusals=self.refusals, memory=self.memory
        )

    def ask(self, query: str, *, urgent: bool = False) -> object:
        return self.engine.instant_blocking(query, 0, QueryOptions(urgent=urgent)).value


@pytest.fixture
def setting() -> Setting:
    return Setting()


@pytest.mark.parametrize(
    "query",
    [
        nested(10),
        f'label_replace({nested(2)}, "b", "{"$1" * 1000}", "a", "(.*)")',
        f"{'vector(1) * on () group_left (a) (' * 20}{nested(3)}{')' * 20}",
    ],
    ids=["join", "groups", "group_left"],
)
def test_label_values_beyond_the_budget_are_refused(setting: Setting, query: str) -> None:
    with pytest.raises(TooManyBytesError) as refused:
        setting.ask(query)
    assert str(refused.value) == (
        "query processing would load too many label bytes into memory in query execution:"
        " more than 1048576 (query.max_label_bytes)"
    )
    assert setting.refusals.totals()[LimitName.QUERY_LABEL_BYTES] == 1


def test_label_values_within_the_budget_are_made(setting: Setting) -> None:
    found = setting.ask(nested(3))
    assert isinstance(found, InstantVector)
    assert len(found.labels[0].get("a")) == 16**4


def test_result_beyond_the_budget_is_refused(setting: Setting) -> None:
    with pytest.raises(TooManyBytesError, match=r"too many bytes in the result.*max_result_bytes"):
        setting.ask("vector(1)[60000s:1s]")
    assert setting.refusals.totals()[LimitName.QUERY_RESULT_BYTES] == 1


def test_samples_beyond_the_budget_are_refused_and_counted(setting: Setting) -> None:
    setting.engine = LocalEngine(
        MemoryStore(), EngineSettings(max_samples=1_000), refusals=setting.refusals
    )
    setting.ask("sum_over_time(vector(1)[100s:1s])")
    with pytest.raises(TooManySamplesError, match="would load too many samples into memory"):
        setting.ask("sum_over_time(vector(1)[2000s:1s])")
    assert setting.refusals.totals()[LimitName.QUERY_SAMPLES] == 1


def test_large_query_near_the_memory_limit_is_refused_unless_it_is_urgent(setting: Setting) -> None:
    query = "count_over_time(vector(1)[250000s:1s])"
    setting.ask(query)
    setting.memory.pressure = MemoryPressure.CRITICAL
    with pytest.raises(QueryMemoryError, match=r"server\.memory_limit"):
        setting.ask(query)
    assert setting.refusals.totals()[LimitName.MEMORY] == 1
    setting.ask(query, urgent=True)
    setting.ask("vector(1)")
    setting.memory.pressure = MemoryPressure.HIGH
    setting.ask(query)


def test_size_of_a_result_follows_its_samples_and_labels() -> None:
    assert result_bytes(Scalar(0, 1.0)) < 100
    labels = [Labels.of(a=str(number).zfill(1000)) for number in range(20_000)]
    vector = InstantVector(0, tuple(labels), np.zeros(len(labels)))
    assert result_bytes(vector) == pytest.approx(20_000 * 1060, rel=0.05)
    matrix = AlignedSeries.of_source(labels[:10], np.arange(1000), np.zeros((10, 1000)))
    assert result_bytes(matrix) == pytest.approx(10 * 1000 * 28, rel=0.1)


def test_queries_share_what_is_free_below_the_memory_limit(setting: Setting) -> None:
    # 0.9 of 1 GiB less 0.8 GiB in use, for four queries with 32 bytes a sample.
    setting.memory.resident_bytes = 8 * 2**30 // 10
    affordable = (2**30 // 10) // 4 // 32
    steps = affordable * 3
    with pytest.raises(QueryMemoryError, match="819 MiB of its memory limit of 1024 MiB"):
        setting.ask(f"sum_over_time(vector(1)[{steps}s:1s])")
    setting.ask(f"sum_over_time(vector(1)[{steps}s:1s])", urgent=True)
    setting.memory.resident_bytes = 0
    setting.ask(f"sum_over_time(vector(1)[{steps}s:1s])")
