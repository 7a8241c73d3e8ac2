from pathlib import Path

import numpy as np
import pytest

from model.labels import Labels
from storage.samples.store import SqliteSampleStore
from storage.samples.windows import numbers, runs
from storage.samples.windows.window import Window
from tests.storage.samples.naive_model import samples_of
from tests.storage.samples.sample_builders import series, small, whole

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# A Monday, so that the default window of a week holds a test's few days.
MONDAY_MS = 1_699_833_600_000


@pytest.fixture
def store(tmp_path: Path) -> SqliteSampleStore:
    store = SqliteSampleStore(tmp_path, small(chunk_age="30d"), clock=lambda: 0)
    store.open()
    return store


def fill(store: SqliteSampleStore, hours: int, step_ms: int = HOUR_MS // 6) -> int:
    layout = store.layout(series("constant", "counter", "gauge"))
    rng = np.random.default_rng(1)
    time_ms = MONDAY_MS
    while time_ms < MONDAY_MS + hours * HOUR_MS:
        for number in range(3):
            source = store.source(Labels.of(instance=str(number)))
            store.append(source, whole(layout, time_ms, number, time_ms // 1000, rng.random()))
        time_ms += step_ms
    return time_ms


def levels(window: Window) -> list[int]:
    return sorted(run.level for run in window.runs.values())


def test_hours_and_then_days_are_merged(store: SqliteSampleStore) -> None:
    now_ms = fill(store, 30)
    before = samples_of(store.select([], 0, now_ms))
    store.maintain(now_ms)
    (window,) = store._windows
    assert levels(window) == [numbers.DAYS]
    assert samples_of(store.select([], 0, now_ms)) == before
    store.close()


def test_new_chunks_are_not_merged_before_they_cover_hours(store: SqliteSampleStore) -> None:
    now_ms = fill(store, 3)
    store.maintain(now_ms)
    (window,) = store._windows
    assert set(levels(window)) == {numbers.SEALED}
    store.close()


def test_finished_window_is_merged_to_one_run_and_shrunk(store: SqliteSampleStore) -> None:
    now_ms = fill(store, 30)
    store._heads.close_older_than(now_ms)
    store.maintain(now_ms)
    (window,) = store._windows
    store.maintain(now_ms + 60 * DAY_MS)
    assert levels(window) == [numbers.DAYS]
    (free,) = window.read(lambda connection: connection.execute("pragma freelist_count").fetchone())
    assert free == 0
    assert window.metric_bytes.total() > 0
    store.close()


def test_merged_chunks_take_less_room(store: SqliteSampleStore) -> None:
    now_ms = fill(store, 3, 10_000)
    store._heads.close_older_than(now_ms)
    store.maintain(now_ms)
    (window,) = store._windows
    sealed = window.metric_bytes.total()
    store.maintain(now_ms + 60 * DAY_MS)
    assert window.metric_bytes.total() < sealed / 2
    assert store.stats().windows[0].samples == 3 * 3 * 3 * 360
    store.close()


def test_interrupted_merge_starts_again(store: SqliteSampleStore, tmp_path: Path) -> None:
    now_ms = fill(store, 30)
    before = samples_of(store.select([], 0, now_ms))
    store._heads.close_older_than(now_ms)
    store._sealer.seal(now_ms + HOUR_MS)
    (window,) = store._windows
    window.begin_merge(window.next_run(numbers.HOURS))
    orphan = numbers.run_number(window._next_sequence - 1, numbers.HOURS)
    window.add_pieces(orphan, [(numbers.piece_key(numbers.chunk_number(orphan, 0), 1), b"half")])
    store.close()
    again = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    again.open()
    (window,) = again._windows
    assert window.read(runs.unused_runs) == []
    assert window.read(
        lambda connection: connection.execute("select count(*) from pieces_1").fetchone()
    ) == (0,)
    again.maintain(now_ms)
    assert samples_of(again.select([], 0, now_ms)) == before
    again.close()


def test_reads_work_during_a_merge(store: SqliteSampleStore) -> None:
    now_ms = fill(store, 30)
    before = samples_of(store.select([], 0, now_ms))
    for _ in range(12):
        store.maintain(now_ms, most_steps=1)
        assert samples_of(store.select([], 0, now_ms)) == before
    store.close()


def test_old_windows_are_deleted_by_age_and_the_newest_stays(tmp_path: Path) -> None:
    store = SqliteSampleStore(
        tmp_path, small(window="1h", retention_age="3h", chunk_age="30d"), clock=lambda: 0
    )
    store.open()
    now_ms = fill(store, 10)
    store._heads.close_older_than(now_ms)
    store.maintain(now_ms)
    assert [window.start_ms for window in store._windows] == [
        MONDAY_MS + hour * HOUR_MS for hour in (7, 8, 9)
    ]
    assert min(samples_of(store.select([], 0, now_ms)).popitem()[1]) == MONDAY_MS + 7 * HOUR_MS
    store.maintain(now_ms + 1000 * DAY_MS)
    assert len(store._windows) == 1
    store.close()
    names = [path.name for path in (tmp_path / "samples").glob("*.db")]
    assert names == ["20231113T090000Z.db"]


def test_old_windows_are_deleted_by_size(tmp_path: Path) -> None:
    store = SqliteSampleStore(
        tmp_path, small(window="1h", retention_bytes=300_000), clock=lambda: 0
    )
    store.open()
    now_ms = fill(store, 10)
    store.maintain(now_ms)
    assert 1 <= len(store._windows) < 8
    assert sum(window.size_bytes for window in store._windows) <= 300_000
    store.close()
