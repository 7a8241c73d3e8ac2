"""Receives remote-write requests: decompress, decode, write, commit.

Source: Prometheus Remote-Write 1.0 and 2.0 specifications.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, TypeVar

from ingest.errors import PushLimitError, TooMuchError
from ingest.limits.write_limits import WriteLimits
from ingest.remote_write.label_reader import LabelReader
from ingest.remote_write.snappy import decompressed
from ingest.remote_write.write_request_1 import decode_1
from ingest.remote_write.write_request_2 import decode_2
from ingest.series.executor import ThreadTurns
from ingest.series.metric_metadata import PushedMetadata
from ingest.series.sample_batch import SampleBatch
from ingest.series.senders import Sender, Senders
from ingest.series.write_result import WriteResult, WriteStatistics
from model.clock import Clock
from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryLimitError, MemoryReading
from storage.api.samples import AmendingAppender, SampleReader

T = TypeVar("T")

# Larger messages are decompressed and decoded in a thread: these take some 10 ms.
_THREAD_BYTES: Final = 512 * 2**10


class WriteVersion(Enum):
    """The version of a remote-write message."""

    V1 = auto()
    V2 = auto()


_DECODERS: Final = {WriteVersion.V1: decode_1, WriteVersion.V2: decode_2}


class RemoteWriteReceiver:
    """Stores the samples of remote-write requests; runs on one event loop.

    Attributes:
        statistics: totals since the start.
        metadata: of the metrics that were written.
    """

    def __init__(
        self,
        appender: AmendingAppender,
        reader: SampleReader,
        clock: Clock,
        limits: WriteLimits | None = None,
        *,
        refusals: Refusals | None = None,
        memory: MemoryReading | None = None,
    ) -> None:
        self._appender, self._clock = appender, clock
        self._limits = limits or WriteLimits()
        self._refusals, self._memory = refusals or Refusals(), memory or MemoryReading()
        self._labels = LabelReader(self._limits.labels)
        self._threads = ThreadTurns()
        self._senders = Senders(
            appender, reader, self._limits, "remote-write", self._memory, self._threads
        )
        self.statistics = WriteStatistics()
        self.metadata = PushedMetadata()

    @property
    def series(self) -> int:
        """The number of active series of all senders."""
        return self._senders.series

    async def receive(
        self, sender_name: str, body: bytes, version: WriteVersion, token: str = ""
    ) -> WriteResult:
        """Store the samples of a request; they are durable when this returns.

        Invalid samples are rejected, as the result says; all others are stored.

        Args:
            sender_name: whose series these are; senders do not share series.
            body: the compressed message.
            version: of the message.
            token: which of the sender's tokens it used, "" for none.

        Raises:
            MalformedMessageError: the body is no such message; nothing is stored.
            TooMuchError: the request exceeds a limit; nothing is stored.
            PushLimitError: the sender is at a limit; nothing is stored.
            MemoryLimitError: the server is short of memory; nothing is stored.
            StorageError: the write failed; sending the request again helps.
        """
        if not self._memory.has_room_for(len(body)):
            self._refusals.count(LimitName.MEMORY)
            raise MemoryLimitError("this large push", self._memory)
        sender = self._senders.sender(sender_name, self._clock())
        try:
            async with sender.turn_for(len(body)):
                batch, result = await self._written(sender, body, version, token)
        except TooMuchError:
            self._refusals.count(LimitName.PUSH_REQUEST)
            raise
        except PushLimitError as exc:
            self._refusals.count(exc.limit)
            raise
        for limit, count in result.refused.items():
            self._refusals.count(limit, count)
        if batch.metadata:
            self.metadata.update(sender_name, batch.metadata)
        # Also for samples that were stored before: the sender may have repeated a request
        # that timed out before it was durable.
        await self._appender.commit()
        self.statistics.add(result)
        return result

    async def _written(
        self, sender: Sender, body: bytes, version: WriteVersion, token: str
    ) -> tuple[SampleBatch, WriteResult]:
        """Decode and write a request; the sender's turn is held."""
        limits, decode = self._limits, _DECODERS[version]
        # In the sender's turn, so that only one of its messages is decompressed in memory.
        data = await self._call(len(body), lambda: decompressed(body, limits.decompressed_bytes))
        batch = await self._call(len(data), lambda: decode(data, sender.find, limits.request))
        admission = sender.budgets.admission(token, self._clock())
        wait_s = admission.samples_wait_s()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
            admission = sender.budgets.admission(token, self._clock())
        admission.take_samples(len(batch.samples))
        return batch, await sender.write(batch, self._labels.labels_of, admission)

    async def _call(self, size_bytes: int, work: Callable[[], T]) -> T:
        """Call a function that reads so many bytes, in a thread if they are many."""
        return await self._threads.run(work) if size_bytes > _THREAD_BYTES else work()
