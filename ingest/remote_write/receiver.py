"""The remote-write receiver: requests become vectors of sources in the store.

Source: Prometheus Remote-Write 1.0 and 2.0 specifications.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadLabelsError
from ingest.remote_write.series_keys import LabelReader
from ingest.remote_write.snappy import decompressed
from ingest.remote_write.write_request_1 import decode_1
from ingest.remote_write.write_request_2 import decode_2
from ingest.series.intake import Intake
from ingest.series.outcome import Outcome
from ingest.series.series_table import SeriesTable
from ingest.series.threads import done_in_thread
from ingest.series.write_request import FindSeries, RequestLimits, Samples, SeriesKey, WriteRequest
from model.clock import Clock
from model.series import ABSENT_BITS, ORDINARY_NAN_BITS
from storage.api.samples import AmendingAppender, SampleReader

T = TypeVar("T")

# What takes longer than this in one go runs in a thread: some 10 ms.
_THREAD_BYTES: Final = 512 * 2**10
_THREAD_SERIES: Final = 500

_SWEEP_MS: Final = 10 * 60_000
_SILENCE_MS: Final = 24 * 3_600_000


class WriteVersion(Enum):
    """The messages that can be read."""

    V1 = auto()
    V2 = auto()


@dataclass(frozen=True, slots=True)
class WriteLimits:
    """What is taken.

    Attributes:
        request: what one request may hold.
        decompressed_bytes: the largest message.
        series: how many series of one sender may be active.
        ahead_ms: how far a sample may lie in the future; Prometheus's bound.
        behind_ms: how old a sample may be, None for any age.
    """

    request: RequestLimits = field(default_factory=RequestLimits)
    decompressed_bytes: int = 32 * 2**20
    series: int = 1_000_000
    ahead_ms: int = 10 * 60_000
    behind_ms: int | None = None


@dataclass(slots=True)
class WriteStatistics:
    """Counted since the start."""

    requests: int = 0
    samples: int = 0
    rejected: int = 0
    exemplars: int = 0
    histograms: int = 0


@dataclass(slots=True, eq=False)
class _Sender:
    """One sender's series; its requests are taken one after the other."""

    table: SeriesTable
    swept_ms: int
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


