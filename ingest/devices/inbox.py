"""Stores messages of devices, each once however often it is sent."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from ingest.devices.message import Message
from ingest.errors import PushLimitError
from ingest.limits.budgets import SenderBudgets
from ingest.limits.time_bounds import check_time
from ingest.limits.write_limits import WriteLimits
from ingest.series.commits import GroupCommit
from ingest.series.pushed_source import PushedSource
from model.clock import Clock
from model.labels import METRIC_NAME, Labels
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from storage.api.messages import MessageLog
from storage.api.samples import SampleAppender

DEVICE_JOB: Final = "device"
"""The `job` label of device metrics."""

# A source that was silent for so long is dropped; it is made again when it is needed.
_SILENCE_MS: Final = 24 * 3_600_000
# A bound of memory; a dropped entry is made again when it is needed.
_MOST_NAME_SETS: Final = 5_000


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """The last message of a device, or of one of its sources.

    Attributes:
        labels: the labels of its series.
        received_ms: when the message arrived.
        metrics: how many metrics it had.
    """

    labels: Labels
    received_ms: int
    metrics: int


class MessageInbox:
    """Appends the samples of messages and records their ids."""

    def __init__(
        self,
        appender: SampleAppender,
        log: MessageLog,
        commits: GroupCommit,
        clock: Clock,
        limits: WriteLimits | None = None,
        *,
        refusals: Refusals | None = None,
        memory: MemoryReading | None = None,
    ) -> None:
        self._appender, self._log, self._commits = appender, log, commits
        self._clock, self._limits = clock, limits or WriteLimits()
        self._refusals, self._memory = refusals or Refusals(), memory
        self._budgets: dict[str, SenderBudgets] = {}
        self._sources: OrderedDict[tuple[str, str], PushedSource] = OrderedDict()
        # Arrival and number of metrics of the last message of each source.
        self._last: dict[tuple[str, str], tuple[int, int]] = {}
        # Label sets by metric names: devices of one kind send the same metrics.
        self._series: OrderedDict[tuple[str, ...], tuple[Labels, ...]] = OrderedDict()

    @property
    def log(self) -> MessageLog:
        """The log of stored messages."""
        return self._log

    def devices(self) -> list[DeviceStatus]:
        """Return the devices heard of since the server started, the latest first."""
        latest = sorted(self._last.items(), key=lambda item: -item[1][0])
        return [DeviceStatus(_labels(*key), *last) for key, last in latest]

    async def receive(self, message: Message, sender: str = "") -> None:
        """Store a message; it is durable when this returns. A repetition changes nothing.

        Args:
            message: of one device.
            sender: whose budget its series count in.

        Raises:
            RejectedFieldError: the message cannot be stored.
            PushLimitError: the sender is at a limit.
            StorageError: the write failed; the message may be sent again.
        """
        if not self._log.knows(message.id):
            check_time(message.time_ms, self._clock(), "timestamp")
            if message.names:
                try:
                    self._append(message, sender)
                except PushLimitError as exc:
                    self._refusals.count(exc.limit)
                    self._drop_unused((message.device_id, message.source))
                    raise
            self._log.take(message.id, message.document)
        # Also for a repetition: the first copy may not be durable yet.
        await self._commits.committed()

    def _append(self, message: Message, sender: str) -> None:
        series = self._series_of(message.names)
        values = message.values
        if len(series) != len(values):
            # Of a name that occurs twice, the last value counts.
            values = tuple(dict(zip(message.names, values, strict=True)).values())
        source = self._source(message.device_id, message.source, sender)
        source.append(message.time_ms, series, values)
        self._last[message.device_id, message.source] = self._clock(), len(series)

    def _source(self, device_id: str, name: str, sender: str) -> PushedSource:
        key = device_id, name
        source = self._sources.get(key)
        if source is None:
            self._drop_silent()
            budgets = self._budgets.get(sender)
            if budgets is None:
                budgets = SenderBudgets(self._limits.sender, self._limits.token, self._memory)
                self._budgets[sender] = budgets
            source = self._sources[key] = PushedSource(
                self._appender,
                _labels(device_id, name),
                admission=lambda: budgets.admission("", self._clock()),
            )
        else:
            self._sources.move_to_end(key)
        return source

    def _drop_silent(self) -> None:
        """Drop the sources that have been silent for a day."""
        silent_ms = self._clock() - _SILENCE_MS
        while self._sources:
            key, source = next(iter(self._sources.items()))
            if self._last.get(key, (0, 0))[0] > silent_ms:
                return
            source.release()
            del self._sources[key]
            self._last.pop(key, None)

    def _drop_unused(self, key: tuple[str, str]) -> None:
        """Drop a source whose only messages were refused."""
        if key not in self._last and (source := self._sources.pop(key, None)) is not None:
            source.release()

    def _series_of(self, names: tuple[str, ...]) -> tuple[Labels, ...]:
        series = self._series.get(names)
        if series is None:
            series = tuple(Labels.of({METRIC_NAME: name}) for name in dict.fromkeys(names))
            self._series[names] = series
            if len(self._series) > _MOST_NAME_SETS:
                self._series.popitem(last=False)
        return series


def _labels(device_id: str, source: str) -> Labels:
    return Labels.of(job=DEVICE_JOB, instance=device_id, device_id=device_id, source=source)
