"""Receives the requests of OTLP.

Source: OpenTelemetry specification, "OTLP".
"""

from dataclasses import dataclass
from enum import Enum, auto
from itertools import count
from typing import Final

from ingest.errors import PushLimitError
from ingest.intake import PushIntake
from ingest.limits.write_limits import WriteLimits
from ingest.otlp.answers import ExportAnswer
from ingest.otlp.json_bodies import json_as_protobuf
from ingest.otlp.logs import count_spans, decode_logs
from ingest.otlp.metrics import MetricsDecoder
from ingest.otlp.series_identities import Identities
from ingest.otlp.translation_settings import TranslationSettings
from ingest.series.metric_metadata import PushedMetadata
from ingest.series.senders import Sender
from ingest.series.write_result import WriteResult
from model.clock import Clock
from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryReading
from model.telemetry.log_records import LogSink, ScopeLogs
from model.telemetry.persons import PseudonymOf, PseudonymSource
from storage.api.samples import AmendingAppender, SampleReader

# Larger bodies are decoded in a thread: these take some 10 ms.
_THREAD_BYTES: Final = 2**17


class OtlpEncoding(Enum):
    """The encoding of a request body."""

    PROTOBUF = auto()
    JSON = auto()


@dataclass(slots=True)
class OtlpStatistics:
    """Totals since the start of the server.

    Attributes:
        points: data points that were received.
        samples: samples that are stored for them.
        rejected_points: data points that are not stored, or only in part.
        exemplars: received, and not stored.
        repeated: deltas that an earlier request had added already.
        overlapping: deltas whose time overlaps that of earlier ones of their series.
    """

    requests: int = 0
    points: int = 0
    samples: int = 0
    rejected_points: int = 0
    exemplars: int = 0
    repeated: int = 0
    overlapping: int = 0
    log_records: int = 0
    rejected_log_records: int = 0
    rejected_spans: int = 0


class RefusedPointsError(PushLimitError):
    """Some points of a request are refused; sending the request again later helps."""


