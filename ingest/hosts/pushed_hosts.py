"""All hosts that push. Their series look like those of scraped hosts.

`up` is 1 with each report, and 0 after three intervals without one, so that checks and
pages treat all hosts alike.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

import structlog

from ingest.errors import UnknownHostError
from ingest.hosts.exposition_report import ExpositionReader
from ingest.hosts.history import HostHistory, read_histories
from ingest.hosts.pushed_host import PushedHost
from ingest.hosts.report import HostReport
from ingest.limits.time_bounds import check_time
from ingest.series.commits import GroupCommit
from ingest.series.tasks import background_task
from model.clock import Clock
from model.targets import TargetStatus
from storage.api.errors import StorageError
from storage.api.host_keys import HostKeyRecords
from storage.api.hosts import HostRecords
from storage.api.messages import MessageLog
from storage.api.samples import SampleAppender, SampleReader

log = structlog.get_logger(__name__)

_UPDATE_EVERY_S: Final = 1.0


class PushedHosts:
    """Every registered host that pushes.

        async with PushedHosts(...).running() as hosts: await hosts.receive(host_id, report)

    Runs on the event loop.
    """

    def __init__(
        self,
        *,
        samples: SampleAppender,
        reader: SampleReader,
        messages: MessageLog,
        commits: GroupCommit,
        hosts: HostRecords,
        keys: HostKeyRecords,
        clock: Clock,
    ) -> None:
        self._samples, self._reader, self._messages = samples, reader, messages
        self._commits, self._records, self._keys, self._clock = commits, hosts, keys, clock
        self._started_ms = clock()
        self._expositions = ExpositionReader()
        self._hosts: dict[int, PushedHost] = {}
        self._refreshing = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Load the hosts and update them until the block ends.

        No series ends with the block: a restart of the server is no gap.

        Raises:
            StorageError: the records cannot be read.
        """
        await self.refresh()
        async with background_task(self._update_repeatedly()):
            yield self

    async def refresh(self) -> None:
        """Load the registered hosts; the series of removed hosts end.

        Raises:
            StorageError: the records cannot be read.
        """
        async with self._refreshing:
            wanted = {host.id: host for host in await self._records.all() if host.pushes}
            for host_id in self._hosts.keys() - wanted.keys():
                self._end(self._hosts.pop(host_id))
            added = [host for host in wanted.values() if host.id not in self._hosts]
            if not added:
                return
            now_ms = self._clock()
            used: dict[int, int] = {}
            for key in await self._keys.live(now_ms):
                if key.last_used_ms is not None:
                    used[key.host_id] = max(key.last_used_ms, used.get(key.host_id, 0))
            histories = await asyncio.to_thread(read_histories, self._reader, now_ms)
            for host in added:
                known = PushedHost(host, self._samples, self._started_ms)
                history = histories.get((known.job, known.instance), HostHistory())
                known.resume(history, used.get(host.id))
                self._hosts[host.id] = known

    async def receive(self, host_id: int, report: HostReport) -> int:
        """Store a report; it is durable when this returns.

        Returns:
            The number of the report.

        Raises:
            RejectedFieldError: the report cannot be stored.
            StorageError: the write failed; the report may be sent again.
        """
        host, now_ms = self._hosts.get(host_id), self._clock()
        if host is None:
            raise UnknownHostError
        check_time(report.time_ms, now_ms, "collected_at")
        host.append(report, now_ms)
        return await self._acknowledged()

    async def receive_exposition(self, host_id: int, body: bytes, time_ms: int) -> int:
        """Store the exposition of an exporter that pushes; durable when this returns.

        Returns:
            The number of the report.

        Raises:
            PushError: the exposition cannot be stored.
            StorageError: the write failed; the exposition may be sent again.
        """
        host, now_ms = self._hosts.get(host_id), self._clock()
        if host is None:
            raise UnknownHostError
        check_time(time_ms, now_ms, "X-Collected-At-Ms")
        report = self._expositions.read(body, time_ms, host.labels, host.known)
        host.append_exposition(report, now_ms)
        return await self._acknowledged()

    async def _acknowledged(self) -> int:
        number = self._messages.take_report()
        await self._commits.committed()
        return number

    def statuses(self) -> list[TargetStatus]:
        """Return the status of each host in the form of a scrape target's."""
        now_ms = self._clock()
        return [host.status(now_ms) for host in self._hosts.values()]

    def hosts(self) -> list[tuple[str, str, str]]:
        """Return name, job and instance of each host."""
        return [(host.record.name, host.job, host.instance) for host in self._hosts.values()]

    def update(self) -> None:
        """Update each host: mark silent ones as down, and append `up` where it is due."""
        now_ms = self._clock()
        for host in self._hosts.values():
            try:
                host.update(now_ms)
            except StorageError as exc:
                log.warning("push_not_stored", host=host.record.name, error=str(exc))

    async def _update_repeatedly(self) -> None:
        while True:
            self.update()
            await asyncio.sleep(_UPDATE_EVERY_S)

    def _end(self, host: PushedHost) -> None:
        try:
            host.end(self._clock())
        except StorageError as exc:
            log.warning("push_not_stored", host=host.record.name, error=str(exc))
