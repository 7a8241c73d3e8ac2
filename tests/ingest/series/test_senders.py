"""Any protocol can hand a batch of samples to a sender."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ingest.errors import BadLabelsError
from ingest.limits.write_limits import BudgetLimits, WriteLimits
from ingest.series.sample_batch import SAMPLE, SampleBatch, SeriesKey
from ingest.series.senders import Sender, Senders
from ingest.series.write_result import WriteResult
from model.labels import Labels
from model.limits import LimitName
from model.matchers import Matcher
from storage.samples.store import SqliteSampleStore

NOW_MS = 1_790_000_000_000


class NamedSeries:
    """A protocol whose series keys are metric names."""

    def __init__(self, store: SqliteSampleStore, limits: WriteLimits | None = None) -> None:
        self.senders = Senders(store, store, limits or WriteLimits(), "named")

    @property
    def sender(self) -> Sender:
        return self.senders.sender("anyone", NOW_MS)

    async def send(self, *samples: tuple[str, int, float]) -> WriteResult:
        sender, unknown = self.sender, dict[SeriesKey, int]()
        async with sender.turn:
            rows = []
            for name, time_ms, value in samples:
                number = sender.find((name,))
                if number is None:
                    number = unknown.setdefault((name,), -1 - len(unknown))
                rows.append((number, time_ms, value, 0))
            batch = SampleBatch(np.array(rows, SAMPLE), tuple(unknown))
            admission = sender.budgets.admission("", NOW_MS)
            return await sender.write(batch, read_labels, admission)


def read_labels(key: SeriesKey) -> Labels:
    assert isinstance(key, tuple)
    (name,) = key
    if not name:
        raise BadLabelsError("the name is empty")
    return Labels.of(__name__=name, job="named")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(tmp_path, clock=lambda: NOW_MS)
    store.open()
    yield store
    store.close()


def values_of(store: SqliteSampleStore, name: str) -> list[float]:
    (part,) = store.select([Matcher.of("__name__", "=", name)], 0, 2 * NOW_MS)
    found: list[float] = part.values[0].tolist()
    return found


async def test_batch_of_another_protocol_is_stored(store: SqliteSampleStore) -> None:
    protocol = NamedSeries(store)
    for tick in range(3):
        result = await protocol.send(("a", NOW_MS + tick, 1.0), ("b", NOW_MS + tick, 2.0))
        assert (result.written, result.messages) == (2, [])
    assert values_of(store, "a") == [1.0] * 3
    assert protocol.senders.series == 2


async def test_series_has_its_number_once_it_is_stored(store: SqliteSampleStore) -> None:
    protocol = NamedSeries(store)
    await protocol.send(("a", NOW_MS, 1.0), ("future", NOW_MS + 3_600_000, 1.0))
    assert protocol.sender.find(("a",)) is not None
    assert protocol.sender.find(("future",)) is None


async def test_rejected_series_leave_the_rest_of_the_batch(store: SqliteSampleStore) -> None:
    protocol = NamedSeries(store, WriteLimits(sender=BudgetLimits(series=1)))
    result = await protocol.send(("", NOW_MS, 1.0), ("a", NOW_MS, 1.0), ("b", NOW_MS, 1.0))
    assert (result.written, result.rejected) == (1, 2)
    assert result.messages[0] == "the name is empty"
    assert (
        "1 of 1 series in use, the limit of a sender (ingest.sender.series)" in result.messages[1]
    )
    assert result.refused == {LimitName.SENDER_SERIES: 1}
    assert values_of(store, "a") == [1.0]
