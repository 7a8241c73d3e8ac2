"""The push gateway: metrics of jobs that end before anybody could scrape them.

A pushed group stays until it is deleted. As if a gateway were scraped, its values are
appended anew each interval; its end is marked as stale.

Source: Pushgateway's README, "API", and its handler/push.go.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import structlog

from ingest.gateway.families import (
    Families,
    GroupKey,
    InconsistentPushError,
    check_types,
    families_as_json,
    families_from_json,
    metric_names,
    read_families,
    series_of,
)
from model.clock import Clock
from model.labels import METRIC_NAME, Labels
from model.series import STALE
from scraper.exposition.formats import ExpositionFormat
from storage.api.errors import StorageError
from storage.api.pushed_groups import PushedGroup, PushedGroupRecords
from storage.api.samples import SampleAppender
from storage.api.vector_appender import VectorAppender

log = structlog.get_logger(__name__)

_STREAM = "pushgateway"
_PUSH_TIME = "push_time_seconds"
_FAILURE_TIME = "push_failure_time_seconds"
# Read in a thread from here on: the full parser takes 30 ms for it.
_THREAD_BYTES = 256 * 2**10
_FEW = 16


@dataclass(frozen=True, slots=True)
class MetricGroup:
    """A group as it is.

    Attributes:
        key: its labels.
        families: its metrics by family, without the two of ours.
        pushed_ms, failed_ms: when a push was last taken, and refused; 0 for never.
    """

    key: GroupKey
    families: Families
    pushed_ms: int = 0
    failed_ms: int = 0

    @property
    def labels(self) -> Labels:
        """The labels of its own that every series has."""
        return Labels.of(self.key)

    def series(self) -> dict[Labels, float]:
        """Return the values of all series, those of the pushes' times among them."""
        return {
            **series_of(self.families),
            Labels.of({METRIC_NAME: _PUSH_TIME}): self.pushed_ms / 1000,
            Labels.of({METRIC_NAME: _FAILURE_TIME}): self.failed_ms / 1000,
        }


class _GroupStream:
    """One group's vectors."""

    def __init__(self, appender: SampleAppender, labels: Labels) -> None:
        self._stream = VectorAppender(appender, labels, _STREAM)
        self._columns: dict[Labels, int] = {}

    def append(self, time_ms: int, series: dict[Labels, float]) -> None:
        """Append what the group is now; series that are gone end."""
        stream = self._stream
        for labels in series:
            self._columns.setdefault(labels, len(self._columns))
        stream.grow(len(self._columns))
        columns = np.array([self._columns[labels] for labels in series], np.int32)
        vanished = stream.alive.copy()
        vanished[columns] = False
        ended = np.flatnonzero(vanished).astype(np.int32)
        columns, values = stream.changed(columns, np.array(list(series.values()), np.float64))
        stream.append(
            time_ms,
            tuple(self._columns),
            np.concatenate([columns, ended]),
            np.concatenate([values, np.full(len(ended), STALE)]),
        )
        alive = stream.alive
        if len(alive) - alive.sum() > max(_FEW, alive.sum()):
            stream.compact(alive.copy())
            living = [labels for labels, column in self._columns.items() if alive[column]]
            self._columns = {labels: column for column, labels in enumerate(living)}

    def end(self, time_ms: int) -> None:
        """End every series."""
        self._stream.end(time_ms)


