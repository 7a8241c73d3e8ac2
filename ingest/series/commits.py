"""Group commit: thousands who wait for their answer share one sync of the disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, Self

from ingest.series.background import in_background
from storage.api.errors import StorageError, StoreClosedError


class Committing(Protocol):
    """What makes durable all that it was given."""

    async def commit(self) -> None:
        """Return when everything given before the call is durable.

        Raises:
            StorageError: the disk refused.
        """


class GroupCommit:
    """Commits for all who wait at a time, one round after the other.

    async with GroupCommit(samples, messages).running() as commits: await commits.committed()
    """

    def __init__(self, *parts: Committing) -> None:
        """Args: what is committed, in this order: that a message was taken comes last."""
        self._parts = parts
        self._waiting: list[asyncio.Future[None]] = []
        self._wanted = asyncio.Event()
        self._is_running = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Commit; who still waits at the end is told that nothing was promised."""
        self._is_running = True
        try:
            async with in_background(self._run()):
                yield self
        finally:
            self._is_running = False
            _answer(self._waiting, StoreClosedError("the server is stopping"))

    async def committed(self) -> None:
        """Return when all that was appended before the call is durable.

        Raises:
            StorageError: the disk refused, or the server is stopping.
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
                for part in self._parts:
                    await part.commit()
            except StorageError as exc:
                error = exc
            except asyncio.CancelledError:
                self._waiting = waiting + self._waiting
                raise
            _answer(waiting, error)


def _answer(waiting: list[asyncio.Future[None]], error: StorageError | None) -> None:
    for waiter in waiting:
        # One whose client left was cancelled.
        if waiter.done():
            continue
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)
