"""Opens the stores of a data directory in order and closes them in reverse order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from daemon.data_directory import DataDirectory
from daemon.store_access import opened_records
from model.clock import system_clock
from model.conditions import Conditions
from storage.messages.log import SqliteMessageLog
from storage.records.store import Records
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from storage.snapshots import StoreAdministration
from web.identity.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Stores:
    """The open stores of a running server, its keys, and what is wrong with it."""

    samples: SqliteSampleStore
    records: Records
    keys: KeyRing
    messages: SqliteMessageLog
    administration: StoreAdministration
    conditions: Conditions


@asynccontextmanager
async def opened_stores(directory: DataDirectory, settings: StoreSettings) -> AsyncIterator[Stores]:
    """Open all stores until the block ends.

    Raises:
        StorageError: the data cannot be opened.
        KeysError: the keys cannot be read or created.
    """
    conditions = Conditions(system_clock)
    async with AsyncExitStack() as stack:

        async def opened(part: SqliteSampleStore | SqliteMessageLog) -> None:
            await asyncio.to_thread(part.open)
            stack.push_async_callback(asyncio.to_thread, part.close)

        samples = SqliteSampleStore(directory.path, settings, clock=system_clock)
        await opened(samples)
        records = await stack.enter_async_context(opened_records(directory.records))
        keys = await asyncio.to_thread(KeyRing.open, directory.keys, system_clock())
        messages = SqliteMessageLog(directory.messages)
        await opened(messages)
        administration = StoreAdministration(samples, directory.path, system_clock)
        yield Stores(samples, records, keys, messages, administration, conditions)
