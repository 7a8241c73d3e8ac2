"""Batches that were stored lately: a sender whose answer was lost sends its batch again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from model.clock import Clock

_KEPT_MS: Final = 3_600_000
_MOST_KEPT: Final = 20_000

Answer = TypeVar("Answer")


class RecentBatches(Generic[Answer]):
    """Remembers the answers of batches by project and id, in memory, for an hour.

    After a restart a batch that was stored just before may be stored twice: its sender gets
    the connection's end instead of the answer.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # In order of arrival.
        self._answers: dict[tuple[int, str], tuple[int, asyncio.Future[Answer]]] = {}

    async def once(
        self, project_id: int, batch_id: str, store: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Store a batch and return its answer; a known one is not stored again.

        A repetition that arrives while the batch is being stored waits for it. If storing
        fails, it tries itself.

        Args:
            project_id: the project.
            batch_id: the sender's name of the batch; "" for none, which is always stored.
            store: stores it.
        """
        if not batch_id:
            return await store()
        key = project_id, batch_id
        while (known := self._answers.get(key)) is not None:
            await asyncio.wait([known[1]])
            if not known[1].cancelled():
                return known[1].result()
        return await self._stored(key, store)

    async def _stored(self, key: tuple[int, str], store: Callable[[], Awaitable[Answer]]) -> Answer:
        now_ms = self._clock()
        self._forget(now_ms)
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers[key] = now_ms, done
        try:
            answer = await store()
        except BaseException:
            # Before the waiting repetitions wake: one of them takes its place.
            del self._answers[key]
            done.cancel()
            raise
        done.set_result(answer)
        return answer

    def _forget(self, now_ms: int) -> None:
        while self._answers:
            key = next(iter(self._answers))
            stored_ms, done = self._answers[key]
            is_old = now_ms - stored_ms >= _KEPT_MS or len(self._answers) >= _MOST_KEPT
            if not is_old or not done.done():
                return
            del self._answers[key]
