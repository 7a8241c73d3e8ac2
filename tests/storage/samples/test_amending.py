"""A vector that arrives in parts reads like one that arrived whole."""

from pathlib import Path

import numpy as np
import pytest

from model.labels import Labels
from model.series import ABSENT, STALE
from storage.api.errors import OutOfOrderError
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.naive_model import samples_of
from tests.storage.samples.sample_builders import BASE_MS, change, series, small, whole


def opened(directory: Path) -> SqliteSampleStore:
    store = SqliteSampleStore(directory, small(), clock=lambda: 0)
    store.open()
    return store


def bits(value: float) -> int:
    return int(np.float64(value).view(np.uint64))


def append_in_parts(store: SqliteSampleStore, ticks: int) -> None:
    """Append series x whole at first and then, at every tick, x, y and z one by one."""
    source = store.source(Labels.of(job="a"))
    first, wider = store.layout(series("x")), store.layout(series("x", "y", "z"))
    store.append(source, whole(first, BASE_MS, 0))
    store.amend(source, change(wider, BASE_MS, {1: 0, 2: 0}))
    for tick in range(1, ticks):
        store.append(source, change(wider, BASE_MS + tick, {0: tick, 1: ABSENT, 2: ABSENT}))
        store.amend(source, change(wider, BASE_MS + tick, {2: 7.0}))
        store.amend(source, change(wider, BASE_MS + tick, {1: STALE if tick == 2 else -tick}))


def expected(ticks: int) -> dict[Labels, dict[int, int]]:
    found = {
        "x": {BASE_MS + tick: bits(tick) for tick in range(ticks)},
        "y": {BASE_MS + tick: bits(STALE if tick == 2 else -tick) for tick in range(ticks)},
        "z": {BASE_MS + tick: bits(7.0 if tick else 0) for tick in range(ticks)},
    }
    found["y"][BASE_MS] = bits(0.0)
    return {Labels.of(__name__=name, job="a"): samples for name, samples in found.items()}


@pytest.mark.parametrize("ticks", [1, 2, 4, 5, 6, 23])
def test_amended_parts_read_as_one_vector_from_head_journal_and_chunks(
    tmp_path: Path, ticks: int
) -> None:
    store = opened(tmp_path)
    append_in_parts(store, ticks)
    assert samples_of(store.select([], 0, 2 * BASE_MS)) == expected(ticks)
    store.close()
    store = opened(tmp_path)
    assert samples_of(store.select([], 0, 2 * BASE_MS)) == expected(ticks)
    store.maintain(BASE_MS + 10 * 3_600_000)
    assert store.stats().head_samples == 0
    assert samples_of(store.select([], 0, 2 * BASE_MS)) == expected(ticks)
    store.close()


def test_amending_with_unchanged_values_takes_no_memory(store: SqliteSampleStore) -> None:
    append_in_parts(store, 4)
    layout = store.layout(series("x", "y", "z"))
    source = store.source(Labels.of(job="a"))
    store.append(source, change(layout, BASE_MS + 10, {0: 1, 2: ABSENT}))
    before = store.stats().head_bytes
    store.amend(source, change(layout, BASE_MS + 10, {2: 7.0}))
    assert store.stats().head_bytes < before


def test_only_the_last_vector_is_amended(store: SqliteSampleStore) -> None:
    layout = store.layout(series("x", "y"))
    source = store.source(Labels.of(job="a"))
    with pytest.raises(OutOfOrderError):
        store.amend(source, change(layout, BASE_MS, {0: 1}))
    store.append(source, whole(layout, BASE_MS, 1, ABSENT))
    for time_ms in (BASE_MS - 1, BASE_MS + 1):
        with pytest.raises(OutOfOrderError):
            store.amend(source, change(layout, time_ms, {1: 1}))
    with pytest.raises(ValueError, match="must name its columns"):
        store.amend(source, whole(layout, BASE_MS, 1, 1))
    store.maintain(BASE_MS + 10 * 3_600_000)
    with pytest.raises(OutOfOrderError):
        store.amend(source, change(layout, BASE_MS, {1: 1}))


def test_last_vector_is_known_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    append_in_parts(store, 3)
    store.close()
    store = opened(tmp_path)
    source = store.source(Labels.of(job="a"))
    last = store.last_vector(source)
    assert last is not None
    assert (last.time_ms, list(last.layout.series)) == (BASE_MS + 2, series("x", "y", "z"))
    assert last.values.view(np.uint64).tolist() == [bits(2.0), bits(ABSENT), bits(7.0)]
    assert store.last_vector(store.source(Labels.of(job="b"))) is None
    store.close()
