import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from model.labels import Labels
from scraper.discovery import manager
from scraper.discovery.engine.feed import Feed
from scraper.discovery.file_sd import FileDiscoverer
from scraper.discovery.groups import TargetGroup
from scraper.discovery.manager import DiscoveryManager
from scraper.fetching.http_session import HttpSession
from scraper.relabel import RelabelAction, RelabelRule
from tests.patience import PATIENCE_S
from tests.scraper.discovery.changes import Changes, http, instances, job, write
from tests.scraper.exposing_server import serving


async def test_static_targets_are_available_at_once(
    discovery: DiscoveryManager, changes: Changes
) -> None:
    discovery.apply([job(static=(TargetGroup(("a:1",)),))])
    assert instances(discovery) == ["a:1"]
    discovery.apply([])
    assert instances(discovery) == []


async def test_unchanged_discoverers_keep_running(
    discovery: DiscoveryManager, changes: Changes, tmp_path: Path
) -> None:
    await write(tmp_path / "a.json", '[{"targets": ["a:1"]}]')
    discoverer = FileDiscoverer((f"{tmp_path}/*.json",), 300.0)
    discovery.apply([job(discoverer)])
    await changes.until(lambda: instances(discovery) == ["a:1"])
    running = dict(discovery._running)
    rule = RelabelRule(RelabelAction.REPLACE, target_label="x", replacement="y")
    discovery.apply([job(discoverer, relabel_rules=(rule,)), job(discoverer, name="k")])
    assert discovery.targets()[0].labels == Labels.of(job="j", instance="a:1", x="y")
    assert all(discovery._running[key] is task for key, task in running.items())
    await changes.until(lambda: len(instances(discovery)) == 2)


async def test_dropped_targets_are_listed(discovery: DiscoveryManager) -> None:
    drop = RelabelRule(RelabelAction.DROP, ("__address__",))
    discovery.apply([job(static=(TargetGroup(("a:1",)),), relabel_rules=(drop,))])
    assert instances(discovery) == []
    assert [target.pool for target in discovery.dropped()] == ["j"]


async def test_settled_waits_until_every_discoverer_has_published(
    discovery: DiscoveryManager, tmp_path: Path
) -> None:
    await write(tmp_path / "a.json", '[{"targets": ["a:1"]}]')
    discovery.apply([job(FileDiscoverer((f"{tmp_path}/*.json",), 60.0))])
    async with asyncio.timeout(PATIENCE_S):
        await discovery.settled()
    assert instances(discovery) == ["a:1"]


async def test_dropped_and_refused_targets_are_listed_separately(
    discovery: DiscoveryManager,
) -> None:
    rules = (
        RelabelRule(RelabelAction.DROP, ("__address__",), regex="b.*"),
        RelabelRule(source_labels=("__address__",), regex="(c):1", target_label="__scheme__"),
    )
    group = TargetGroup(("a:1", "b:1", "b:2", "c:1"))
    discovery.apply([job(static=(group,), relabel_rules=rules, keep_dropped=1)])
    assert instances(discovery) == ["a:1"]
    assert [each.discovered.get("__address__") for each in discovery.dropped()] == ["b:1"]
    assert discovery.dropped_counts() == {"j": 2}
    assert [each.reason for each in discovery.refused()] == ['"c" is neither http nor https']


async def test_job_with_new_discoverers_keeps_its_targets_until_they_publish(
    discovery: DiscoveryManager, changes: Changes, tmp_path: Path
) -> None:
    await write(tmp_path / "a.json", '[{"targets": ["a:1"]}]')
    discoverer = FileDiscoverer((f"{tmp_path}/a.json",), 60.0)
    discovery.apply([job(discoverer)])
    await changes.until(lambda: instances(discovery) == ["a:1"])
    requested = asyncio.Event()
    answer_now = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        requested.set()
        await answer_now.wait()
        return web.json_response([{"targets": ["b:1"]}])

    async with serving(sd=slow) as url:
        other = job(discoverer, name="other")
        discovery.apply([job(http(url("sd"), 60.0)), other])
        await requested.wait()
        await changes.until(lambda: instances(discovery) == ["a:1", "a:1"])
        answer_now.set()
        await changes.until(lambda: instances(discovery) == ["b:1", "a:1"])
        discovery.apply([other])
        assert instances(discovery) == ["a:1"]


async def test_discoverer_of_several_jobs_runs_once(
    discovery: DiscoveryManager, changes: Changes
) -> None:
    requests = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.json_response([{"targets": ["a:1"]}])

    async with serving(sd=answer) as url:
        discoverer = http(url("sd"), 60.0)
        discovery.apply([job(discoverer), job(discoverer, name="k")])
        await changes.until(lambda: instances(discovery) == ["a:1", "a:1"])
        discovery.apply([job(discoverer, name="k"), job(discoverer, name="l")])
        assert instances(discovery) == ["a:1", "a:1"]
    assert requests == 1
    assert discovery.discovered_counts() == {"http": 1}
    assert discovery.statistics["http"].refreshes == 1


async def test_many_groups_are_built_before_discovery_has_settled(
    discovery: DiscoveryManager,
) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response([{"targets": [f"a:{n}"]} for n in range(500)])

    async with serving(sd=answer) as url:
        discovery.apply([job(http(url("sd"), 60.0))])
        async with asyncio.timeout(PATIENCE_S):
            await discovery.settled()
        assert len(instances(discovery)) == 500


@dataclass(frozen=True)
class Defective:
    """Fails with an error that no discoverer should raise, then finds a target."""

    attempts: list[None] = field(default_factory=list, compare=False)
    mechanism: str = "http"

    async def run(self, session: HttpSession, feed: Feed) -> None:
        self.attempts.append(None)
        if len(self.attempts) == 1:
            raise ZeroDivisionError
        feed.publish([TargetGroup(("b:1",))])
        await asyncio.Event().wait()


async def test_defect_in_a_discoverer_ends_neither_the_others_nor_itself(
    discovery: DiscoveryManager, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "_RESTART_S", 0.01)
    with capture_logs() as logs:
        discovery.apply([job(Defective(), static=(TargetGroup(("a:1",)),))])
        await changes.until(lambda: instances(discovery) == ["a:1", "b:1"])
    assert [entry["event"] for entry in logs] == ["discovery_crashed", "discovery_failed"]
    assert discovery.statistics["http"].failures == 1
