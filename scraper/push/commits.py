"""Group commit: thousands who wait for their answer share one sync of the disk."""

import asyncio
from types import TracebackType
from typing import Protocol, Self

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

    async with GroupCommit(samples, messages) as commits: await commits.committed()
    """

    def __init__(self, *parts: Committing) -> None:
        """Args: what is committed, in this order: that a message was taken comes last."""
        self._parts = parts
        self._waiting: list[asyncio.Future[None]] = []
        self._wanted = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._rounds: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to commit."""
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._rounds = self._tasks.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; who still waits is told that nothing was promised."""
        tasks, self._tasks = self._tasks, None
        if self._rounds is not None:
            self._rounds.cancel()
        try:
            if tasks is not None:
                await tasks.__aexit__(kind, exc, traceback)
        finally:
            _answer(self._waiting, StoreClosedError("the server is stopping"))

    async def committed(self) -> None:
        """Return when all that was appended before the call is durable.

        Raises:
            StorageError: the disk refused, or the server is stopping.
        """
        if self._tasks is None:
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
