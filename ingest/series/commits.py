"""Group commit: many requests share one sync to disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, Self

from ingest.series.tasks import background_task
from storage.api.errors import StorageError, StoreClosedError


class CommittingStore(Protocol):
    """A store with a commit."""

    async def commit(self) -> None:
        """Return when everything appended before the call is durable.

        Raises:
            StorageError: the write failed.
        """


class GroupCommit:
    """Commits for all waiting requests at once, one round after the other.

    async with GroupCommit(samples, messages).running() as commits: await commits.committed()
    """

    def __init__(self, *stores: CommittingStore) -> None:
        """Args: the stores in the order of their commits; the message log comes last."""
        self._stores = stores
        self._waiting: list[asyncio.Future[None]] = []
        self._wanted = asyncio.Event()
        self._is_running = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Commit until the block ends; requests that still wait then get an error."""
        self._is_running = True
        try:
            async with background_task(self._run()):
                yield self
        finally:
            self._is_running = False
            _finish(self._waiting, StoreClosedError("the server is stopping"))

    async def committed(self) -> None:
        """Return when everything appended before the call is durable.

        Raises:
            StorageError: the write failed, or the server is stopping.
        """
        if not self._is_running:
            raise StoreClosedError("the server is stopping")
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._wanted.set()
        await waiter

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            waiting, self._waiting = self._waiting, []
            error: StorageError | None = None
            try:
                for store in self._stores:
                    await store.commit()
            except StorageError as exc:
                error = exc
            except asyncio.CancelledError:
                self._waiting = waiting + self._waiting
                raise
            _finish(waiting, error)


def _finish(waiting: list[asyncio.Future[None]], error: StorageError | None) -> None:
    for waiter in waiting:
        # The waiter of a client that disconnected is cancelled.
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
