"""Keeps the targets of a set of jobs up to date."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from types import TracebackType
from typing import Self

import structlog

from scraper.discovery.groups import Discoverer, TargetGroup
from scraper.discovery.job_targets import JobTargets, job_targets
from scraper.discovery.jobs import ScrapeJob
from scraper.fetching.http_session import HttpSession
from scraper.fetching.targets import DroppedTarget, ScrapeTarget

log = structlog.get_logger(__name__)

_Key = tuple[str, Discoverer]
"""The name of a job, and one of its discoverers."""


class DiscoveryManager:
    """Discovers the targets of jobs from entry to exit.

        async with DiscoveryManager(changed) as discovery:
            discovery.apply(config.jobs)

    Enter and leave it in one task. All methods belong on the event loop.
    """

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Prepare; `changed` is called, one call at a time, when `targets` may differ."""
        self._changed = changed
        self._host_jobs: frozenset[str] = frozenset()
        self._session = HttpSession()
        self._jobs: tuple[ScrapeJob, ...] = ()
        self._found: dict[str, JobTargets] = {}
        self._groups: dict[_Key, Sequence[TargetGroup]] = {}
        self._running: dict[_Key, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._notifier: asyncio.Task[None] | None = None
        self._has_changed = asyncio.Event()
        self._has_published = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Start the discoverers of the jobs of `apply`, called before or after."""
        await self._session.open()
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._notifier = self._tasks.create_task(self._notify())
        self._run_discoverers()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop all discoverers."""
        tasks, self._tasks = self._tasks, None
        for task in [*self._running.values(), *([self._notifier] if self._notifier else [])]:
            task.cancel()
        self._running.clear()
        try:
            if tasks is not None:
                await tasks.__aexit__(kind, exc, traceback)
        finally:
            await self._session.close()

    def apply(self, jobs: Sequence[ScrapeJob], host_jobs: Collection[str] = ()) -> None:
        """Replace the set of jobs.

        `targets` contains static targets at once; the others follow. A discoverer that
        remains keeps its groups. If the discoverers of a job change, the groups of the
        old ones stay until every new one has published.

        Args:
            jobs: jobs with distinct names.
            host_jobs: `job` labels whose targets are machines.
        """
        self._jobs, self._host_jobs = tuple(jobs), frozenset(host_jobs)
        wanted = self._wanted()
        for key in self._running.keys() - wanted:
            self._running.pop(key).cancel()
        waiting = {name for name, _ in wanted - self._groups.keys()}
        for key in self._groups.keys() - wanted:
            if key[0] not in waiting:
                del self._groups[key]
        self._found = {job.name: self._build(job) for job in self._jobs}
        self._has_published.set()
        if self._tasks is not None:
            self._run_discoverers()
            self._has_changed.set()

    def targets(self) -> list[ScrapeTarget]:
        """Return every discovered target, in the order of the jobs."""
        return [target for job in self._jobs for target in self._found[job.name].targets]

    def dropped(self) -> list[DroppedTarget]:
        """Return the targets that relabelling dropped, up to each job's `keep_dropped`."""
        return [target for job in self._jobs for target in self._found[job.name].dropped]

    def dropped_counts(self) -> dict[str, int]:
        """Return the number of targets that relabelling dropped, by job."""
        return {job.name: self._found[job.name].dropped_count for job in self._jobs}

    def refused(self) -> list[DroppedTarget]:
        """Return the discovered addresses that are not valid targets."""
        return [target for job in self._jobs for target in self._found[job.name].refused]

    async def settled(self) -> None:
        """Wait until every discoverer has published once.

        A discoverer that fails does not publish, so limit the wait.
        """
        while self._wanted() - self._groups.keys():
            self._has_published.clear()
            await self._has_published.wait()

    def _wanted(self) -> set[_Key]:
        return {(job.name, discoverer) for job in self._jobs for discoverer in job.discoverers}

    def _run_discoverers(self) -> None:
        if self._tasks is None:
            return
        for job in self._jobs:
            for discoverer in job.discoverers:
                key = (job.name, discoverer)
                if key not in self._running:
                    self._running[key] = self._tasks.create_task(self._run(key))

    async def _run(self, key: _Key) -> None:
        name, discoverer = key

        def publish(groups: Sequence[TargetGroup]) -> None:
            self._groups[key] = groups
            self._drop_outdated(name)
            for job in self._jobs:
                if job.name == name:
                    self._found[job.name] = self._build(job)
            self._has_changed.set()
            self._has_published.set()

        await discoverer.run(self._session, publish)

    def _drop_outdated(self, name: str) -> None:
        """Remove the groups of a job's former discoverers once all new ones have published."""
        wanted = {key for key in self._wanted() if key[0] == name}
        if wanted <= self._groups.keys():
            for key in [key for key in self._groups if key[0] == name and key not in wanted]:
                del self._groups[key]

    def _build(self, job: ScrapeJob) -> JobTargets:
        """Return the targets of a job's groups; log targets that are newly refused."""
        groups = [*job.static]
        current = [(job.name, discoverer) for discoverer in job.discoverers]
        outdated = [key for key in self._groups if key[0] == job.name and key not in current]
        for key in [*current, *outdated]:
            groups.extend(self._groups.get(key, ()))
        found = job_targets(job, groups, self._host_jobs)
        before = self._found.get(job.name)
        for refused in found.refused:
            if before is None or refused not in before.refused:
                log.warning(
                    "target_refused",
                    job=job.name,
                    address=refused.discovered.get("__address__"),
                    error=refused.reason,
                )
        return found

    async def _notify(self) -> None:
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            await self._changed()
