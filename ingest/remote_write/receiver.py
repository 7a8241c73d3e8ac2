"""Receives remote-write requests: decompress, decode, write, commit.

Source: Prometheus Remote-Write 1.0 and 2.0 specifications.
"""

from enum import Enum, auto
from typing import Final

from ingest.intake import PushIntake
from ingest.limits.write_limits import WriteLimits
from ingest.remote_write.label_reader import LabelReader
from ingest.remote_write.snappy import decompressed
from ingest.remote_write.write_request_1 import decode_1
from ingest.remote_write.write_request_2 import decode_2
from ingest.series.metric_metadata import PushedMetadata
from ingest.series.write_result import WriteResult, WriteStatistics
from model.clock import Clock
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from storage.api.samples import AmendingAppender, SampleReader

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
        self._limits = limits or WriteLimits()
        self._labels = LabelReader(self._limits.labels)
        self._intake = PushIntake(
            appender,
            reader,
            clock,
            self._limits,
            "remote-write",
            _THREAD_BYTES,
            refusals,
            memory,
        )
        self.statistics = WriteStatistics()
        self.metadata = PushedMetadata()

    @property
    def series(self) -> int:
        """The number of active series of all senders."""
        return self._intake.series

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
        limits, decode = self._limits, _DECODERS[version]
        intake = self._intake
        async with intake.turn(sender_name, len(body)) as sender:
            # In the sender's turn, so that only one of its messages is decompressed in memory.
            data = await intake.call(
                len(body), lambda: decompressed(body, limits.decompressed_bytes)
            )
            batch = await intake.call(len(data), lambda: decode(data, sender.find, limits.request))
            result = await intake.write(sender, batch, self._labels.labels_of, token)
        if batch.metadata:
            self.metadata.update(sender_name, batch.metadata)
        await intake.commit(result)
        self.statistics.add(result)
        return result
