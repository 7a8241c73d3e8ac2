"""Takes messages of devices: each once, however often it comes."""

from collections import OrderedDict
from typing import Final

from ingest.devices.messages import Message, check_time
from ingest.series.commits import GroupCommit
from ingest.series.sources import PushedSource
from model.clock import Clock
from model.labels import METRIC_NAME, Labels
from storage.api.messages import MessageLog
from storage.api.samples import SampleAppender

DEVICE_JOB: Final = "device"
"""The `job` label of what devices push."""

# What is known beyond is found again where it is needed; this bounds memory.
_MOST_SOURCES: Final = 20_000
_MOST_SHAPES: Final = 5_000


class MessageInbox:
    """Appends messages, and remembers that it did."""

    def __init__(
        self, appender: SampleAppender, log: MessageLog, commits: GroupCommit, clock: Clock
    ) -> None:
        self._appender, self._log, self._commits = appender, log, commits
        self._clock = clock
        self._sources: OrderedDict[tuple[str, str], PushedSource] = OrderedDict()
        # Devices of one kind send the same metrics: their label sets are made once.
        self._shapes: OrderedDict[tuple[str, ...], tuple[Labels, ...]] = OrderedDict()

    @property
    def log(self) -> MessageLog:
        """What was taken."""
        return self._log

    async def take(self, message: Message) -> None:
        """Take a message, which is durable afterwards; a repeated one changes nothing.

        Raises:
            RefusedPushError: it cannot be stored; it says which field is at fault.
            StorageError: the disk refused; the message may be sent again.
        """
        if not self._log.knows(message.id):
            check_time(message.time_ms, self._clock(), "timestamp")
            if message.names:
                self._append(message)
            self._log.take(message.id, message.document)
        # For a repeated one too: its first copy may be waiting for this commit.
        await self._commits.committed()

    def _append(self, message: Message) -> None:
        series = self._shape(message.names)
        values = message.values
        if len(series) != len(values):
            # A name that stands twice: its last value counts.
            values = tuple(dict(zip(message.names, values, strict=True)).values())
        self._source(message.device_id, message.source).append(message.time_ms, series, values)

    def _source(self, device_id: str, name: str) -> PushedSource:
        key = device_id, name
        source = self._sources.get(key)
        if source is None:
            labels = Labels.of(job=DEVICE_JOB, instance=device_id, device_id=device_id, source=name)
            source = self._sources[key] = PushedSource(self._appender, labels)
            if len(self._sources) > _MOST_SOURCES:
                self._sources.popitem(last=False)
        else:
            self._sources.move_to_end(key)
        return source

    def _shape(self, names: tuple[str, ...]) -> tuple[Labels, ...]:
        series = self._shapes.get(names)
        if series is None:
            series = tuple(Labels.of({METRIC_NAME: name}) for name in dict.fromkeys(names))
            self._shapes[names] = series
            if len(self._shapes) > _MOST_SHAPES:
                self._shapes.popitem(last=False)
        return series
