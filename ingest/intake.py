"""The way of every pushed batch of samples, whatever its protocol.

async with intake.turn(sender_name, len(body)) as sender:
batch = await intake.call(len(body), lambda: decode(body, sender.find))
result = await intake.write(sender, batch, read_labels, token)
await intake.commit(result)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from ingest.errors import PushLimitError, TooMuchError
from ingest.limits.write_limits import WriteLimits
from ingest.series.executor import ThreadTurns
from ingest.series.sample_batch import SampleBatch
from ingest.series.senders import ReadLabels, Sender, Senders
from ingest.series.write_result import WriteResult
from model.clock import Clock
from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryLimitError, MemoryReading
from storage.api.samples import AmendingAppender, SampleReader

T = TypeVar("T")


class PushIntake:
    """Takes the requests of one protocol; runs on one event loop.

    Args:
        appender, reader: the sample store.
        clock: returns the current time.
        limits: of the writes.
        protocol: the prefix of the names of all streams.
        thread_bytes: larger messages are read in a thread: these take some 10 ms.
        refusals: counts what a limit refuses.
        memory: the server's memory; None for no limit.
    """

    def __init__(
        self,
        appender: AmendingAppender,
        reader: SampleReader,
        clock: Clock,
        limits: WriteLimits,
        protocol: str,
        thread_bytes: int,
        refusals: Refusals | None = None,
        memory: MemoryReading | None = None,
    ) -> None:
        self._appender, self._clock, self._thread_bytes = appender, clock, thread_bytes
        self._refusals, self._memory = refusals or Refusals(), memory or MemoryReading()
        self._threads = ThreadTurns()
        self._senders = Senders(appender, reader, limits, protocol, self._memory, self._threads)

    @property
    def series(self) -> int:
        """The number of active series of all senders."""
        return self._senders.series

    def sender(self, name: str) -> Sender:
        """Return the sender of this name, a new one on first use."""
        return self._senders.sender(name, self._clock())

    @asynccontextmanager
    async def turn(self, sender_name: str, size_bytes: int) -> AsyncIterator[Sender]:
        """Hold a sender's turn, and count what a limit refuses in the block.

        Raises:
            PushLimitError: too many bytes of the sender's requests wait already.
            MemoryLimitError: the server is short of memory.
        """
        if not self._memory.has_room_for(size_bytes):
            self._refusals.count(LimitName.MEMORY)
            raise MemoryLimitError("this large push", self._memory)
        sender = self.sender(sender_name)
        try:
            async with sender.turn_for(size_bytes):
                yield sender
        except TooMuchError:
            self._refusals.count(LimitName.PUSH_REQUEST)
            raise
        except PushLimitError as exc:
            self._refusals.count(exc.limit)
            raise

    async def call(self, size_bytes: int, work: Callable[[], T]) -> T:
        """Call a function that reads so many bytes, in a thread if they are many."""
        return await self._threads.run(work) if size_bytes > self._thread_bytes else work()

    async def write(
        self, sender: Sender, batch: SampleBatch, read_labels: ReadLabels, token: str
    ) -> WriteResult:
        """Write a batch within the sender's budgets; its turn is held.

        Raises:
            PushLimitError: the sender or its token is at a limit.
            StorageError: the write failed; sending the request again helps.
        """
        admission = sender.budgets.admission(token, self._clock())
        wait_s = admission.samples_wait_s()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
            admission = sender.budgets.admission(token, self._clock())
        admission.take_samples(len(batch.samples))
        return await sender.write(batch, read_labels, admission)

    async def commit(self, result: WriteResult) -> None:
        """Count what limits refused, and wait until all that was written is durable.

        Also for samples that were stored before: the sender may have repeated a request that
        timed out before it was durable.

        Raises:
            StorageError: the commit failed; sending the request again helps.
        """
        for limit, count in result.refused.items():
            self._refusals.count(limit, count)
        await self._appender.commit()
