"""Keeps the targets of a set of jobs up to date."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from types import TracebackType
from typing import Self

import structlog

from scraper.discovery.engine.discoverer import Discoverer
from scraper.discovery.engine.feed import Feed, MechanismStatistics
from scraper.discovery.groups import TargetGroup
from scraper.discovery.job_targets import JobTargetBuilder, JobTargets
from scraper.discovery.jobs import ScrapeJob
from scraper.fetching.http_session import HttpSession
from scraper.fetching.targets import DroppedTarget, ScrapeTarget

log = structlog.get_logger(__name__)


_RESTART_S = 30.0
# Up to this many groups are relabelled on the event loop: it takes at most 20 ms.
_FEW_GROUPS = 100


class DiscoveryManager:
    """Discovers the targets of jobs from entry to exit.

        async with DiscoveryManager(changed) as discovery:
            discovery.apply(config.jobs)

    A discoverer of several jobs runs once. Enter and leave the manager in one task. All
    methods belong on the event loop.

    Attributes:
        statistics: totals by mechanism of service discovery.
    """

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Prepare; `changed` is called, one call at a time, when `targets` may differ."""
        self.statistics: dict[str, MechanismStatistics] = {}
        self._changed = changed
        self._session = HttpSession()
        self._jobs: tuple[ScrapeJob, ...] = ()
        self._found: dict[str, JobTargets] = {}
        self._builders: dict[str, JobTargetBuilder] = {}
        # Discoverers that a job no longer has; their groups stay until the new ones publish.
        self._former: dict[str, tuple[Discoverer, ...]] = {}
        self._groups: dict[Discoverer, Sequence[TargetGroup]] = {}
        self._running: dict[Discoverer, asyncio.Task[None]] = {}
        self._outdated_jobs: set[str] = set()
        self._is_building = False
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
        before = {job.name: job for job in self._jobs}
        self._jobs = tuple(jobs)
        self._former = {job.name: self._outdated(job, before.get(job.name)) for job in jobs}
        wanted = self._wanted()
        for discoverer in self._running.keys() - wanted:
            self._running.pop(discoverer).cancel()
        self._drop_unused()
        known, machines = self._builders, frozenset(host_jobs)
        self._builders = {}
        for job in self._jobs:
            builder = known.get(job.name)
            if builder is None or builder.job != job or builder.host_jobs != machines:
                builder = JobTargetBuilder(job, machines)
            self._builders[job.name] = builder
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

    def discovered_counts(self) -> dict[str, int]:
        """Return the number of discovered targets, by mechanism."""
        counts = dict.fromkeys(self.statistics, 0)
        for discoverer, groups in self._groups.items():
            counts[discoverer.mechanism] = counts.get(discoverer.mechanism, 0) + sum(
                len(group.addresses) for group in groups
            )
        return counts

    async def settled(self) -> None:
        """Wait until every discoverer has published once.

        A discoverer that fails does not publish, so limit the wait.
        """
        while self._is_building or self._outdated_jobs or self._wanted() - self._groups.keys():
            self._has_published.clear()
            await self._has_published.wait()

    def _wanted(self) -> set[Discoverer]:
        return {discoverer for job in self._jobs for discoverer in job.discoverers}

    def _outdated(self, job: ScrapeJob, before: ScrapeJob | None) -> tuple[Discoverer, ...]:
        """Return the former discoverers of a job that is still waiting for new ones."""
        if before is None or self._groups.keys() >= set(job.discoverers):
            return ()
        former = dict.fromkeys([*before.discoverers, *self._former.get(job.name, ())])
        return tuple(discoverer for discoverer in former if discoverer not in job.discoverers)

    def _drop_unused(self) -> None:
        """Remove the groups of discoverers that no job has or had."""
        former = {discoverer for each in self._former.values() for discoverer in each}
        for discoverer in self._groups.keys() - self._wanted() - former:
            del self._groups[discoverer]

    def _run_discoverers(self) -> None:
        if self._tasks is None:
            return
        for job in self._jobs:
            for discoverer in job.discoverers:
                if discoverer not in self._running:
                    self._running[discoverer] = self._tasks.create_task(self._run(discoverer))

    async def _run(self, discoverer: Discoverer) -> None:
        def changed(groups: Sequence[TargetGroup]) -> None:
            self._groups[discoverer] = groups
            for job in self._jobs:
                if discoverer in job.discoverers:
                    if self._groups.keys() >= set(job.discoverers):
                        self._former[job.name] = ()
                    self._outdated_jobs.add(job.name)
            self._drop_unused()
            self._has_changed.set()

        mechanism = discoverer.mechanism
        statistics = self.statistics.setdefault(mechanism, MechanismStatistics())
        feed = Feed(mechanism, changed, statistics)
        while True:
            try:
                await discoverer.run(self._session, feed)
            except Exception as exc:
                # A defect in one mechanism must not end the monitoring of all other targets.
                log.exception("discovery_crashed", kind=f"{mechanism}_sd")
                feed.failed(exc)
                await asyncio.sleep(_RESTART_S)

    def _build(self, job: ScrapeJob) -> JobTargets:
        """Return the targets of a job's groups."""
        found = self._builders[job.name].build(self._groups_of(job))
        self._log_refused(job, found)
        return found

    def _groups_of(self, job: ScrapeJob) -> list[TargetGroup]:
        groups = [*job.static]
        for discoverer in [*job.discoverers, *self._former.get(job.name, ())]:
            groups.extend(self._groups.get(discoverer, ()))
        return groups

    def _log_refused(self, job: ScrapeJob, found: JobTargets) -> None:
        """Log the targets that are newly refused."""
        before = self._found.get(job.name)
        known = set(before.refused) if before is not None else set()
        for refused in found.refused:
            if refused not in known:
                log.warning(
                    "target_refused",
                    job=job.name,
                    address=refused.discovered.get("__address__"),
                    error=refused.reason,
                )

    async def _notify(self) -> None:
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            await self._build_outdated()
            await self._changed()

    async def _build_outdated(self) -> None:
        """Build the targets of jobs whose groups have changed."""
        self._is_building = True
        while self._outdated_jobs:
            name = self._outdated_jobs.pop()
            job = next((job for job in self._jobs if job.name == name), None)
            if job is None:
                continue
            builder, groups = self._builders[name], self._groups_of(job)
            if len(groups) <= _FEW_GROUPS:
                found = builder.build(groups)
            else:
                # Relabelling 10,000 pods for the first time takes 2 s.
                found = await asyncio.to_thread(builder.build, groups)
            if self._builders.get(name) is builder:
                self._log_refused(job, found)
                self._found[name] = found
        self._is_building = False
        self._has_published.set()
