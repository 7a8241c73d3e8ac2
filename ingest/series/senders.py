"""Senders: number the series of a batch, check its samples and write them.

A protocol decodes a request into a `SampleBatch` and hands it to the sender:

    async with sender.turn_for(len(body)):
        admission = sender.budgets.admission(token, now_ms)
        result = await sender.write(decode(body, sender.find), read_labels, admission)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.errors import BadLabelsError, PushLimitError
from ingest.limits.budgets import Admission, Refusal, SenderBudgets
from ingest.limits.label_checks import shown
from ingest.limits.write_limits import WriteLimits
from ingest.series.delta_totals import DeltaTotals
from ingest.series.executor import ThreadTurns
from ingest.series.sample_batch import FindSeries, SampleBatch, Samples, SeriesKey
from ingest.series.sample_writer import SampleWriter
from ingest.series.series_table import SeriesTable
from ingest.series.write_result import WriteResult
from model.labels import Labels
from model.limits import LimitName
from model.memory_pressure import MemoryReading
from model.series import ABSENT_BITS, ORDINARY_NAN_BITS
from storage.api.samples import AmendingAppender, SampleReader

# More new series are numbered in a thread: 500 take some 10 ms.
_THREAD_SERIES: Final = 500

_RETRY_AFTER_S: Final = 1
_SWEEP_MS: Final = 10 * 60_000
_SILENCE_MS: Final = 24 * 3_600_000

ReadLabels = Callable[[SeriesKey], Labels]
"""Returns the labels of a series key; raises BadLabelsError."""


class Sender:
    """One sender and its series.

    Attributes:
        turn: a lock to hold while decoding and writing: one request at a time.
        find: returns the number of a known series.
        groups: the numbers of known series that always come together.
        budgets: what the sender and its tokens have.
    """

    def __init__(
        self,
        table: SeriesTable,
        reader: SampleReader,
        limits: WriteLimits,
        budgets: SenderBudgets,
        now_ms: int,
        threads: ThreadTurns,
    ) -> None:
        self._table, self._reader, self._limits = table, reader, limits
        self._threads = threads
        self.budgets = budgets
        self._swept_ms = now_ms
        self._waiting_bytes = 0
        self._totals = DeltaTotals(table, reader, limits.delta_stale_ms)
        self.turn = asyncio.Lock()
        self.find: FindSeries = table.cache.__getitem__
        self.groups = table.cache.groups

    @property
    def series(self) -> int:
        """The number of active series."""
        return len(self._table)

    @asynccontextmanager
    async def turn_for(self, size_bytes: int) -> AsyncIterator[None]:
        """Wait for `turn`, and hold it until the block ends.

        Raises:
            PushLimitError: too many bytes of the sender's requests wait already.
        """
        most = self._limits.waiting_bytes
        if self._waiting_bytes and self._waiting_bytes + size_bytes > most:
            raise PushLimitError(
                f"more than {most:,} bytes of requests of this sender wait for earlier ones",
                LimitName.PUSH_WAITING,
                _RETRY_AFTER_S,
            )
        self._waiting_bytes += size_bytes
        try:
            async with self.turn:
                yield
        finally:
            self._waiting_bytes -= size_bytes

    async def write(
        self, batch: SampleBatch, read_labels: ReadLabels, admission: Admission
    ) -> WriteResult:
        """Write a batch; invalid samples are rejected, all others stored.

        Args:
            batch: one request.
            read_labels: returns the labels of an unknown series.
            admission: of the request; see `budgets`.

        Raises:
            StorageError: the write failed; sending the request again helps.
        """
        result = WriteResult(
            exemplars=batch.exemplars, histograms=batch.histograms, derived=batch.derived
        )
        new: dict[SeriesKey, int] = {}
        try:
            await self._number(batch, read_labels, new, admission, result)
            valid = self._valid(_cleaned(batch.samples), admission.now_ms, result)
            writer = SampleWriter(self._table, self._reader, result, admission, self._threads)
            async with self._totals.added(batch, valid, admission.now_ms, result):
                await writer.write(batch.samples.compress(valid))
        finally:
            self._table.remember(new)
        self._sweep(admission.now_ms)
        return result

    async def _number(
        self,
        batch: SampleBatch,
        read_labels: ReadLabels,
        new: dict[SeriesKey, int],
        admission: Admission,
        result: WriteResult,
    ) -> None:
        """Number the unknown series of a batch; -1 stands for a rejected series."""
        if not batch.unknown:
            return

        def number_all() -> NDArray[np.int64]:
            for key in batch.unknown:
                number = self._number_of(key, read_labels, admission, result)
                if number is not None:
                    new[key] = number
            return np.array([new.get(key, -1) for key in batch.unknown], np.int64)

        if len(batch.unknown) > _THREAD_SERIES:
            numbers = await self._threads.run(number_all)
        else:
            numbers = number_all()
        series = batch.samples["series"]
        is_unknown = series < 0
        series[is_unknown] = numbers[-1 - series[is_unknown]]

    def _number_of(
        self,
        key: SeriesKey,
        read_labels: ReadLabels,
        admission: Admission,
        result: WriteResult,
    ) -> int | None:
        try:
            labels = read_labels(key)
        except BadLabelsError as exc:
            if exc.limit is None:
                result.note(str(exc))
            else:
                result.refuse(exc.limit, str(exc))
            return None
        number = self._table.number_of(labels, admission)
        if isinstance(number, Refusal):
            message = f"{shown(labels)}: {number.reason}"
            result.refuse(number.limit, message, number.retry_after_s)
            return None
        return number

    def _valid(self, samples: Samples, now_ms: int, result: WriteResult) -> NDArray[np.bool_]:
        """Return which samples have a number and a plausible time; reject the others."""
        times_ms = samples["time_ms"]
        valid: NDArray[np.bool_] = samples["series"] >= 0
        result.rejected += int((~valid).sum())
        oldest_ms = self._limits.earliest_ms
        if self._limits.behind_ms is not None:
            oldest_ms = max(oldest_ms, now_ms - self._limits.behind_ms)
        for beyond, reason in (
            (times_ms > now_ms + self._limits.ahead_ms, "too far in the future"),
            (times_ms < oldest_ms, "too old to be kept"),
        ):
            is_out = beyond & valid
            count = int(is_out.sum())
            if count:
                first = int(times_ms[is_out][0])
                result.reject(count, f"{count} samples are {reason}, such as one at {first} ms")
                valid &= ~is_out
        return valid

    def _sweep(self, now_ms: int) -> None:
        """Every ten minutes, remove silent sources and free indexes."""
        if now_ms - self._swept_ms > _SWEEP_MS:
            self._swept_ms = now_ms
            self._table.remove_silent(now_ms - _SILENCE_MS)
            self._table.trim()
            self.budgets.forget_idle_tokens()


class Senders:
    """The senders of one protocol, by name; each sees only its own series.

    Args:
        appender, reader: the sample store.
        limits: for each sender.
        protocol: the prefix of the names of all streams.
        memory: the server's memory; None for no limit.
        threads: where long work of all senders runs.
    """

    def __init__(
        self,
        appender: AmendingAppender,
        reader: SampleReader,
        limits: WriteLimits,
        protocol: str,
        memory: MemoryReading | None = None,
        threads: ThreadTurns | None = None,
    ) -> None:
        self._appender, self._reader, self._limits = appender, reader, limits
        self._protocol, self._memory = protocol, memory
        self._threads = threads or ThreadTurns()
        self._senders: dict[str, Sender] = {}

    @property
    def series(self) -> int:
        """The number of active series of all senders."""
        return sum(sender.series for sender in self._senders.values())

    def sender(self, name: str, now_ms: int) -> Sender:
        """Return the sender of this name, a new one on first use."""
        known = self._senders.get(name)
        if known is None:
            prefix = f"{self._protocol}/{name}"
            limits = self._limits
            budgets = SenderBudgets(limits.sender, limits.token, self._memory)
            table = SeriesTable(self._appender, prefix, limits, budgets.sender)
            known = Sender(table, self._reader, limits, budgets, now_ms, self._threads)
            self._senders[name] = known
        return known


def _cleaned(samples: Samples) -> Samples:
    """Replace, in place, values and start times that the store would misunderstand."""
    # The store's mark for "no sample" is an ordinary NaN to every sender.
    bits = samples["value"].view(np.uint64)
    bits[bits == ABSENT_BITS] = ORDINARY_NAN_BITS
    starts_ms = samples["start_ms"]
    if starts_ms.any():
        # A start time after its sample is no start time.
        starts_ms[(starts_ms < 0) | (starts_ms > samples["time_ms"])] = 0
    return samples
