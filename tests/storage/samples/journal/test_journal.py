import asyncio
from pathlib import Path

from model.labels import Labels
from storage.samples.store import SqliteSampleStore
from tests.patience import PATIENCE_S
from tests.storage.samples.sample_builders import BASE_MS, change, series, small, whole


def rows(store: SqliteSampleStore) -> int:
    return len(list(store._journal.rows()))


def test_rows_that_chunks_cover_are_deleted(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    store.open()
    source = store.source(Labels.of(job="a"))
    layout = store.layout(series("x"))
    for tick in range(23):
        store.append(source, whole(layout, BASE_MS + tick, tick))
        store._journal.flush()
    assert rows(store) == 23
    store.maintain(BASE_MS + 120_000)
    head = store._heads.get(source.id)
    assert head is not None
    assert head.open is not None
    assert 0 < rows(store) == len(head.open.times_ms) < 5
    store.close()


async def test_commit_waits_until_the_vectors_are_in_the_file(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    await asyncio.to_thread(store.open)
    source = store.source(Labels.of(job="a"))
    store.append(source, whole(store.layout(series("x")), BASE_MS, 1))
    assert await asyncio.to_thread(rows, store) == 0
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(store.commit(), store.commit())
    assert await asyncio.to_thread(rows, store) == 1
    async with asyncio.timeout(PATIENCE_S):
        await store.commit()
    await asyncio.to_thread(store.close)


async def test_vectors_are_committed_in_the_background(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(commit_interval="1ms"), clock=lambda: 0)
    await asyncio.to_thread(store.open)
    source = store.source(Labels.of(job="a"))
    store.append(source, whole(store.layout(series("x")), BASE_MS, 1))
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(rows, store):
            pass
    await asyncio.to_thread(store.close)


async def test_close_finishes_a_running_commit(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    await asyncio.to_thread(store.open)
    store.append(store.source(Labels()), whole(store.layout(series("x")), BASE_MS, 1))
    commit = asyncio.ensure_future(store.commit())
    await asyncio.sleep(0)
    await asyncio.to_thread(store.close)
    async with asyncio.timeout(PATIENCE_S):
        await commit
    again = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    await asyncio.to_thread(again.open)
    assert await asyncio.to_thread(rows, again) == 1
    await asyncio.to_thread(again.close)


def test_growing_layout_is_stored_as_its_new_columns(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(chunk_vectors=4000), clock=lambda: 0)
    store.open()
    source = store.source(Labels.of(job="a"))
    names = [f"metric_number_{number}" for number in range(200)]
    store.append(source, whole(store.layout(series(*names[:100])), BASE_MS, *range(100)))
    for width in range(101, 200):
        layout = store.layout(series(*names[:width]))
        store.append(source, change(layout, BASE_MS + width, {width - 1: width}))
    store._journal.flush()
    (size,) = store._journal.read(
        lambda connection: connection.execute("select sum(length(series)) from layouts").fetchone()
    )
    assert size < 12_000
    store.close()
    again = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    again.open()
    (part,) = again.select([], BASE_MS + 199, BASE_MS + 199)
    assert [labels.metric for labels in part.labels] == names[:199]
    again.close()


def test_layouts_that_no_row_uses_are_deleted(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(chunk_vectors=100), clock=lambda: 0)
    store.open()
    source = store.source(Labels.of(job="a"))
    for tick in range(1500):
        layout = store.layout(series("x", f"y{tick // 10}", f"z{tick}"))
        if tick == 1499:
            store._journal.flush()
        store.append(source, whole(layout, BASE_MS + tick, 1, tick, tick))
    store._journal.flush()
    grown = store.layout(series("x", "y149", "z1499", "w"))
    store.append(source, change(grown, BASE_MS + 1500, {3: 7}))
    store._journal.flush()
    store.maintain(BASE_MS + 10**6)
    (count,) = store._journal.read(
        lambda connection: connection.execute("select count(*) from layouts").fetchone()
    )
    assert count == 2
    store.close()
    again = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    again.open()
    assert len(again.select([], BASE_MS + 1500, BASE_MS + 1500)[0].labels) == 4
    again.close()


async def test_commit_syncs_earlier_background_commits(tmp_path: Path) -> None:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: 0)
    await asyncio.to_thread(store.open)
    log = tmp_path / "journal.db-wal"
    store.append(store.source(Labels()), whole(store.layout(series("x")), BASE_MS, 1))
    await asyncio.to_thread(store._journal.flush)
    unsynced = await asyncio.to_thread(log.stat)
    await store.commit()
    synced = await asyncio.to_thread(log.stat)
    assert synced.st_size > unsynced.st_size
    await store.commit()
    assert (await asyncio.to_thread(log.stat)).st_size == synced.st_size
    await asyncio.to_thread(store.close)
