"""An instant selector at the present reads the newest vectors, and earlier ones if it must."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.labels import Labels
from model.matchers import Matcher
from model.series import STALE, AlignedSeries
from storage.api.samples import SelectHints, Source
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.naive_model import clipped, samples_of
from tests.storage.samples.sample_builders import BASE_MS, change, named, series, small, whole

TICKS = 30
NO_RING_MS, RING_MS = 1000, 15_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(tmp_path, small(chunk_vectors=100), clock=lambda: 0)
    store.open()
    yield store
    store.close()


def fill(store: SqliteSampleStore, step_ms: int) -> list[Source]:
    layout = store.layout(series("up", "load"))
    sources = [store.source(Labels.of(instance=f"{host}")) for host in range(10)]
    for tick in range(TICKS):
        for source in sources:
            store.append(source, whole(layout, BASE_MS + tick * step_ms, 1, tick))
    return sources


def newest(store: SqliteSampleStore, name: str, end_ms: int) -> list[AlignedSeries]:
    return store.select(named(name), BASE_MS, end_ms, hints=SelectHints(newest=True))


@pytest.mark.parametrize("step_ms", [NO_RING_MS, RING_MS])
def test_one_sample_of_each_series_is_read(store: SqliteSampleStore, step_ms: int) -> None:
    fill(store, step_ms)
    last_ms = BASE_MS + (TICKS - 1) * step_ms
    (part,) = newest(store, "load", last_ms + 5000)
    assert part.values.shape == (10, 1)
    assert set(part.values.ravel()) == {TICKS - 1}
    assert set(part.times_ms.ravel()) == {last_ms}


@pytest.mark.parametrize("step_ms", [NO_RING_MS, RING_MS])
def test_a_series_that_ended_is_read_from_earlier_vectors(
    store: SqliteSampleStore, step_ms: int
) -> None:
    sources = fill(store, step_ms)
    layout = store.layout(series("up", "load"))
    ended_ms, last_ms = BASE_MS + TICKS * step_ms, BASE_MS + (TICKS + 1) * step_ms
    for source in sources:
        ends = {1: STALE} if source is sources[3] else {}
        store.append(source, change(layout, ended_ms, ends))
        store.append(source, change(layout, last_ms, {0: 2.0}))
    parts = newest(store, "load", last_ms)
    assert sorted(len(part.labels) for part in parts) == [1, 9]
    found = samples_of(parts)
    assert max(found[Labels.of(__name__="load", instance="3")]) == ended_ms
    assert max(found[Labels.of(__name__="load", instance="4")]) == last_ms


def any_of(*names: str) -> list[Matcher]:
    return [Matcher.of("__name__", "=~", "|".join(names))]


@pytest.mark.parametrize("step_ms", [NO_RING_MS, RING_MS])
@pytest.mark.parametrize("later", [("a", "b", "new"), ("b", "new", "a"), ("new", "b", "a")])
def test_beside_series_that_come_and_go_one_sample_of_each_series_is_read(
    store: SqliteSampleStore, step_ms: int, later: tuple[str, ...]
) -> None:
    source = store.source(Labels.of(instance="a"))
    before = store.layout(series("a", "gone", "b"))
    for tick in range(TICKS):
        store.append(source, whole(before, BASE_MS + tick * step_ms, 1, 0, 2))
    last_ms = BASE_MS + TICKS * step_ms
    values = [{"a": 10.0, "b": 20.0, "new": 30.0}[name] for name in later]
    store.append(source, whole(store.layout(series(*later)), last_ms, *values))
    hints = SelectHints(newest=True)
    (part,) = store.select(any_of("a", "b"), BASE_MS, last_ms, hints=hints)
    found = {
        labels.get("__name__"): row for labels, row in zip(part.labels, part.values, strict=True)
    }
    assert {name: row.tolist() for name, row in found.items()} == {"a": [10.0], "b": [20.0]}
    assert part.times_ms.tolist() == [[last_ms]]
    with_gone = store.select(any_of("a", "gone"), BASE_MS, last_ms, hints=hints)
    whole_range = store.select(any_of("a", "gone"), BASE_MS, last_ms)
    assert samples_of(with_gone) == samples_of(whole_range)


@pytest.mark.parametrize("step_ms", [NO_RING_MS, RING_MS])
def test_at_an_earlier_time_earlier_samples_are_newest(
    store: SqliteSampleStore, step_ms: int
) -> None:
    fill(store, step_ms)
    end_ms = BASE_MS + 25 * step_ms + 1
    found = clipped(samples_of(newest(store, "load", end_ms)), BASE_MS, end_ms)
    assert {max(times) for times in found.values()} == {BASE_MS + 25 * step_ms}


def test_a_refused_vector_leaves_the_newest_one_readable(store: SqliteSampleStore) -> None:
    source, *_ = fill(store, NO_RING_MS)
    layout = store.layout(series("up", "load"))
    head = store._heads.get(source.id)
    assert head is not None
    with pytest.raises(ValueError, match="layout"):
        store.append(source, change(store.layout(series("x")), 2 * BASE_MS, {0: 1.0}))
    store.append(source, change(layout, 2 * BASE_MS, {1: 5.0}))
    found = head.newest(head.layout, np.array([1]))
    assert found is not None
    assert (found.time_ms, found.values.tolist()) == (2 * BASE_MS, [5.0])
