"""Events are durable in the journal, and in every answer; each is folded once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from storage.api.errors import StorageError
from storage.api.events import AppendResult, EventSelection
from storage.api.new_events import NewEvent
from storage.api.requests import NewRequest, RequestSelection
from storage.events import DuckEventStore
from storage.events.files import copy_event_store
from storage.events.journal.segments import segment_paths
from tests.patience import PATIENCE_S

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NOW_MS = 1_764_000_000_000
EVER = EventSelection(1, 0, 2**53)
FILE = "events.duckdb"


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckEventStore]:
    store = DuckEventStore(tmp_path / FILE)
    yield store
    await asyncio.to_thread(store.close)


def events(*ids: int) -> list[NewEvent]:
    return [NewEvent(str(number), f"n{number % 3}", NOW_MS, f"p{number % 5}") for number in ids]


def request() -> NewRequest:
    return NewRequest(NOW_MS, "GET", "/", "/", 200, 1)


async def crashed(directory: Path, target: Path) -> DuckEventStore:
    """Return a store over the files as a crash would leave them."""

    def copy() -> None:
        target.mkdir()
        for path in directory.glob(f"{FILE}*"):
            shutil.copyfile(path, target / path.name)

    await asyncio.to_thread(copy)
    return DuckEventStore(target / FILE)


async def segments(path: Path) -> list[Path]:
    return await asyncio.to_thread(segment_paths, path)


async def folded(store: DuckEventStore) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while store._journal.pending.rows:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def counts(store: DuckEventStore) -> tuple[int, int]:
    totals = await store.totals(EVER)
    requests = await store.requests.latest_requests(RequestSelection(1, 0, 2**53), 100)
    return totals.events, len(requests)


async def test_acknowledged_batches_survive_a_crash_before_they_are_folded(
    store: DuckEventStore, tmp_path: Path
) -> None:
    await store.append(1, events(1, 2), NOW_MS)
    await store.requests.append_requests(1, [request()])
    assert len(await segments(tmp_path / FILE)) == 1
    again = await crashed(tmp_path, tmp_path / "again")
    # An id that is in the journal only is known.
    assert await again.append(1, events(2, 3), NOW_MS) == AppendResult(1, (0,))
    assert await counts(again) == (3, 1)
    await asyncio.to_thread(again.close)
    assert await segments(tmp_path / "again" / FILE) == []


async def test_a_crash_between_folding_and_deleting_the_file_folds_nothing_twice(
    store: DuckEventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(1, events(1, 2), NOW_MS)
    await store.requests.append_requests(1, [request()])
    monkeypatch.setattr("storage.events.journal.journal.delete_segment", lambda _: None)
    assert await counts(store) == (2, 1)
    await store.append(1, events(3), NOW_MS)
    assert len(await segments(tmp_path / FILE)) == 2
    again = await crashed(tmp_path, tmp_path / "again")
    monkeypatch.undo()
    assert await counts(again) == (3, 1)
    await asyncio.to_thread(again.close)


async def test_a_commit_that_reports_an_error_although_it_is_durable_is_not_repeated(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(1, events(1), NOW_MS)
    transaction = store._database.transaction

    def fail(work: object) -> None:
        transaction(work)  # type: ignore[arg-type]
        raise StorageError("the commit may have failed")

    monkeypatch.setattr(store._database, "transaction", fail)
    with pytest.raises(StorageError):
        await store.totals(EVER)
    monkeypatch.undo()
    assert (await store.totals(EVER)).events == 1
    await store.append(1, events(2), NOW_MS)
    assert (await store.totals(EVER)).events == 2


async def test_what_cannot_be_folded_stays_and_is_folded_later(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(1, events(1), NOW_MS)
    write = store._tables.write

    def fail(connection: "DuckDBPyConnection", batches: object) -> None:
        write(connection, batches)  # type: ignore[arg-type]
        raise StorageError("the disk is full")

    monkeypatch.setattr(store._tables, "write", fail)
    with pytest.raises(StorageError, match="full"):
        await store.totals(EVER)
    # New events and names are taken still.
    assert await store.append(1, events(1, 2), NOW_MS) == AppendResult(1, (0,))
    monkeypatch.undo()
    assert [(name, count) for name, count, _, _ in await store.names(1)] == [("n1", 1), ("n2", 1)]


async def test_a_copy_of_a_store_in_use_has_the_journal_too(
    store: DuckEventStore, tmp_path: Path
) -> None:
    await store.append(1, events(1), NOW_MS)
    await store.totals(EVER)
    await store.append(1, events(2, 3), NOW_MS)
    copy = tmp_path / "copy.duckdb"
    assert await asyncio.to_thread(copy_event_store, tmp_path / FILE, copy)
    assert await segments(copy) == []
    again = DuckEventStore(copy)
    assert (await again.totals(EVER)).events == 3
    await asyncio.to_thread(again.close)


async def test_many_rows_are_folded_without_a_report(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.events.appending.folding._ENOUGH_ROWS", 10)
    await store.append(1, events(*range(25)), NOW_MS)
    await folded(store)


async def test_few_rows_are_folded_after_a_while(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.events.appending.folding._DELAY_S", 0.0)
    await store.append(1, events(1), NOW_MS)
    await folded(store)


async def test_appending_waits_for_room_and_names_the_reason_if_there_is_none(
    store: DuckEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.events.appending.folding._MOST_ROWS", 3)
    await store.append(1, events(1, 2, 3), NOW_MS)

    def fail(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(store._tables, "write", fail)
    with pytest.raises(StorageError, match="full"):
        await store.append(1, events(4), NOW_MS)
    monkeypatch.undo()
    assert await store.append(1, events(4), NOW_MS) == AppendResult(1)
    assert (await store.totals(EVER)).events == 4


async def test_deletions_reach_what_is_not_folded_yet(store: DuckEventStore) -> None:
    await store.append(1, events(1, 2, 6), NOW_MS)
    assert await store.erase_person(1, "p1") == 2
    await store.append(1, events(3), NOW_MS)
    assert await store.delete_before(1, NOW_MS + 1) == 2
    # An erased id is not known any more.
    assert await store.append(1, events(1), NOW_MS) == AppendResult(1)


async def test_a_file_from_before_the_journal_is_opened(store: DuckEventStore) -> None:
    await store.append(1, events(1, 2), NOW_MS)
    await store._database.write(lambda connection: connection.execute("drop table folded"))
    await asyncio.to_thread(store.close)
    again = DuckEventStore(store._database.path)
    assert await again.append(1, events(2, 3), NOW_MS) == AppendResult(1, (0,))
    assert await counts(again) == (3, 0)
    await asyncio.to_thread(again.close)
