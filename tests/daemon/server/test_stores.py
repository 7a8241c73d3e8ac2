import asyncio
import threading
from pathlib import Path

import pytest

from daemon.data_directory import DataDirectory
from daemon.server.stores import opened_stores
from storage.api.accounts import Role
from storage.api.errors import StorageError, StoreClosedError
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore


async def test_records_are_read_back_after_reopening(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    async with opened_stores(directory, StoreSettings()) as stores:
        await stores.records.accounts.add_user("ann", Role.VIEWER, "hash", 1)
    async with opened_stores(directory, StoreSettings()) as stores:
        assert [user.name for user in await stores.records.accounts.users()] == ["ann"]


async def test_stores_are_closed_if_one_cannot_be_opened(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    await asyncio.to_thread(directory.messages.mkdir)
    with pytest.raises(StorageError):
        async with opened_stores(directory, StoreSettings()):
            pytest.fail("they are open")
    await asyncio.to_thread(directory.messages.rmdir)
    async with opened_stores(directory, StoreSettings()):
        assert await asyncio.to_thread(directory.messages.exists)


async def test_cancelled_start_stops_the_replay_and_closes_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaying, stopped, closed = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def replay(_: SqliteSampleStore) -> None:
        loop.call_soon_threadsafe(replaying.set)
        stopped.wait()
        raise StoreClosedError("stopped")

    monkeypatch.setattr(SqliteSampleStore, "open", replay)
    monkeypatch.setattr(SqliteSampleStore, "stop_opening", lambda _: stopped.set())
    monkeypatch.setattr(SqliteSampleStore, "close", lambda _: closed.set())

    async def start() -> None:
        async with opened_stores(DataDirectory(tmp_path), StoreSettings()):
            pytest.fail("they are open")

    starting = asyncio.create_task(start())
    await replaying.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert closed.is_set()
