"""Samples of the future: nothing else is lost because of them, and they can be deleted."""

from pathlib import Path

import numpy as np
import pytest

from model.labels import Labels
from model.matchers import Matcher
from storage.api.errors import OutOfOrderError
from storage.api.samples import Vector
from storage.api.vector_appender import VectorAppender
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from storage.samples.upkeep.future import retention_clock

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
YEARS_MS = 3 * 365 * DAY_MS
X = (Labels.of(__name__="x"),)


class Wrong:
    """A store on a machine whose clock a test sets."""

    def __init__(self, path: Path) -> None:
        self.now_ms, self.path = NOW_MS, path
        self.store = self.opened()

    def opened(self) -> SqliteSampleStore:
        settings = StoreSettings.model_validate({"retention_age": "30d"})
        store = SqliteSampleStore(self.path, settings, clock=lambda: self.now_ms)
        store.open()
        self.vectors = VectorAppender(store, Labels.of(job="j", instance="a"))
        return store

    def append(self, at_ms: int, value: float) -> None:
        zero = np.zeros(1, np.int32)
        self.vectors.append(at_ms, X, zero, np.array([value], np.float64))

    def values(self, until_ms: int) -> list[float]:
        found = self.store.select([Matcher.of("__name__", "=", "x")], 0, until_ms)
        values = [value for part in found for value in part.values.flatten().tolist()]
        return [value for value in values if value == value]

    def glitch(self) -> None:
        """Append a sample now, three years ahead, and now again."""
        self.append(NOW_MS - 30_000, 1)
        self.append(NOW_MS + YEARS_MS, 2)
        self.append(NOW_MS, 3)


@pytest.fixture
def wrong(tmp_path: Path) -> Wrong:
    return Wrong(tmp_path)


def test_source_goes_on_after_the_clock_came_back_and_after_a_restart(wrong: Wrong) -> None:
    wrong.glitch()
    assert wrong.values(NOW_MS) == [1, 3]
    wrong.store.close()
    wrong.store = wrong.opened()
    wrong.append(NOW_MS + 15_000, 4)
    assert wrong.values(NOW_MS + 15_000) == [1, 3, 4]
    assert wrong.store.future.count() == 1
    wrong.store.close()


def test_small_step_back_is_still_out_of_order(wrong: Wrong) -> None:
    wrong.append(NOW_MS, 1)
    with pytest.raises(OutOfOrderError):
        wrong.append(NOW_MS - 9_000, 2)
    wrong.store.close()


def test_dropped_samples_are_gone_and_stay_gone_after_a_restart(wrong: Wrong) -> None:
    wrong.glitch()
    # In the same window as now, too.
    later = wrong.store.source(Labels.of(job="j", instance="b"))
    layout = wrong.store.layout(X)
    for at_ms, value in ((NOW_MS, 5.0), (NOW_MS + DAY_MS, 6.0)):
        wrong.store.append(later, Vector(at_ms, layout, None, np.array([value])))
    wrong.store.close()
    wrong.store = wrong.opened()
    assert wrong.store.future.count() == 2
    assert wrong.store.future.drop() == 2
    assert wrong.store.future.count() == 0
    assert sorted(wrong.values(NOW_MS + 2 * YEARS_MS)) == [1, 3, 5]
    wrong.append(NOW_MS + 15_000, 4)
    wrong.store.close()
    wrong.store = wrong.opened()
    assert sorted(wrong.values(NOW_MS + 2 * YEARS_MS)) == [1, 3, 4, 5]
    wrong.store.close()


def test_heads_of_the_future_leave_memory(wrong: Wrong) -> None:
    wrong.glitch()
    for step in range(3):
        wrong.store.maintain(NOW_MS + step * 70_000)
        wrong.store._sealer.rescue()
    assert [head.source.stream for head in wrong.store._heads] == ["~1"]
    wrong.store.close()


def test_retention_deletes_nothing_while_the_clock_is_years_ahead(wrong: Wrong) -> None:
    wrong.append(NOW_MS, 1)
    wrong.store._sealer.rescue()
    wrong.store._work()
    wrong.now_ms = NOW_MS + YEARS_MS
    wrong.append(wrong.now_ms, 2)
    wrong.store._sealer.rescue()
    wrong.store._work()
    assert wrong.values(NOW_MS) == [1]
    wrong.store.close()
    # Also if it is years ahead when the server starts.
    wrong.now_ms = NOW_MS + 2 * YEARS_MS
    wrong.store = wrong.opened()
    wrong.store._work()
    assert wrong.values(NOW_MS) == [1]
    wrong.store.close()


def test_retention_follows_a_clock_that_agrees_with_the_samples() -> None:
    assert retention_clock(lambda: NOW_MS, NOW_MS - 10 * DAY_MS)() == NOW_MS
    assert retention_clock(lambda: NOW_MS, None)() == NOW_MS
    assert retention_clock(lambda: NOW_MS, NOW_MS - YEARS_MS)() < NOW_MS - YEARS_MS + 60_000
