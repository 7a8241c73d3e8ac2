"""What a data directory holds, opened in order and closed in the reverse one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from daemon.data_directory import DataDirectory
from model.clock import system_clock
from storage.messages.log import SqliteMessageLog
from storage.records.records import Records
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from web.identity.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of a running server, and the keys that lie beside them."""

    samples: SqliteSampleStore
    records: Records
    keys: KeyRing
    messages: SqliteMessageLog


@asynccontextmanager
async def opened_stores(directory: DataDirectory, settings: StoreSettings) -> AsyncIterator[Stores]:
    """Open everything for as long as the block lasts.

    Raises:
        StorageError: the data cannot be opened.
        KeysError: the keys cannot be read or made.
    """
    async with AsyncExitStack() as stack:

        async def opened(part: SqliteSampleStore | SqliteMessageLog | Records) -> None:
            await asyncio.to_thread(part.open)
            stack.push_async_callback(asyncio.to_thread, part.close)

        samples = SqliteSampleStore(directory.path, settings, clock=system_clock)
        await opened(samples)
        records = Records(directory.records)
        await opened(records)
        keys = await asyncio.to_thread(KeyRing.open, directory.keys, system_clock())
        messages = SqliteMessageLog(directory.messages)
        await opened(messages)
        yield Stores(samples, records, keys, messages)
