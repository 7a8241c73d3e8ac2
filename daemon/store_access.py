"""Opens a data directory's stores for commands: exclusively, or beside a running server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from daemon.configuration.configuration import ConfigurationSource
from daemon.data_directory import DataDirectory
from model.clock import system_clock
from model.conditions import Conditions
from storage.records.store import Records
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.snapshot import StoreSnapshot


@contextmanager
def exclusive_store(config: Path | None, directory: DataDirectory) -> Iterator[SqliteSampleStore]:
    """Lock the directory and yield its sample store, which runs no background work.

    Raises:
        DaemonError: a server runs, or the configuration is invalid.
        StorageError: the files cannot be used.
    """
    settings = ConfigurationSource(config).settings().storage
    with directory.locked():
        store = SqliteSampleStore(directory.path, settings, clock=system_clock)
        try:
            store.open(serving=False)
            yield store
        finally:
            store.close()


@contextmanager
def store_snapshot(directory: DataDirectory) -> Iterator[StoreSnapshot]:
    """Yield the samples committed by now; a server may be running.

    Raises:
        DataDirectoryError: there is no such directory.
        StorageError: the files cannot be read.
    """
    directory.require_used()
    snapshot = StoreSnapshot(directory.path)
    try:
        snapshot.open()
        yield snapshot
    finally:
        snapshot.close()


@asynccontextmanager
async def opened_records(
    path: Path, conditions: Conditions | None = None
) -> AsyncIterator[Records]:
    """Open a records database, and close it when the block ends.

    Raises:
        StorageError: the database cannot be opened.
    """
    records = Records(path, conditions)
    await asyncio.to_thread(records.open)
    try:
        yield records
    finally:
        await asyncio.to_thread(records.close)
