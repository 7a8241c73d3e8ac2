"""Pulls from a server that answers as GitHub's API does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from structlog.testing import capture_logs

from analytics.sessions.github_secrets import GithubSecret, GithubSecrets, Sealing
from analytics.sessions.outcomes.github_puller import GithubPuller
from analytics.sessions.outcomes.intake import OutcomeIntake, OutcomeWay
from analytics.sessions.outcomes.settings import GithubSettings
from analytics.sessions.settings import SessionSettings
from storage.api.agent_sessions.outcomes import OutcomeKind, WorkOutcome
from storage.events import DuckEventStore
from tests.analytics.sessions.outcomes.github_server import (
    TOKEN,
    Github,
    at,
    commit,
    numbered,
    pull,
    refusal,
    review,
    running_github,
)

NOW_MS = 1_795_168_800_000
DAY_MS = 86_400_000


@dataclass
class Pulling:
    """A puller, its server and its store; `waits` are the waits that it asked for."""

    github: Github
    url: str
    store: DuckEventStore
    session: aiohttp.ClientSession
    waits: list[float] = field(default_factory=list)
    now_ms: int = NOW_MS
    sealing: Sealing | None = None

    def puller(self, token: str | None = TOKEN, **more: object) -> GithubPuller:
        values = {"repositories": ("o/r",), "token": token, "api_url": self.url, **more}
        settings = GithubSettings.model_validate(values)
        store = self.store.agent_sessions
        every, clock = SessionSettings(github=settings), lambda: self.now_ms
        token_of = GithubSecrets(every, store, clock, self.sealing).token
        return GithubPuller(settings, token_of, store, OutcomeIntake(store), clock, self._sleep)

    async def _sleep(self, wait_s: float) -> None:
        self.waits.append(wait_s)
        self.now_ms += round(wait_s * 1000)

    async def outcomes(self) -> list[WorkOutcome]:
        return list(await self.store.agent_sessions.outcomes(0, NOW_MS * 2))

    async def keys(self) -> set[str]:
        return {one.key for one in await self.outcomes()}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[Pulling]:
    store, github = DuckEventStore(tmp_path / "events.duckdb"), Github()
    async with running_github(github) as url, aiohttp.ClientSession() as session:
        yield Pulling(github, url, store, session)
    await asyncio.to_thread(store.close)


async def test_pull_requests_reviews_and_commits_of_every_page_are_stored(world: Pulling) -> None:
    world.github.most_per_page = 2
    world.github.pulls = [pull(*one) for one in numbered(5, NOW_MS)]
    world.github.commits = [commit(*one) for one in numbered(5, NOW_MS)]
    world.github.reviews[3] = [review(30 + n, 3, NOW_MS) for n in range(3)]
    world.github.sizes[1] = (10, 4)
    puller = world.puller()
    await puller.pull(world.session)
    assert await world.keys() == {
        *(f"pull:o/r:{n}" for n in range(1, 6)),
        *(f"commit:o/r:{n:040x}" for n in range(1, 6)),
        *(f"review:o/r:{n}" for n in (30, 31, 32)),
    }
    found = {one.key: one for one in await world.outcomes()}
    assert (found["pull:o/r:1"].lines_added, found["pull:o/r:1"].lines_removed) == (10, 4)
    assert found["review:o/r:30"].state == "changes_requested"
    assert puller.statistics.success_ms == {"o/r": NOW_MS}
    assert puller.statistics.remaining == world.github.remaining


async def test_unchanged_lists_are_answered_by_their_etag_also_after_a_restart(
    world: Pulling,
) -> None:
    world.github.pulls = [pull(1, NOW_MS - 1000)]
    world.github.commits = [commit(1, NOW_MS - 1000)]
    # The mark is part of the URL of commits: the second pass learns the ETag that holds.
    for _ in range(2):
        await world.puller().pull(world.session)
    world.github.paths.clear()
    await world.puller().pull(world.session)
    assert [status for _, status in world.github.paths] == [304, 304]


async def test_second_pass_reads_only_what_has_changed(world: Pulling) -> None:
    world.github.most_per_page = 3
    world.github.pulls = [pull(*one) for one in numbered(6, NOW_MS)]
    puller = world.puller()
    await puller.pull(world.session)
    world.github.paths.clear()
    merged = {"state": "closed", "merged_at": at(NOW_MS + 5000), "closed_at": at(NOW_MS + 5000)}
    world.github.pulls[3] = pull(4, NOW_MS + 5000, **merged)
    await puller.pull(world.session)
    assert world.github.statuses("/repos/o/r/pulls") == [200]
    assert world.github.statuses("/repos/o/r/pulls/4") == [200]
    assert world.github.statuses("/repos/o/r/pulls/6") == []
    found = {one.key: one for one in await world.outcomes()}
    assert found["pull:o/r:4"].state == "merged"


async def test_late_commits_of_a_merged_branch_are_found(world: Pulling) -> None:
    world.github.commits = [commit(1, NOW_MS - 1000)]
    puller = world.puller()
    await puller.pull(world.session)
    world.github.commits.append(commit(2, NOW_MS - 5 * DAY_MS))
    await puller.pull(world.session)
    assert f"commit:o/r:{2:040x}" in await world.keys()


async def test_first_pass_goes_back_as_far_as_is_configured(world: Pulling) -> None:
    world.github.pulls = [pull(1, NOW_MS - 2 * DAY_MS), pull(2, NOW_MS - 50 * DAY_MS)]
    world.github.commits = [commit(1, NOW_MS - 100 * DAY_MS)]
    await world.puller(history_days=30).pull(world.session)
    assert await world.keys() == {"pull:o/r:1"}


@pytest.mark.parametrize("status", [403, 429])
async def test_retry_after_is_respected(world: Pulling, status: int) -> None:
    world.github.commits = [commit(1, NOW_MS)]
    world.github.faults = [refusal(status, Retry_After="37")]
    await world.puller().pull(world.session)
    assert world.waits == [37]
    assert len(await world.outcomes()) == 1


async def test_used_up_rate_limit_waits_for_its_reset(world: Pulling) -> None:
    world.github.commits = [commit(1, NOW_MS)]
    world.github.faults = [
        refusal(403, X_RateLimit_Remaining="0", X_RateLimit_Reset=str(NOW_MS // 1000 + 600))
    ]
    puller = world.puller()
    await puller.pull(world.session)
    assert world.waits == [601]
    assert puller.statistics.waited_s == 601
    assert len(await world.outcomes()) == 1


async def test_last_request_of_the_rate_limit_is_followed_by_a_wait(world: Pulling) -> None:
    world.github.remaining, world.github.reset_s = 1, NOW_MS // 1000 + 60
    world.github.commits = [commit(1, NOW_MS)]
    await world.puller().pull(world.session)
    assert world.waits == [61]
    assert world.github.statuses("/repos/o/r/pulls") == [200]


async def test_secondary_limit_without_a_header_waits_a_minute(world: Pulling) -> None:
    world.github.faults = [refusal(429, X_RateLimit_Remaining="4000")]
    await world.puller().pull(world.session)
    assert world.waits == [60]


async def test_failing_server_is_tried_again_ever_later_and_the_mark_kept(world: Pulling) -> None:
    world.github.commits = [commit(1, NOW_MS)]
    world.github.faults = [refusal(502)] * 5
    puller = world.puller()
    with capture_logs() as logs:
        await puller.pull(world.session)
    assert world.waits == [2, 4, 8, 16]
    assert [one["event"] for one in logs] == ["github_pull_failed"]
    assert puller.statistics.failures == {"o/r": 1}
    assert await world.outcomes() == []
    await puller.pull(world.session)
    assert len(await world.outcomes()) == 1


async def test_pass_that_breaks_off_is_repeated_as_a_whole(world: Pulling) -> None:
    world.github.most_per_page = 1
    world.github.pulls = [pull(*one) for one in numbered(3, NOW_MS)]
    world.github.next_origin = "http://127.0.0.1:1"
    puller = world.puller()
    await puller.pull(world.session)
    assert puller.statistics.failures == {"o/r": 1}
    world.github.next_origin = ""
    await puller.pull(world.session)
    assert await world.keys() == {f"pull:o/r:{n}" for n in (1, 2, 3)}


async def test_token_is_sent_to_no_other_host(world: Pulling) -> None:
    other = Github()
    async with running_github(other) as elsewhere:
        world.github.most_per_page, world.github.next_origin = 1, elsewhere
        world.github.commits = [commit(*one) for one in numbered(2, NOW_MS)]
        await world.puller().pull(world.session)
        world.github.faults = [refusal(301, Location=f"{elsewhere}/repos/o/r/commits")]
        await world.puller().pull(world.session)
    assert other.paths == []


async def test_renamed_repository_is_followed(world: Pulling) -> None:
    world.github.commits = [commit(1, NOW_MS)]
    path = f"/repos/o/r/commits?since={at(0)}"
    world.github.faults = [refusal(301, Location=path)]
    await world.puller().pull(world.session)
    assert len(await world.outcomes()) == 1


async def test_wrong_token_is_reported_without_itself_and_not_repeated(world: Pulling) -> None:
    puller = world.puller(token="ghp_wrong")
    with capture_logs() as logs:
        await puller.pull(world.session)
    (entry,) = logs
    assert "create a new one" in entry["error"]
    assert "ghp_wrong" not in str(logs)
    assert (len(world.github.paths), world.waits) == (1, [])


async def test_missing_repository_keeps_no_other_back(world: Pulling) -> None:
    world.github.commits = [commit(1, NOW_MS)]
    puller = world.puller(repositories=("o/gone", "o/r"))
    await puller.pull(world.session)
    assert puller.statistics.failures == {"o/gone": 1}
    assert len(await world.outcomes()) == 1


async def test_token_file_is_read_at_each_pass(world: Pulling, tmp_path: Path) -> None:
    file = tmp_path / "token"
    world.github.commits = [commit(1, NOW_MS)]
    puller = world.puller(None, token_file=file)
    await puller.pull(world.session)
    assert puller.statistics.failures == {"o/r": 1}
    await asyncio.to_thread(file.write_text, f"{TOKEN}\n")
    await puller.pull(world.session)
    assert len(await world.outcomes()) == 1


async def test_files_webhooks_and_pulls_store_one_record(world: Pulling) -> None:
    world.github.pulls = [pull(1, NOW_MS)]
    world.github.sizes[1] = (5, 2)
    store = world.store.agent_sessions
    intake = OutcomeIntake(store)
    hook = {
        "action": "reopened",
        "repository": {"full_name": "o/r"},
        "pull_request": pull(1, NOW_MS - 60_000),
    }
    await intake.take(hook, OutcomeWay.WEBHOOK)
    await world.puller().pull(world.session)
    await intake.take([pull(1, NOW_MS)], OutcomeWay.FILE)
    (found,) = await world.outcomes()
    assert found.kind is OutcomeKind.PULL_REQUEST
    # The list leaves out the size, and only the webhook says that it was opened again.
    assert (found.lines_added, found.lines_removed, found.is_reopened) == (5, 2, True)
    assert intake.received == {OutcomeWay.WEBHOOK: 1, OutcomeWay.FILE: 1}


async def test_answer_that_is_no_json_fails_the_pass(world: Pulling) -> None:
    world.github.faults = [lambda _: web.Response(text="<html>")]
    puller = world.puller()
    await puller.pull(world.session)
    assert puller.statistics.failures == {"o/r": 1}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"token": "a", "token_file": "b"}, "cannot be combined"),
        ({"api_url": "http://github.example.com/api/v3"}, "must be https"),
        ({"api_url": "ftp://x"}, "must be an http or https URL"),
        ({"repositories": ["../x/y"], "token": "a"}, "repositories"),
    ],
)
def test_invalid_settings_are_refused_with_the_reason(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        GithubSettings.model_validate(values)


class Plain:
    """Encrypts nothing; a test sees which purposes it is asked for."""

    def seal(self, purpose: str, text: str) -> str:
        return f"{purpose}:{text}"

    def unseal(self, purpose: str, sealed: str) -> str:
        return sealed.removeprefix(f"{purpose}:")


async def test_pass_without_a_token_fails_and_a_stored_one_counts_at_the_next(
    world: Pulling,
) -> None:
    world.github.commits = [commit(1, NOW_MS - 1000)]
    world.sealing = Plain()
    puller = world.puller(token=None)
    with capture_logs() as logs:
        await puller.pull(world.session)
    (entry,) = [each for each in logs if each["event"] == "github_pull_failed"]
    assert "set sessions.github.token_file, or PUT /api/session-github" in entry["error"]
    settings, store = SessionSettings(), world.store.agent_sessions
    secrets = GithubSecrets(settings, store, lambda: NOW_MS, world.sealing)
    await secrets.set(GithubSecret.TOKEN, TOKEN)
    await puller.pull(world.session)
    assert await world.keys()
