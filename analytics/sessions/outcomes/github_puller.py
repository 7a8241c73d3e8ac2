"""Pulls pull requests, reviews and commits of configured repositories from GitHub."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import structlog

from analytics.sessions.outcomes.github_client import (
    GithubClient,
    GithubError,
    GithubStatistics,
    Sleep,
)
from analytics.sessions.outcomes.intake import OutcomeIntake, OutcomeWay
from analytics.sessions.outcomes.settings import GithubSettings
from analytics.sessions.traces.values import Json, count_at, object_at, time_at
from model.clock import Clock
from storage.api.agent_sessions.outcomes import PullMark
from storage.api.agent_sessions.store import AgentSessionStore
from storage.api.errors import StorageError

log = structlog.get_logger(__name__)

_DAY_MS: Final = 86_400_000
_LATE_MS: Final = 14 * _DAY_MS
"""A branch that is merged brings commits that are older than the newest one."""


class GithubPuller:
    """Brings the outcomes of each repository up to date, again and again.

    A list that has not changed costs one request that does not count against the rate limit.

    Args:
        settings: what is pulled.
        token: returns the token before each pass; raises GithubError if there is none.
        store: keeps how far each list has been pulled.
        intake: stores outcomes.
        clock: returns the current time.
        sleep: waits.
    """

    def __init__(
        self,
        settings: GithubSettings,
        token: Callable[[], Awaitable[str]],
        store: AgentSessionStore,
        intake: OutcomeIntake,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings, self._store, self._intake = settings, store, intake
        self._token, self._clock, self._sleep = token, clock, sleep
        self.statistics = GithubStatistics()

    @property
    def repositories(self) -> tuple[str, ...]:
        """The repositories."""
        return self._settings.repositories

    async def run(self) -> None:
        """Pull until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                await self.pull(session)
                await self._sleep(self._settings.interval_s)

    async def pull(self, session: aiohttp.ClientSession) -> None:
        """Bring every repository up to date; one that fails does not keep others back."""
        try:
            token = await self._token()
        except GithubError as exc:
            for repository in self._settings.repositories:
                self._failed(repository, exc)
            return
        client = GithubClient(
            session, self._settings.api_url, token, self._clock, self._sleep, self.statistics
        )
        for repository in self._settings.repositories:
            try:
                stored = await self._commits(client, repository)
                stored += await self._pulls(client, repository)
            except (GithubError, StorageError) as exc:
                self._failed(repository, exc)
                continue
            self.statistics.success_ms[repository] = self._clock()
            if stored:
                log.info("github_pulled", repository=repository, outcomes=stored)

    def _failed(self, repository: str, error: Exception) -> None:
        failures = self.statistics.failures
        failures[repository] = failures.get(repository, 0) + 1
        log.warning("github_pull_failed", repository=repository, error=str(error))

    async def _commits(self, client: GithubClient, repository: str) -> int:
        """Store the commits since the last pass; return how many outcomes changed."""
        mark, changed = await self._mark(repository, "commits"), 0
        since = datetime.fromtimestamp((mark.since_ms - _LATE_MS) / 1000, UTC)
        parameters = {"since": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
        newest_ms, etag = mark.since_ms, ""
        path = f"/repos/{repository}/commits"
        async with aclosing(client.pages(path, parameters, mark.etag)) as pages:
            async for page in pages:
                etag = etag or page.etag
                taken = await self._intake.take(page.body, OutcomeWay.PULL, repository)
                changed += taken.stored
                newest_ms = max([newest_ms, *map(_committed_ms, _objects(page.body))])
        # The URL contains the mark, and an ETag holds for the URL that it came with.
        if newest_ms != mark.since_ms or etag:
            etag = etag if newest_ms == mark.since_ms else ""
            await self._store.set_pull_mark(repository, "commits", PullMark(newest_ms, etag))
        return changed

    async def _pulls(self, client: GithubClient, repository: str) -> int:
        """Store pull requests that changed since the last pass, and their reviews."""
        mark, changed = await self._mark(repository, "pulls"), 0
        newest_ms, etag, is_known = mark.since_ms, "", False
        parameters = {"state": "all", "sort": "updated", "direction": "desc"}
        path = f"/repos/{repository}/pulls"
        async with aclosing(client.pages(path, parameters, mark.etag)) as pages:
            async for page in pages:
                etag = etag or page.etag
                for pull in _objects(page.body):
                    updated_ms = time_at(pull, "updated_at") or 0
                    is_known = updated_ms < mark.since_ms
                    if is_known:
                        break
                    newest_ms = max(newest_ms, updated_ms)
                    changed += await self._pull(client, repository, count_at(pull, "number"))
                if is_known:
                    break
        if etag or newest_ms != mark.since_ms:
            await self._store.set_pull_mark(repository, "pulls", PullMark(newest_ms, etag))
        return changed

    async def _pull(self, client: GithubClient, repository: str, number: int) -> int:
        """Store one pull request and its reviews, and return how many records changed.

        It is asked for by itself because GitHub's list of pull requests leaves out their sizes.
        """
        path = f"/repos/{repository}/pulls/{number}"
        pull = await client.one(path)
        changed = (await self._intake.take(pull, OutcomeWay.PULL, repository)).stored
        async with aclosing(client.pages(f"{path}/reviews", {})) as pages:
            async for page in pages:
                taken = await self._intake.take(page.body, OutcomeWay.PULL, repository)
                changed += taken.stored
        return changed

    async def _mark(self, repository: str, kind: str) -> PullMark:
        """Return up to where the last complete pass came; the history's begin before one."""
        found = await self._store.pull_mark(repository, kind)
        if found is not None:
            return found
        return PullMark(self._clock() - self._settings.history_days * _DAY_MS)


def _objects(body: Any) -> list[Json]:
    if not isinstance(body, list):
        raise GithubError("GitHub answered a list with another kind of JSON")
    return [one for one in body if isinstance(one, dict)]


def _committed_ms(commit: Json) -> int:
    return time_at(object_at(object_at(commit, "commit"), "committer"), "date") or 0
