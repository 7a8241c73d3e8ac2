"""How tools come at the sample store's files: alone, or beside a running server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.configuration.configuration import ConfigurationSource
from daemon.data_directory import DataDirectory
from daemon.errors import DataDirectoryError
from model.clock import system_clock
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.snapshot import StoreSnapshot


@contextmanager
def exclusive_store(config: Path | None, directory: DataDirectory) -> Iterator[SqliteSampleStore]:
    """Yield the store while no server uses it; nothing runs in its background.

    Raises:
        DaemonError: a server runs, or the configuration is wrong.
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
    """Yield what is committed now, whether a server runs or not.

    Raises:
        DataDirectoryError: there is no such directory.
        StorageError: the files cannot be read.
    """
    require(directory)
    snapshot = StoreSnapshot(directory.path)
    try:
        snapshot.open()
        yield snapshot
    finally:
        snapshot.close()


def require(directory: DataDirectory) -> None:
    """Refuse a directory that is not there, or that no server has used.

    Raises:
        DataDirectoryError: it is such a one.
    """
    if not directory.path.is_dir():
        raise DataDirectoryError(
            f"there is no data directory {directory.path}; name it with --data-dir"
        )
    if not directory.is_used:
        raise DataDirectoryError(
            f"{directory.path} is no data directory: nothing of a server is in it;"
            " name it with --data-dir"
        )
