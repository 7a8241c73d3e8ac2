"""The push gateway: keeps the metrics of batch jobs, which end before a scrape.

A pushed group stays until it is deleted. Its values are appended again at each scrape
interval, as if a Pushgateway were scraped; when it is deleted, its series end.

Source: Pushgateway's README, "API", and its handler/push.go.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from ingest.errors import BadLabelsError, PushLimitError
from ingest.gateway.families import (
    Families,
    GroupKey,
    InconsistentPushError,
    check_types,
    families_as_json,
    families_from_json,
    metric_names,
    read_families,
)
from ingest.gateway.group_budget import GroupBudget
from ingest.gateway.metric_group import FAILURE_TIME, PUSH_TIME, STREAM, MetricGroup
from ingest.limits.write_limits import WriteLimits
from model.clock import Clock
from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryLimitError, MemoryReading
from scraper.exposition.formats import ExpositionFormat
from storage.api.errors import StorageError
from storage.api.pushed_groups import PushedGroup, PushedGroupRecords
from storage.api.rewinding import is_rewound
from storage.api.samples import SampleAppender
from storage.api.vector_appender import SeriesAppender

log = structlog.get_logger(__name__)

# Larger bodies are parsed in a thread: these take 30 ms.
_THREAD_BYTES: Final = 256 * 2**10


class PushGateway:
    """Keeps groups and appends their series; runs on one event loop."""

    def __init__(
        self,
        appender: SampleAppender,
        records: PushedGroupRecords,
        clock: Clock,
        interval_s: Callable[[], float],
        limits: WriteLimits | None = None,
        *,
        refusals: Refusals | None = None,
        memory: MemoryReading | None = None,
    ) -> None:
        self._appender, self._records, self._clock = appender, records, clock
        self._interval_s = interval_s
        limits = limits or WriteLimits()
        self._share = GroupBudget(limits, clock, memory)
        self._refusals = refusals or Refusals()
        self._groups: dict[GroupKey, MetricGroup] = {}
        self._appenders: dict[GroupKey, SeriesAppender] = {}
        self._last_ms = 0
        self._changing = asyncio.Lock()

    @property
    def groups(self) -> Sequence[MetricGroup]:
        """Every group, sorted by key."""
        return [group for _, group in sorted(self._groups.items())]

    async def load(self) -> None:
        """Load the groups that were stored.

        Raises:
            StorageError: the records cannot be read.
        """
        for record in await self._records.all():
            families = families_from_json(record.families)
            group = MetricGroup(record.key, families, record.pushed_ms, record.failed_ms)
            self._groups[record.key] = group
            self._share.add_known(group)

    async def push(
        self, key: GroupKey, body: bytes, exposition_format: ExpositionFormat, *, whole: bool
    ) -> None:
        """Store pushed metrics in a group; they are durable when this returns.

        Args:
            key: the group's labels, sorted by name.
            body: an exposition; an empty one has no metrics.
            exposition_format: the format of the body.
            whole: whether to replace the whole group, or only the pushed families.

        Raises:
            MalformedMessageError: the body is not an exposition.
            InconsistentPushError: the metrics are rejected; the group's `failed_ms` is now.
            BadLabelsError: a series has too many or too long labels; nothing is stored.
            PushLimitError: the groups have too many series; nothing is stored.
            MemoryLimitError: the server is short of memory; nothing is stored.
            StorageError: the write failed.
        """
        try:
            async with self._changing:
                await self._push(key, body, exposition_format, whole=whole)
        except (PushLimitError, BadLabelsError) as exc:
            if exc.limit is not None:
                self._refusals.count(exc.limit)
            raise
        except MemoryLimitError:
            self._refusals.count(LimitName.MEMORY)
            raise

    async def _push(
        self, key: GroupKey, body: bytes, exposition_format: ExpositionFormat, *, whole: bool
    ) -> None:
        before = self._groups.get(key)
        known = before or MetricGroup(key, {})
        # First, because a rejected push is stored as well, with the time of the failure.
        self._share.check(before, known, len(body))
        try:
            families = await self._read(key, body, exposition_format)
        except InconsistentPushError:
            await self._keep(replace(known, failed_ms=self._clock()))
            self._share.exchange(before, known)
            raise
        kept = {} if whole else known.families
        group = replace(known, families={**kept, **families}, pushed_ms=self._clock())
        self._share.check(before, group)
        await self._keep(group)
        self._share.exchange(before, group)

    async def _read(
        self, key: GroupKey, body: bytes, exposition_format: ExpositionFormat
    ) -> Families:
        if not body.strip():
            return {}
        if len(body) > _THREAD_BYTES:
            families = await asyncio.to_thread(read_families, body, exposition_format, key)
        else:
            families = read_families(body, exposition_format, key)
        reserved = metric_names(families) & {PUSH_TIME, FAILURE_TIME}
        if reserved:
            raise InconsistentPushError(f"{reserved.pop()} is the gateway's own metric")
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
        """Delete a group, if it exists, and end its series.

        Raises:
            StorageError: the write failed; the group stays.
        """
        async with self._changing:
            if key not in self._groups:
                return
            appender = self._appenders.pop(key, None)
            if appender is not None:
                appender.end(self._next_ms())
                await self._appender.commit()
            await self._records.remove(key)
            self._share.exchange(self._groups.pop(key), None)

    def _next_ms(self) -> int:
        """Return the current time, but later than every earlier vector."""
        return self._after_last(self._clock())

    def _after_last(self, time_ms: int) -> int:
        # A clock that was set back is followed: `VectorAppender` takes care of the rest.
        if not is_rewound(self._last_ms, time_ms):
            time_ms = max(time_ms, self._last_ms + 1)
        self._last_ms = time_ms
        return time_ms

    def _append(self, group: MetricGroup, time_ms: int) -> None:
        appender = self._appenders.get(group.key)
        if appender is None:
            appender = self._appenders[group.key] = SeriesAppender(
                self._appender, group.labels, STREAM
            )
        appender.append(time_ms, group.series())

    def append_all(self, time_ms: int) -> None:
        """Append the values of every group at a time.

        If a write fails, a warning is logged; the next call appends the values again.
        """
        time_ms = self._after_last(time_ms)
        failure: StorageError | None = None
        for group in self._groups.values():
            try:
                self._append(group, time_ms)
            except StorageError as exc:
                failure = exc
        if failure is not None:
            log.warning("pushed_groups_not_appended", error=str(failure))

    async def run(self) -> None:
        """Append every group at each interval, at multiples of it, until cancelled."""
        due_ms = self._clock()
        while True:
            self.append_all(due_ms)
            now_ms, interval_ms = self._clock(), round(self._interval_s() * 1000)
            due_ms = (now_ms // interval_ms + 1) * interval_ms
            await asyncio.sleep((due_ms - now_ms) / 1000)