class RemoteWriteReceiver:
    """Takes remote-write requests; lives on one event loop.

    Attributes:
        statistics: what came so far.
    """

    def __init__(
        self,
        appender: AmendingAppender,
        reader: SampleReader,
        clock: Clock,
        limits: WriteLimits | None = None,
    ) -> None:
        self._appender, self._reader, self._clock = appender, reader, clock
        self._limits = limits or WriteLimits()
        self._labels = LabelReader(self._limits.request)
        self._senders: dict[str, _Sender] = {}
        self.statistics = WriteStatistics()

    @property
    def series(self) -> int:
        """How many series are active, over all senders."""
        return sum(len(sender.table) for sender in self._senders.values())

    async def receive(self, sender_name: str, body: bytes, version: WriteVersion) -> Outcome:
        """Take a request's samples; what is stored is durable when this returns.

        What is refused of it is told in the outcome; the rest is stored.

        Args:
            sender_name: whose series these are; senders do not see each other's.
            body: the compressed message.
            version: which message it is.

        Raises:
            MalformedMessageError: the body is no such message; nothing is stored.
            TooMuchError: it is beyond a limit; nothing is stored.
            StorageError: the store refused; sending it again helps.
        """
        data = await self._in_thread_if(
            len(body) > _THREAD_BYTES, lambda: decompressed(body, self._limits.decompressed_bytes)
        )
        now_ms = self._clock()
        sender = self._sender(sender_name, now_ms)
        table = sender.table
        generation = table.generation
        request = await self._decoded(data, version, table)
        async with sender.taking:
            if table.generation != generation:
                request = await self._decoded(data, version, table)
            outcome = await self._take(table, request, now_ms)
            if now_ms - sender.swept_ms > _SWEEP_MS:
                sender.swept_ms = now_ms
                table.sweep(now_ms - _SILENCE_MS)
                table.rest()
        # Samples that were there already may have been sent again because of a time-out:
        # they too must be durable before this is answered.
        await self._appender.commit()
        statistics = self.statistics
        statistics.requests += 1
        statistics.samples += outcome.written
        statistics.rejected += outcome.rejected
        statistics.exemplars += request.exemplars
        statistics.histograms += request.histograms
        return outcome

    def _sender(self, name: str, now_ms: int) -> _Sender:
        known = self._senders.get(name)
        if known is None:
            table = SeriesTable(self._appender, name, self._limits.series)
            known = self._senders[name] = _Sender(table, now_ms)
        return known

    async def _decoded(
        self, data: bytes, version: WriteVersion, table: SeriesTable
    ) -> WriteRequest:
        find: FindSeries = table.keys.__getitem__
        decode = decode_1 if version is WriteVersion.V1 else decode_2
        return await self._in_thread_if(
            len(data) > _THREAD_BYTES, lambda: decode(data, find, self._limits.request)
        )

    async def _take(self, table: SeriesTable, request: WriteRequest, now_ms: int) -> Outcome:
        outcome = Outcome(exemplars=request.exemplars, histograms=request.histograms)
        samples = request.samples
        numbers, bits = samples["series"], samples["value"].view(np.uint64)
        # Our own mark for "no sample" is an ordinary NaN to everybody else.
        bits[bits == ABSENT_BITS] = ORDINARY_NAN_BITS
        starts_ms = samples["start_ms"]
        if starts_ms.any():
            # Nothing counts since a time after it was counted.
            starts_ms[(starts_ms < 0) | (starts_ms > samples["time_ms"])] = 0
        new: dict[SeriesKey, int] = {}
        try:
            if request.unknown:
                found = await self._in_thread_if(
                    len(request.unknown) > _THREAD_SERIES,
                    lambda: self._numbered(table, request.unknown, outcome, new),
                )
                is_unknown = numbers < 0
                numbers[is_unknown] = found[-1 - numbers[is_unknown]]
            wanted = self._bounded(samples, now_ms, outcome)
            intake = Intake(table, self._reader, outcome, now_ms)
            await intake.take(samples.compress(wanted))
        finally:
            table.learn(new)
        return outcome

    def _numbered(
        self,
        table: SeriesTable,
        keys: tuple[SeriesKey, ...],
        outcome: Outcome,
        new: dict[SeriesKey, int],
    ) -> NDArray[np.int64]:
        """Return the series' numbers, -1 for those that are refused."""
        numbers = np.full(len(keys), -1, np.int64)
        for place, key in enumerate(keys):
            try:
                labels = self._labels.labels_of(key)
            except BadLabelsError as exc:
                outcome.note(str(exc))
                continue
            number = table.number_of(labels)
            if number is None:
                outcome.note(f"{labels}: too many series; at most {self._limits.series} are taken")
                continue
            numbers[place] = new[key] = number
        return numbers

    def _bounded(self, samples: Samples, now_ms: int, outcome: Outcome) -> NDArray[np.bool_]:
        """Return which samples have a series and a time that can be."""
        times_ms = samples["time_ms"]
        wanted: NDArray[np.bool_] = samples["series"] >= 0
        outcome.rejected += int((~wanted).sum())
        latest_ms = now_ms + self._limits.ahead_ms
        behind_ms = self._limits.behind_ms
        oldest_ms = 0 if behind_ms is None else max(0, now_ms - behind_ms)
        for beyond, reason in (
            (times_ms > latest_ms, "too far in the future"),
            (times_ms < oldest_ms, "too old to be kept"),
        ):
            is_out = beyond & wanted
            count = int(is_out.sum())
            if count:
                first = int(times_ms[is_out][0])
                outcome.reject(count, f"{count} samples are {reason}, such as one at {first} ms")
                wanted &= ~is_out
        return wanted

    @staticmethod
    async def _in_thread_if(is_long: bool, work: Callable[[], T]) -> T:
        return await done_in_thread(work) if is_long else work()
