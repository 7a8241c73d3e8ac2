"""Runs scripts on the real store, with samples in head, journal and chunk files."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from model.clock import system_clock
from storage.samples.settings import StoreSettings
from storage.samples.store import SqliteSampleStore
from tests.promqltest.store import AppendedStore, SeriesSamples, SeriesStarts

# A few vectors for each chunk, so that most samples are read from files, the rest from the head.
_SETTINGS = StoreSettings(chunk_vectors=4)


class RealStore(AppendedStore):
    """A `SqliteSampleStore` for scripts; each `clear` opens a new one below `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._made = 0
        self._open = ExitStack()
        super().__init__(self._new)

    def _new(self) -> SqliteSampleStore:
        self.close()
        self._made += 1
        store = SqliteSampleStore(self._directory / str(self._made), _SETTINGS, clock=system_clock)
        store.open()
        self._open.callback(store.close)
        return store

    def load(self, samples: SeriesSamples, starts: SeriesStarts | None = None) -> None:
        super().load(samples, starts)
        store = self._store
        assert isinstance(store, SqliteSampleStore)
        asyncio.run(store.commit())
        store.maintain(0)

    def close(self) -> None:
        """Close the current store."""
        self._open.close()


@contextmanager
def real_store() -> Iterator[RealStore]:
    """Yield a store in a temporary directory."""
    with tempfile.TemporaryDirectory() as directory:
        store = RealStore(Path(directory))
        try:
            yield store
        finally:
            store.close()
