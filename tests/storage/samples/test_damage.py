"""Damaged files and refused writes are logged and counted; all other data is served."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from model.labels import Labels
from storage.api.errors import StorageError
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.naive_model import Samples, samples_of
from tests.storage.samples.sample_builders import BASE_MS, change, series, small, whole

MINUTE_MS = 60_000


def opened(directory: Path, **settings: object) -> SqliteSampleStore:
    store = SqliteSampleStore(directory, small(**settings), clock=lambda: 0)
    store.open()
    return store


def filled(store: SqliteSampleStore, vectors: int, sources: int = 4, start: int = 0) -> None:
    layout = store.layout(series("x", "y", "z"))
    for number in range(sources):
        source = store.source(Labels.of(instance=str(number)))
        for tick in range(start, start + vectors):
            store.append(source, whole(layout, BASE_MS + tick * 1000, tick, tick / 7, number))


def everything(store: SqliteSampleStore) -> Samples:
    return samples_of(store.select([], 0, 2 * BASE_MS))


def edit(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def overwrite(path: Path, offset: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * size)


def samples_in(found: Samples) -> int:
    return sum(map(len, found.values()))


def test_corrupt_piece_loses_only_its_samples(tmp_path: Path) -> None:
    store = opened(tmp_path, recent_bytes=0, decoded_bytes=0)
    filled(store, 20)
    store.maintain(BASE_MS + 10 * MINUTE_MS)
    before = everything(store)
    (window,) = (tmp_path / "samples").glob("*.db")
    edit(
        window, "update pieces_0 set data = zeroblob(9) where key = (select min(key) from pieces_0)"
    )
    with capture_logs() as logs:
        after = everything(store)
    assert 0 < samples_in(before) - samples_in(after) <= 5
    assert all(
        before[labels][time] == bits for labels in after for time, bits in after[labels].items()
    )
    assert [entry["event"] for entry in logs] == ["chunk_corrupt"]
    assert store.stats().corrupt_items == 1
    store.maintain(BASE_MS + 10**9)
    assert everything(store) == after
    store.close()


def test_damaged_pages_of_a_window_lose_only_their_rows(tmp_path: Path) -> None:
    store = opened(tmp_path, chunk_vectors=50)
    rng = np.random.default_rng(0)
    layout = store.layout(series(*(f"m{number}" for number in range(40))))
    for number in range(4):
        source = store.source(Labels.of(instance=str(number)))
        for tick in range(100):
            store.append(source, whole(layout, BASE_MS + tick * 1000, *rng.random(40)))
    store.maintain(BASE_MS + 10 * MINUTE_MS)
    before = everything(store)
    store.close()
    (window,) = (tmp_path / "samples").glob("*.db")
    overwrite(window, window.stat().st_size // 2 // 4096 * 4096, 4096)
    again = opened(tmp_path)
    after = everything(again)
    assert 0.5 * samples_in(before) < samples_in(after) < samples_in(before)
    assert all(
        before[labels][time] == bits for labels in after for time, bits in after[labels].items()
    )
    filled(again, 20, start=200)
    again.maintain(BASE_MS + 10 * MINUTE_MS)
    assert samples_in(everything(again)) == samples_in(after) + 20 * 4 * 3
    again.close()


@pytest.mark.parametrize(
    "harm", [lambda path: overwrite(path, 0, 100), lambda path: overwrite(path, 100, 4000)]
)
def test_window_that_cannot_be_opened_is_renamed(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    store = opened(tmp_path, window="1m")
    filled(store, 200)
    store.maintain(BASE_MS + 10 * MINUTE_MS)
    before = everything(store)
    store.close()
    first, *others = sorted((tmp_path / "samples").glob("*.db"))
    assert others
    harm(first)
    with capture_logs() as logs:
        again = opened(tmp_path, window="1m")
    assert "window_damaged" in [entry["event"] for entry in logs]
    assert again.stats().corrupt_items == 1
    after = everything(again)
    assert 0 < samples_in(after) < samples_in(before)
    assert not first.exists()
    again.close()


def test_journal_of_another_release_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    edit(tmp_path / "journal.db", "pragma user_version = 99")
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    with pytest.raises(StorageError, match="another release"):
        store.open()
    store.close()


def test_damaged_journal_row_never_yields_wrong_values(tmp_path: Path) -> None:
    store = opened(tmp_path, chunk_vectors=6)
    source = store.source(Labels.of(job="a"))
    layout = store.layout(series("x", "y"))
    store.append(source, whole(layout, BASE_MS, 0, 0))
    for tick in range(1, 13):
        store.append(source, change(layout, BASE_MS + tick, {tick % 2: tick}))
        store._journal.flush()
    before = everything(store)
    store.close()
    edit(tmp_path / "journal.db", "update journal set records = zeroblob(80) where id = 3")
    with capture_logs() as logs:
        again = opened(tmp_path, chunk_vectors=6)
    after = everything(again)
    assert 0 < samples_in(after) < samples_in(before)
    assert all(
        before[labels][time] == bits for labels in after for time, bits in after[labels].items()
    )
    assert {"journal_row_corrupt", "journal_vectors_lost"} <= {entry["event"] for entry in logs}
    assert again.stats().corrupt_items == 1
    # The vectors after the next whole one are there again.
    assert max(time for times in after.values() for time in times) == BASE_MS + 12
    again.close()


@pytest.mark.parametrize("offset", [0, 100, 8192, 30_000])
def test_damaged_journal_is_replaced_and_the_chunks_stay(tmp_path: Path, offset: int) -> None:
    store = opened(tmp_path)
    filled(store, 20)
    store.maintain(BASE_MS + 10 * MINUTE_MS)
    sealed = samples_in(everything(store))
    rng = np.random.default_rng(0)
    wide = store.layout(series(*(f"m{number}" for number in range(1000))))
    other = store.source(Labels.of(instance="wide"))
    for tick in range(4):
        store.append(other, whole(wide, BASE_MS + tick, *rng.random(1000)))
        store._journal.flush()
    before = everything(store)
    store.close()
    overwrite(tmp_path / "journal.db", offset, 4000)
    with capture_logs() as logs:
        again = opened(tmp_path)
    assert logs
    after = everything(again)
    assert sealed - 4 * 3 * 20 <= samples_in(after) < samples_in(before)
    assert all(
        before[labels][time] == bits for labels in after for time, bits in after[labels].items()
    )
    filled(again, 5, start=1000)
    again._journal.flush()
    assert samples_in(everything(again)) == samples_in(after) + 5 * 4 * 3
    again.close()
    once_more = opened(tmp_path)
    assert samples_in(everything(once_more)) == samples_in(after) + 5 * 4 * 3
    once_more.close()


def limit_pages(store: SqliteSampleStore, more: int) -> None:
    """Make SQLite refuse to grow the journal, like a full disk."""

    def limit(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count = {pages + more}")

    store._journal.read(limit)


def degraded(store: SqliteSampleStore) -> list[str]:
    return sorted(one.kind.name for one in store._sealer._conditions.active())


async def test_full_disk_fails_commits_until_there_is_room(tmp_path: Path) -> None:
    store = await asyncio.to_thread(opened, tmp_path)
    source = store.source(Labels.of(job="a"))
    layout = store.layout(series(*(f"m{number}" for number in range(2000))))
    await asyncio.to_thread(limit_pages, store, 2)
    rng = np.random.default_rng(0)
    with capture_logs() as logs:
        for tick in range(3):
            store.append(source, whole(layout, BASE_MS + tick, *rng.random(2000)))
            with pytest.raises(StorageError, match="full"):
                await store.commit()
    assert [entry["event"] for entry in logs] == ["degraded", "journal_commit_failed"]
    assert (await asyncio.to_thread(store.stats)).failed_writes == 3
    assert samples_in(await asyncio.to_thread(everything, store)) == 6000
    assert degraded(store) == ["samples_unwritable"]
    await asyncio.to_thread(limit_pages, store, 10_000)
    await store.commit()
    assert degraded(store) == []
    await asyncio.to_thread(store.close)
    again = await asyncio.to_thread(opened, tmp_path)
    assert samples_in(await asyncio.to_thread(everything, again)) == 6000
    await asyncio.to_thread(again.close)


@pytest.mark.fault("chunks_unwritable", "samples_dropped")
def test_head_is_bounded_while_the_disk_refuses(tmp_path: Path) -> None:
    store = opened(tmp_path, head_bytes=2**20)
    limit_pages(store, 0)
    directory, store._windows._directory = store._windows._directory, tmp_path / "gone"
    rng = np.random.default_rng(0)
    source = store.source(Labels.of(job="a"))
    layout = store.layout(series(*(f"m{number}" for number in range(2000))))
    with capture_logs() as logs:
        for tick in range(500):
            store.append(source, whole(layout, BASE_MS + tick * 1000, *rng.random(2000)))
            if tick % 50 == 49:
                store._journal.flush()
                store.maintain(BASE_MS + tick * 1000 + 10 * MINUTE_MS)
    stats = store.stats()
    assert stats.head_bytes < 2 * 2**20
    assert len(store._journal._unsaved) < 120
    assert stats.newest_ms == BASE_MS + 499_000
    assert {"sealing_failed", "journal_commit_failed", "vectors_dropped"} <= {
        entry["event"] for entry in logs
    }
    assert stats.dropped_vectors > 0
    assert degraded(store) == ["chunks_unwritable", "samples_dropped", "samples_unwritable"]
    limit_pages(store, 10_000)
    store._windows._directory = directory
    store._journal.flush()
    store.maintain(BASE_MS + 60 * MINUTE_MS)
    assert degraded(store) == []
    store.close()


def test_window_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    store = opened(tmp_path)
    filled(store, 20)
    store.maintain(BASE_MS + 10 * MINUTE_MS)
    store.close()
    (window,) = (tmp_path / "samples").glob("*.db")
    edit(window, "update window set version = 99")
    with capture_logs() as logs:
        again = opened(tmp_path)
    assert [entry["event"] for entry in logs] == ["window_unreadable", "degraded"]
    again.close()
    assert list((tmp_path / "samples").glob("*.db")) == [window]
