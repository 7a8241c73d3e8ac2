"""Stores messages of devices, each once however often it is sent."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from ingest.devices.message import Message
from ingest.limits.time_bounds import check_time
from ingest.series.commits import GroupCommit
from ingest.series.pushed_source import PushedSource
from model.clock import Clock
from model.labels import METRIC_NAME, Labels
from storage.api.messages import MessageLog
from storage.api.samples import SampleAppender

DEVICE_JOB: Final = "device"
"""The `job` label of device metrics."""

# Bounds of memory; a dropped entry is made again when it is needed.
_MOST_SOURCES: Final = 20_000
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
        self, appender: SampleAppender, log: MessageLog, commits: GroupCommit, clock: Clock
    ) -> None:
        self._appender, self._log, self._commits = appender, log, commits
        self._clock = clock
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

    async def receive(self, message: Message) -> None:
        """Store a message; it is durable when this returns. A repetition changes nothing.

        Raises:
            RejectedFieldError: the message cannot be stored.
            StorageError: the write failed; the message may be sent again.
        """
        if not self._log.knows(message.id):
            check_time(message.time_ms, self._clock(), "timestamp")
            if message.names:
                self._append(message)
            self._log.take(message.id, message.document)
        # Also for a repetition: the first copy may not be durable yet.
        await self._commits.committed()

    def _append(self, message: Message) -> None:
        series = self._series_of(message.names)
        values = message.values
        if len(series) != len(values):
            # Of a name that occurs twice, the last value counts.
            values = tuple(dict(zip(message.names, values, strict=True)).values())
        self._source(message.device_id, message.source).append(message.time_ms, series, values)
        self._last[message.device_id, message.source] = self._clock(), len(series)

    def _source(self, device_id: str, name: str) -> PushedSource:
        key = device_id, name
        source = self._sources.get(key)
        if source is None:
            source = self._sources[key] = PushedSource(self._appender, _labels(device_id, name))
            if len(self._sources) > _MOST_SOURCES:
                dropped, _ = self._sources.popitem(last=False)
                self._last.pop(dropped, None)
        else:
            self._sources.move_to_end(key)
        return source

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
