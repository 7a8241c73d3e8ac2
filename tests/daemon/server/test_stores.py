import asyncio
from pathlib import Path

import pytest

from daemon.data_directory import DataDirectory
from daemon.server.stores import opened_stores
from storage.api.accounts import Role
from storage.api.errors import StorageError
from storage.samples.settings import StoreSettings


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
