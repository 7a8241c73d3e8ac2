from pathlib import Path

import pytest

from model.labels import Labels
from storage.api.errors import OutOfOrderError
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.naive_model import samples_of
from tests.storage.samples.sample_builders import BASE_MS, change, series, small, whole

DAY_MS = 86_400_000


def test_head_of_a_silent_source_is_freed(store: SqliteSampleStore) -> None:
    layout = store.layout(series("x", "y"))
    source = store.source(Labels.of(job="a"))
    for tick in range(8):
        store.append(source, whole(layout, BASE_MS + tick, tick, tick))
    store.maintain(BASE_MS + DAY_MS)
    assert store.stats().sources == 1
    store.maintain(BASE_MS + DAY_MS + 1000)
    assert store.stats().sources == 0
    with pytest.raises(ValueError, match="every column"):
        store.append(source, change(layout, BASE_MS + DAY_MS + 2000, {0: 1}))
    with pytest.raises(OutOfOrderError):
        store.append(source, whole(layout, BASE_MS + 7, 1, 1))
    store.append(source, whole(layout, BASE_MS + DAY_MS + 2000, 1, 1))
    found = samples_of(store.select([], 0, 2 * BASE_MS))
    assert [len(times) for times in found.values()] == [9, 9]


def test_sources_seal_at_different_times(store: SqliteSampleStore, tmp_path: Path) -> None:
    spread = SqliteSampleStore(tmp_path / "spread", small(chunk_vectors=120), clock=lambda: BASE_MS)
    spread.open()
    layout = spread.layout(series("x"))
    sources = [spread.source(Labels.of(n=str(number))) for number in range(200)]
    closed_at_once = 0
    before = 0
    for tick in range(400):
        for source in sources:
            spread.append(source, whole(layout, BASE_MS + tick * 1000, tick))
        closed = len(spread._heads.closed())
        closed_at_once = max(closed_at_once, closed - before)
        before = closed
    assert closed_at_once < 10
    spread.close()


def test_chunk_of_a_slow_source_is_closed_by_its_age(store: SqliteSampleStore) -> None:
    layout = store.layout(series("x"))
    source = store.source(Labels.of(job="a"))
    store.append(source, whole(layout, BASE_MS, 1))
    store.append(source, whole(layout, BASE_MS + 3 * 3_600_000, 2))
    assert len(store._heads.closed()) == 1
    store.maintain(BASE_MS + 6 * 3_600_000)
    assert store.stats().head_samples == 0
    assert store.stats().windows[0].samples == 2
