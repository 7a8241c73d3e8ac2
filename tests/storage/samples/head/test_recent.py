"""The recent window returns the same samples as chunks, or refuses to answer."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.labels import Labels
from model.matchers import Matcher
from model.series import STALE
from storage.api.samples import Source
from storage.samples.head.recent import RecentWindow, slots_for
from storage.samples.reading.selection import CachedSelector, SelectedSource
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.naive_model import Samples, clipped, samples_of
from tests.storage.samples.sample_builders import BASE_MS, change, named, series, small, whole

STEP_MS = 15_000


def answered_by_rings(store: SqliteSampleStore, matchers: list[Matcher], start_ms: int) -> bool:
    selector = store._query._selectors.get(matchers)
    found = store._query._select_recent(selector, start_ms, 2 * BASE_MS, None)
    return found is not None and len(found) == 1


def by_chunks(
    store: SqliteSampleStore, matchers: list[Matcher], start_ms: int, end_ms: int
) -> Samples:
    selector = store._query._selectors.get(matchers)
    parts = store._query._select_any(selector, start_ms, end_ms, None)
    return clipped(samples_of(parts), start_ms, end_ms)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(tmp_path, small(chunk_vectors=40), clock=lambda: 0)
    store.open()
    yield store
    store.close()


def fill(store: SqliteSampleStore, ticks: int, hosts: int = 30, start: int = 0) -> list[Source]:
    layout = store.layout(series("up", "load", "other"))
    sources = [store.source(Labels.of(instance=f"{host:02}")) for host in range(hosts)]
    for tick in range(start, start + ticks):
        for host, source in enumerate(sources):
            values = (1, tick + host / 100, STALE if tick % 7 == 3 else tick)
            store.append(source, whole(layout, BASE_MS + tick * STEP_MS, *values))
    return sources


@pytest.mark.parametrize("ticks", [1, 4, 5, 23, 24, 25, 80])
def test_last_minutes_are_one_array(store: SqliteSampleStore, ticks: int) -> None:
    fill(store, ticks)
    last_ms = BASE_MS + (ticks - 1) * STEP_MS
    for start_ms in (last_ms - 300_000 + 1, last_ms - 20_000, last_ms):
        for matchers in (named("load"), named("other"), []):
            if ticks >= 4:
                assert answered_by_rings(store, matchers, start_ms)
            found = samples_of(store.select(matchers, start_ms, last_ms))
            assert found == by_chunks(store, matchers, start_ms, last_ms)
        (part,) = store.select(named("load"), start_ms, last_ms)
        assert len(part.labels) == len(part.times_ms) == 30


def test_samples_older_than_the_rings_are_read_from_chunks(store: SqliteSampleStore) -> None:
    fill(store, 80)
    assert not answered_by_rings(store, named("load"), BASE_MS)
    found = samples_of(store.select(named("load"), BASE_MS, 2 * BASE_MS))
    assert [len(times) for times in found.values()] == [80] * 30


def test_one_late_source_does_not_slow_the_others(store: SqliteSampleStore) -> None:
    fill(store, 30)
    late = store.source(Labels.of(instance="late"))
    last_ms = BASE_MS + 29 * STEP_MS
    store.append(late, whole(store.layout(series("load")), last_ms, 5))
    parts = store.select(named("load"), last_ms - 30_000, last_ms)
    assert sorted(part.values.shape for part in parts) == [(1, 1), (30, 3)]


def test_rings_still_short_after_a_restart_do_not_slow_the_others(tmp_path: Path) -> None:
    settings = small(chunk_vectors=40)
    before = SqliteSampleStore(tmp_path, settings, clock=lambda: 0)
    before.open()
    fill(before, 58)
    before.maintain(BASE_MS + 57 * STEP_MS)
    before.close()
    store = SqliteSampleStore(tmp_path, settings, clock=lambda: 0)
    store.open()
    last_ms = BASE_MS + 57 * STEP_MS
    start_ms = last_ms - 300_000
    selector = store._query._selectors.get(named("load"))
    parts = store._query._select_recent(selector, start_ms, last_ms, None)
    assert parts is not None
    assert len(parts) > 1
    assert clipped(samples_of(parts), start_ms, last_ms) == by_chunks(
        store, named("load"), start_ms, last_ms
    )
    store.close()


def test_growing_layout_keeps_the_samples_in_its_ring(store: SqliteSampleStore) -> None:
    (source,) = fill(store, 10, hosts=1)
    wide = store.layout(series("up", "load", "other", *(f"m{number}" for number in range(100))))
    store.append(source, change(wide, BASE_MS + 10 * STEP_MS, {50: 7.0}))
    assert answered_by_rings(store, named("load"), BASE_MS)
    found = samples_of(store.select([], BASE_MS, 2 * BASE_MS))
    assert found == by_chunks(store, [], BASE_MS, 2 * BASE_MS)
    assert sum(map(len, found.values())) == 3 * 11 + 1


def test_replaced_layout_shows_the_series_of_both_layouts(store: SqliteSampleStore) -> None:
    (source,) = fill(store, 10, hosts=1)
    store.append(source, whole(store.layout(series("new")), BASE_MS + 10 * STEP_MS, 7))
    for matchers in (named("load"), named("new"), []):
        found = samples_of(store.select(matchers, BASE_MS, 2 * BASE_MS))
        assert found == by_chunks(store, matchers, BASE_MS, 2 * BASE_MS)
    assert [len(times) for times in found.values()] == [10, 10, 10, 1]


def test_series_of_two_sources_are_merged(store: SqliteSampleStore) -> None:
    fill(store, 10)
    again = store.source(Labels.of(instance="00"), "push")
    for tick in range(10, 16):
        store.append(again, whole(store.layout(series("load")), BASE_MS + tick * STEP_MS, 9))
    found = samples_of(store.select(named("load"), BASE_MS, 2 * BASE_MS))
    assert len(found[Labels.of(__name__="load", instance="00")]) == 16
    assert len(found) == 30


def test_reopened_store_reads_what_only_chunks_hold(tmp_path: Path) -> None:
    for start in (0, 13):
        store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
        store.open()
        fill(store, 13, start=start)
        store.maintain(BASE_MS + 10**7)
        found = samples_of(store.select(named("load"), BASE_MS + 5 * STEP_MS, 2 * BASE_MS))
        assert {len(times) for times in found.values()} == {start + 8}
        store.close()


def test_a_ring_covers_five_minutes_or_is_not_created() -> None:
    assert [slots_for(interval_ms) for interval_ms in (60_000, 30_000, 15_000)] == [8, 16, 24]
    assert slots_for(1000) is None


def test_ring_memory_is_bounded_and_reused() -> None:
    recent = RecentWindow(3 * 2**20)
    rings = []
    while (ring := recent.ring(500, 24, 0)) is not None:
        rings.append(ring)
    assert len(rings) == 3 * 2**20 // (8 * 24 * (500 + 20 + 1))
    recent.release(rings.pop())
    assert recent.ring(2000, 24, 0) is None
    again = recent.ring(480, 24, 0)
    assert again is not None
    assert recent.ring(480, 24, 0) is None


def width_at(tick: int) -> int:
    """A layout that grows, is replaced and grows again."""
    return 10 + tick // 9 % 40 if tick % 150 else 50


def test_readers_see_only_whole_vectors_while_a_thread_appends(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(chunk_vectors=20), clock=lambda: 0)
    store.open()
    names = [f"m{number}" for number in range(50)]
    sources = [store.source(Labels.of(instance=str(number))) for number in range(10)]
    done = threading.Event()
    latest = [BASE_MS - 1]
    failures: list[str] = []

    def read(back_ms: int, matchers: list[Matcher]) -> None:
        while not done.is_set():
            first_ms = latest[0]
            found = samples_of(store.select(matchers, first_ms - back_ms, first_ms))
            for labels, samples in found.items():
                column, number = int(labels.metric[1:]), int(labels.get("instance"))
                wanted = [
                    time_ms
                    for time_ms in range(max(BASE_MS, first_ms - back_ms), first_ms + 1)
                    if column < width_at(time_ms - BASE_MS)
                ]
                if [*samples] != wanted:
                    failures.append(f"{labels} at {first_ms}: {len(samples)} of {len(wanted)}")
                for time_ms, bits in samples.items():
                    if bits != int(np.float64(time_ms + number).view(np.uint64)):
                        failures.append(f"{labels} at {time_ms}")

    readers = [
        threading.Thread(target=read, args=(back_ms, matchers))
        for back_ms, matchers in ((5, named("m7")), (250, named("m3")), (20, []))
    ]
    for reader in readers:
        reader.start()
    for tick in range(400):
        width = width_at(tick)
        layout = store.layout(series(*names[:width]))
        for number, source in enumerate(sources):
            values = np.full(width, BASE_MS + tick + number, np.float64)
            store.append(source, whole(layout, BASE_MS + tick, *values))
        latest[0] = BASE_MS + tick
        if tick % 40 == 39:
            store.maintain(BASE_MS + tick + (120_000 if tick % 80 == 39 else 10**9))
    done.set()
    for reader in readers:
        reader.join()
    store.close()
    assert failures[:12] == []


def test_source_that_begins_during_a_query_does_not_disturb_it(
    store: SqliteSampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, 24)
    begin_sources(store, monkeypatch, series("new"))
    assert answered_by_rings(store, named("load"), BASE_MS + 20 * STEP_MS)


def test_ring_that_is_given_up_during_a_query_disturbs_it(
    store: SqliteSampleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = fill(store, 24)
    last_ms = BASE_MS + 23 * STEP_MS
    begin_sources(store, monkeypatch, series("new"), sources[-1])
    assert not answered_by_rings(store, named("load"), BASE_MS + 20 * STEP_MS)
    monkeypatch.undo()
    parts = store.select(named("load"), last_ms, last_ms)
    assert sum(len(part.labels) for part in parts) == 30


def begin_sources(
    store: SqliteSampleStore,
    monkeypatch: pytest.MonkeyPatch,
    labels: list[Labels],
    source: Source | None = None,
) -> None:
    """Append a vector with another layout whenever a query looks at a source."""
    select, begun = CachedSelector.select, 0

    def beginning(self: CachedSelector, *given: Any) -> SelectedSource | None:
        nonlocal begun
        begun += 1
        other = source or store.source(Labels.of(instance=f"new {begun}"))
        time_ms = BASE_MS + (30 + begun) * STEP_MS
        store.append(other, whole(store.layout(labels), time_ms, 1))
        return select(self, *given)

    monkeypatch.setattr(CachedSelector, "select", beginning)
