"""Keeps the targets of a set of jobs up to date."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from types import TracebackType
from typing import Self

import structlog

from scraper.discovery.groups import TargetGroup, TargetSource
from scraper.discovery.jobs import JobTargets, ScrapeJob, job_targets
from scraper.fetching.http_session import HttpSession
from scraper.fetching.targets import DroppedTarget, ScrapeTarget

log = structlog.get_logger(__name__)

Key = tuple[str, TargetSource]


class Discovery:
    """Finds the targets of jobs for as long as it is entered.

        async with Discovery(changed) as discovery:
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
        self._groups: dict[Key, Sequence[TargetGroup]] = {}
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._teller: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._found_more = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Begin to look for the targets of what `apply` gave or will give."""
        await self._session.open()
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._teller = self._tasks.create_task(self._tell())
        self._run_sources()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop looking."""
        tasks, self._tasks = self._tasks, None
        for task in [*self._running.values(), *([self._teller] if self._teller else [])]:
            task.cancel()
        self._running.clear()
        try:
            if tasks is not None:
                await tasks.__aexit__(kind, exc, traceback)
        finally:
            await self._session.close()

    def apply(self, jobs: Sequence[ScrapeJob], host_jobs: Collection[str] = ()) -> None:
        """Look for the targets of these jobs from now on, and of no others.

        What a source that stays has found is kept. `targets` is right at once for
        static targets; the others follow. A job whose sources changed keeps what the
        old ones found until all new ones have answered.

        Args:
            jobs: each with a name of its own.
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
        self._found_more.set()
        if self._tasks is not None:
            self._run_sources()
            self._news.set()

    def targets(self) -> list[ScrapeTarget]:
        """Return every target found, in the order of the jobs."""
        return [target for job in self._jobs for target in self._found[job.name].targets]

    def dropped(self) -> list[DroppedTarget]:
        """Return the targets that relabelling dropped, as many as their jobs keep."""
        return [target for job in self._jobs for target in self._found[job.name].dropped]

    def dropped_counts(self) -> dict[str, int]:
        """Return for each job how many targets relabelling dropped."""
        return {job.name: self._found[job.name].dropped_count for job in self._jobs}

    def refused(self) -> list[DroppedTarget]:
        """Return what was found and no target can be made of."""
        return [target for job in self._jobs for target in self._found[job.name].refused]

    async def settled(self) -> None:
        """Return when every source has answered once.

        One that fails does not answer: bound the wait.
        """
        while self._wanted() - self._groups.keys():
            self._found_more.clear()
            await self._found_more.wait()

    def _wanted(self) -> set[Key]:
        return {(job.name, source) for job in self._jobs for source in job.sources}

    def _run_sources(self) -> None:
        if self._tasks is None:
            return
        for job in self._jobs:
            for source in job.sources:
                key = (job.name, source)
                if key not in self._running:
                    self._running[key] = self._tasks.create_task(self._run(key))

    async def _run(self, key: Key) -> None:
        name, source = key

        def publish(groups: Sequence[TargetGroup]) -> None:
            self._groups[key] = groups
            self._drop_outdated(name)
            for job in self._jobs:
                if job.name == name:
                    self._found[job.name] = self._build(job)
            self._news.set()
            self._found_more.set()

        await source.run(self._session, publish)

    def _drop_outdated(self, name: str) -> None:
        """Forget what a job's former sources found, once all it has now have answered."""
        wanted = {key for key in self._wanted() if key[0] == name}
        if wanted <= self._groups.keys():
            for key in [key for key in self._groups if key[0] == name and key not in wanted]:
                del self._groups[key]

    def _build(self, job: ScrapeJob) -> JobTargets:
        groups = [*job.static]
        sources = [(job.name, source) for source in job.sources]
        outdated = [key for key in self._groups if key[0] == job.name and key not in sources]
        for key in [*sources, *outdated]:
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

    async def _tell(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._changed()