class PushGateway:
    """Keeps groups and their series; lives on one event loop."""

    def __init__(
        self,
        appender: SampleAppender,
        records: PushedGroupRecords,
        clock: Clock,
        interval_s: Callable[[], float],
    ) -> None:
        self._appender, self._records, self._clock = appender, records, clock
        self._interval_s = interval_s
        self._groups: dict[GroupKey, MetricGroup] = {}
        self._streams: dict[GroupKey, _GroupStream] = {}
        self._last_ms = 0
        self._changing = asyncio.Lock()

    @property
    def groups(self) -> Sequence[MetricGroup]:
        """Every group, by key."""
        return [group for _, group in sorted(self._groups.items())]

    async def load(self) -> None:
        """Take up the groups of before.

        Raises:
            StorageError: the records cannot be read.
        """
        for record in await self._records.all():
            families = families_from_json(record.families)
            self._groups[record.key] = MetricGroup(
                record.key, families, record.pushed_ms, record.failed_ms
            )

    async def push(
        self, key: GroupKey, body: bytes, exposition_format: ExpositionFormat, *, whole: bool
    ) -> None:
        """Take metrics into a group; they are durable when this returns.

        Args:
            key: the group's labels, sorted by name.
            body: an exposition; an empty one is none.
            exposition_format: how it is written.
            whole: whether it replaces everything in the group, or just the families
                that it names.

        Raises:
            MalformedMessageError: the body is no exposition.
            InconsistentPushError: it cannot be taken; the group's time of failure is now.
            StorageError: the disk refused.
        """
        async with self._changing:
            known = self._groups.get(key, MetricGroup(key, {}))
            try:
                families = await self._read(key, body, exposition_format)
            except InconsistentPushError:
                await self._keep(replace(known, failed_ms=self._clock()))
                raise
            kept = {} if whole else known.families
            group = replace(known, families={**kept, **families}, pushed_ms=self._clock())
            await self._keep(group)

    async def _read(
        self, key: GroupKey, body: bytes, exposition_format: ExpositionFormat
    ) -> Families:
        if not body.strip():
            return {}
        if len(body) > _THREAD_BYTES:
            families = await asyncio.to_thread(read_families, body, exposition_format, key)
        else:
            families = read_families(body, exposition_format, key)
        taken = metric_names(families) & {_PUSH_TIME, _FAILURE_TIME}
        if taken:
            raise InconsistentPushError(f"{taken.pop()} is the gateway's own metric")
        check_types(
            families,
            (group.families for other, group in self._groups.items() if other != key),
        )
        return families

    async def _keep(self, group: MetricGroup) -> None:
        record = PushedGroup(
            group.key, families_as_json(group.families), group.pushed_ms, group.failed_ms
        )
        await self._records.put(record)
        self._groups[group.key] = group
        self._append(group, self._next_ms())
        await self._appender.commit()

    async def delete(self, key: GroupKey) -> None:
        """End a group; one that is not there is ignored.

        Raises:
            StorageError: the disk refused; the group stays.
        """
        async with self._changing:
            if key not in self._groups:
                return
            stream = self._streams.pop(key, None)
            if stream is not None:
                stream.end(self._next_ms())
                await self._appender.commit()
            await self._records.remove(key)
            del self._groups[key]

    def _next_ms(self) -> int:
        """Return now, but later than any vector before."""
        self._last_ms = max(self._clock(), self._last_ms + 1)
        return self._last_ms

    def _append(self, group: MetricGroup, time_ms: int) -> None:
        stream = self._streams.get(group.key)
        if stream is None:
            stream = self._streams[group.key] = _GroupStream(self._appender, group.labels)
        stream.append(time_ms, group.series())

    def append_all(self, time_ms: int) -> None:
        """Append every group as it is, as a scrape of it would at a time.

        What the store refuses is logged, and appended with the next.
        """
        self._last_ms = time_ms = max(time_ms, self._last_ms + 1)
        refused: StorageError | None = None
        for group in self._groups.values():
            try:
                self._append(group, time_ms)
            except StorageError as exc:
                refused = exc
        if refused is not None:
            log.warning("pushed_groups_not_appended", error=str(refused))

    async def run(self) -> None:
        """Append every group each interval, at even times, until cancelled."""
        due_ms = self._clock()
        while True:
            self.append_all(due_ms)
            now_ms, interval_ms = self._clock(), round(self._interval_s() * 1000)
            due_ms = (now_ms // interval_ms + 1) * interval_ms
            await asyncio.sleep((due_ms - now_ms) / 1000)
