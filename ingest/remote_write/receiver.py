"""Receives remote-write requests: decompress, decode, write, commit.

Source: Prometheus Remote-Write 1.0 and 2.0 specifications.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final, TypeVar

from ingest.remote_write.label_reader import LabelReader
from ingest.remote_write.snappy import decompressed
from ingest.remote_write.write_request_1 import decode_1
from ingest.remote_write.write_request_2 import decode_2
from ingest.remote_write.written_metadata import WrittenMetadata
from ingest.series.executor import run_in_thread
from ingest.series.limits import WriteLimits
from ingest.series.senders import Senders
from ingest.series.write_result import WriteResult, WriteStatistics
from model.clock import Clock
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
    ) -> None:
        self._appender, self._clock = appender, clock
        self._limits = limits or WriteLimits()
        self._labels = LabelReader(self._limits.request)
        self._senders = Senders(appender, reader, self._limits, "remote-write")
        self.statistics = WriteStatistics()
        self.metadata = WrittenMetadata()

    @property
    def series(self) -> int:
        """The number of active series of all senders."""
        return self._senders.series

    async def receive(self, sender_name: str, body: bytes, version: WriteVersion) -> WriteResult:
        """Store the samples of a request; they are durable when this returns.

        Invalid samples are rejected, as the result says; all others are stored.

        Args:
            sender_name: whose series these are; senders do not share series.
            body: the compressed message.
            version: of the message.

        Raises:
            MalformedMessageError: the body is no such message; nothing is stored.
            TooMuchError: it exceeds a limit; nothing is stored.
            StorageError: the write failed; sending the request again helps.
        """
        limits, now_ms = self._limits, self._clock()
        data = await _call(len(body), lambda: decompressed(body, limits.decompressed_bytes))
        decode = _DECODERS[version]
        sender = self._senders.sender(sender_name, now_ms)
        async with sender.turn:
            batch = await _call(len(data), lambda: decode(data, sender.find, limits.request))
            result = await sender.write(batch, self._labels.labels_of, now_ms)
        if batch.metadata:
            self.metadata.update(sender_name, batch.metadata)
        # Also for samples that were stored before: the sender may have repeated a request
        # that timed out before it was durable.
        await self._appender.commit()
        self.statistics.add(result)
        return result


async def _call(size_bytes: int, work: Callable[[], T]) -> T:
    """Call a function that reads so many bytes, in a thread if they are many."""
    return await run_in_thread(work) if size_bytes > _THREAD_BYTES else work()
