"""Opens the stores of a data directory in order and closes them in reverse order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from daemon.data_directory import DataDirectory
from daemon.store_access import opened_records
from model.clock import SteadyClock
from model.conditions import Conditions
from storage.api.errors import StorageError
from storage.disk_watch import DiskWatch
from storage.events import DuckEventStore, EventStoreSettings
from storage.messages.log import SqliteMessageLog
from storage.records.store import Records
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from storage.snapshots import StoreAdministration
from web.identity.keys import KeyRing


@dataclass(frozen=True, slots=True)
class Stores:
    """The open stores of a running server, its keys, its clock, and what is wrong with it."""

    samples: SqliteSampleStore
    records: Records
    keys: KeyRing
    messages: SqliteMessageLog
    events: DuckEventStore
    administration: StoreAdministration
    conditions: Conditions
    clock: SteadyClock


@asynccontextmanager
async def opened_stores(
    directory: DataDirectory,
    settings: StoreSettings,
    event_settings: EventStoreSettings | None = None,
) -> AsyncIterator[Stores]:
    """Open all stores until the block ends.

    Raises:
        StorageError: the data cannot be opened.
        KeysError: the keys cannot be read or created.
    """
    clock = SteadyClock()
    conditions = Conditions(clock)
    async with AsyncExitStack() as stack:
        samples = SqliteSampleStore(directory.path, settings, clock=clock, conditions=conditions)
        await _open(samples)
        stack.push_async_callback(asyncio.to_thread, samples.close)
        records = await stack.enter_async_context(opened_records(directory.records, conditions))
        keys = await asyncio.to_thread(KeyRing.open, directory.keys, clock())
        messages = SqliteMessageLog(directory.messages, conditions=conditions)
        await asyncio.to_thread(messages.open)
        stack.push_async_callback(asyncio.to_thread, messages.close)
        watch = DiskWatch(
            directory.path,
            conditions,
            {
                "journal.db": samples.journal_writing_s,
                directory.records.name: lambda: records.writing_s,
                directory.messages.name: lambda: messages.writing_s,
            },
        )
        await asyncio.to_thread(watch.start)
        stack.push_async_callback(asyncio.to_thread, watch.stop)
        administration = StoreAdministration(samples, directory.path, clock)
        events = DuckEventStore(directory.events, event_settings)
        stack.push_async_callback(asyncio.to_thread, events.close)
        yield Stores(samples, records, keys, messages, events, administration, conditions, clock)


async def _open(samples: SqliteSampleStore) -> None:
    """Open the sample store in a thread; on cancellation, stop it and close the files.

    After a crash the journal is replayed, which may take seconds.
    """
    opening = asyncio.ensure_future(asyncio.to_thread(samples.open))
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        samples.stop_opening()
        with suppress(StorageError):
            await opening
        await asyncio.to_thread(samples.close)
        raise