class OtlpReceiver:
    """Stores what OTLP requests hold; runs on one event loop.

    Args:
        appender, reader: the sample store.
        clock: returns the current time.
        limits: of the writes.
        translation: how metrics become series.
        logs: what stores log records; None if nothing does.
        pseudonyms: of the e-mail addresses in labels; None if addresses are stored.

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
        translation: TranslationSettings | None = None,
        logs: LogSink | None = None,
        pseudonyms: PseudonymSource | None = None,
        refusals: Refusals | None = None,
        memory: MemoryReading | None = None,
    ) -> None:
        self._limits, self._logs = limits or WriteLimits(), logs
        self._translation = translation or TranslationSettings()
        self._intake = PushIntake(
            appender, reader, clock, self._limits, "otlp", _THREAD_BYTES, refusals, memory
        )
        self._pseudonyms = pseudonyms
        self._pseudonym_of: PseudonymOf | None = None
        self._identities: dict[str, Identities] = {}
        self._numbers = count(1)
        self.statistics = OtlpStatistics()
        self.metadata = PushedMetadata()

    def translate(self, settings: TranslationSettings) -> None:
        """Change how metrics become series, from the next request on."""
        if settings != self._translation:
            self._translation, self._identities = settings, {}

    @property
    def series(self) -> int:
        """The number of active series of all senders."""
        return self._intake.series

    async def receive_metrics(
        self, body: bytes, encoding: OtlpEncoding, sender_name: str, token: str = ""
    ) -> ExportAnswer:
        """Store the data points of a request; they are durable when this returns.

        Invalid points are rejected, as the answer says; all others are stored.

        Args:
            body: the message, decompressed.
            encoding: of the message.
            sender_name: whose series these are; senders do not share series.
            token: which of the sender's tokens it used, "" for none.

        Raises:
            MalformedMessageError: the body is no such message; nothing is stored.
            TooMuchError: the request exceeds a limit; nothing is stored.
            PushLimitError: the sender is at a limit; what was stored may be sent again.
            MemoryLimitError: the server is short of memory; nothing is stored.
            StorageError: the write failed; sending the request again helps.
        """
        if self._pseudonyms is not None and self._pseudonym_of is None:
            self._pseudonym_of = await self._pseudonyms()
        async with self._intake.turn(sender_name, len(body)) as sender:
            decoder, result = await self._written(sender, sender_name, body, encoding, token)
        await self._intake.commit(result)
        return self._answer(decoder, result)

    def _answer(self, decoder: MetricsDecoder, result: WriteResult) -> ExportAnswer:
        """Count a request, and return its answer.

        Raises:
            RefusedPointsError: sending it again later helps.
        """
        rejected = min(decoder.points, decoder.rejected + result.rejected)
        statistics = self.statistics
        statistics.requests += 1
        statistics.points += decoder.points
        statistics.samples += result.written
        statistics.rejected_points += rejected
        statistics.exemplars += result.exemplars
        statistics.repeated += result.repeated
        statistics.overlapping += result.overlapping
        message = "; ".join([*decoder.messages, *result.messages])
        if result.retry_after_s:
            limit = LimitName.MEMORY
            if limit not in result.refused:
                limit = next(iter(result.refused))
            raise RefusedPointsError(message, limit, result.retry_after_s)
        if not rejected:
            decoder.stored()
        return ExportAnswer("metrics", rejected, message)

    async def _written(
        self, sender: Sender, name: str, body: bytes, encoding: OtlpEncoding, token: str
    ) -> tuple[MetricsDecoder, WriteResult]:
        """Decode and write a request; the sender's turn is held."""
        identities = self._identities.get(name)
        if identities is None:
            identities = Identities(
                self._translation, self._limits.labels, self._numbers, self._pseudonym_of
            )
            self._identities[name] = identities

        def decode() -> MetricsDecoder:
            data = _protobuf(body, encoding, "ExportMetricsServiceRequest")
            return MetricsDecoder(
                data, sender.find, identities, self._limits.request, groups=sender.groups
            )

        decoder = await self._intake.call(len(body), decode)
        batch = await self._intake.call(len(body), decoder.batch)
        result = await self._intake.write(sender, batch, decoder.labels_of, token)
        if batch.metadata:
            self.metadata.update(name, batch.metadata)
        return decoder, result

    async def receive_logs(
        self, body: bytes, encoding: OtlpEncoding, sender_name: str, token: str = ""
    ) -> ExportAnswer:
        """Store the log records of a request; they are durable when this returns.

        Raises:
            MalformedMessageError: the body is no such message; nothing is stored.
            StorageError: the write failed; sending the request again helps.
        """

        def decode() -> list[ScopeLogs]:
            return decode_logs(_protobuf(body, encoding, "ExportLogsServiceRequest"))

        logs = await self._intake.call(len(body), decode)
        count = sum(len(one.records) for one in logs)
        self.statistics.requests += 1
        self.statistics.log_records += count
        if self._logs is None:
            message = "log records are not stored" if count else ""
            self.statistics.rejected_log_records += count
            return ExportAnswer("logs", count, message)
        outcome = await self._logs.receive(logs, sender_name, token)
        self.statistics.rejected_log_records += outcome.rejected
        return ExportAnswer("logs", outcome.rejected, outcome.message)

    async def receive_traces(self, body: bytes, encoding: OtlpEncoding) -> ExportAnswer:
        """Reject the spans of a request.

        Raises:
            MalformedMessageError: the body is no such message.
        """

        def count() -> int:
            return count_spans(_protobuf(body, encoding, "ExportTraceServiceRequest"))

        spans = await self._intake.call(len(body), count)
        self.statistics.requests += 1
        self.statistics.rejected_spans += spans
        message = "traces are not stored: point the exporter of traces elsewhere" if spans else ""
        return ExportAnswer("traces", spans, message)


def _protobuf(body: bytes, encoding: OtlpEncoding, message: str) -> bytes:
    return json_as_protobuf(body, message) if encoding is OtlpEncoding.JSON else body
