import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from model.labels import Labels
from scraper.discovery.discovery import Discovery
from scraper.discovery.dns_sd import DnsSource
from scraper.discovery.file_sd import FileSource
from scraper.discovery.groups import DiscoveryError, TargetGroup, TargetSource, parse_groups
from scraper.discovery.http_sd import HttpSource
from scraper.discovery.jobs import ScrapeJob
from scraper.fetching.http_access import HttpAccess
from scraper.relabel import RelabelAction, RelabelRule
from tests.scraper.exposing_server import Answer, body, serving


class News:
    """Waits for what a discovery tells."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    async def tell(self) -> None:
        self._told.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                self._told.clear()
                await self._told.wait()


@pytest.fixture
def news() -> News:
    return News()


@pytest.fixture
async def discovery(news: News) -> AsyncIterator[Discovery]:
    async with Discovery(news.tell) as discovery:
        yield discovery


def job(*sources: TargetSource, name: str = "j", **fields: object) -> ScrapeJob:
    return ScrapeJob(name, 15.0, 10.0, sources=sources, **fields)  # type: ignore[arg-type]


def instances(discovery: Discovery) -> list[str]:
    return [target.instance for target in discovery.targets()]


async def write(path: Path, text: str) -> None:
    def replaced() -> None:
        new = path.with_suffix(".new")
        new.write_text(text)
        new.rename(path)

    await asyncio.to_thread(replaced)


async def test_static_targets_are_there_at_once(discovery: Discovery, news: News) -> None:
    discovery.apply([job(static=(TargetGroup(("a:1",)),))])
    assert instances(discovery) == ["a:1"]
    discovery.apply([])
    assert instances(discovery) == []


async def test_files_are_followed(discovery: Discovery, news: News, tmp_path: Path) -> None:
    source = FileSource((f"{tmp_path}/*.json", f"{tmp_path}/*.yml"), 0.02)
    await write(tmp_path / "a.json", json.dumps([{"targets": ["a:1"], "labels": {"x": "y"}}]))
    await write(tmp_path / "b.yml", "- targets: [b:1]\n  labels: {v: 1.10}\n")
    discovery.apply([job(source)])
    await news.until(lambda: instances(discovery) == ["a:1", "b:1"])
    first, second = discovery.targets()
    assert first.labels.get("x") == "y"
    assert second.labels.get("v") == "1.10"
    assert first.discovered.get("__meta_filepath") == f"{tmp_path}/a.json"

    await write(tmp_path / "a.json", '[{"targets": ["a:1", "a:2"]}]')
    await news.until(lambda: instances(discovery) == ["a:1", "a:2", "b:1"])
    await write(tmp_path / "a.json", "[{")
    await asyncio.to_thread(os.remove, tmp_path / "b.yml")
    await news.until(lambda: instances(discovery) == ["a:1", "a:2"])


def answering(answers: list[Answer]) -> Answer:
    """Give the answers in turn, the last one for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(request)

    return answer


async def test_url_is_asked_again_and_failures_change_nothing(
    discovery: Discovery, news: News
) -> None:
    def listing(text: str) -> Answer:
        return body(text, "application/json")

    answers = [
        listing('[{"targets": ["a:1"], "labels": {"x": "y"}}]'),
        body("", status=500),
        body("[]", "text/plain"),
        listing("{"),
        listing('[{"targets": 5}]'),
        listing('[{"targets": ["b:1"]}]'),
    ]
    async with serving(sd=answering(answers)) as url:
        seen: list[list[str]] = []
        discovery.apply([job(HttpSource(url("sd"), 0.05, HttpAccess()))])
        await news.until(lambda: bool(instances(discovery)))
        seen.append(instances(discovery))
        assert discovery.targets()[0].discovered.get("__meta_url") == url("sd")
        await news.until(lambda: instances(discovery) != seen[0])
        seen.append(instances(discovery))
    assert seen == [["a:1"], ["b:1"]]


async def test_names_are_looked_up(discovery: Discovery, news: News) -> None:
    discovery.apply([job(DnsSource(("localhost",), "A", 9100, 30.0))])
    await news.until(lambda: bool(instances(discovery)))
    assert instances(discovery) == ["127.0.0.1:9100"]
    assert discovery.targets()[0].discovered.get("__meta_dns_name") == "localhost"


async def test_addresses_of_the_sixth_version_are_in_brackets(
    discovery: Discovery, news: News, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolved(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 9100, 0, 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    discovery.apply([job(DnsSource(("localhost",), "AAAA", 9100, 30.0))])
    await news.until(lambda: bool(instances(discovery)))
    assert instances(discovery) == ["[::1]:9100"]


async def test_name_that_cannot_be_asked_for_keeps_its_targets(
    discovery: Discovery, news: News, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 1))]]
    asked = asyncio.Event()

    async def resolved(*_: object, **__: object) -> list[object]:
        if answers:
            return list(answers.pop())
        asked.set()
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    discovery.apply([job(DnsSource(("x",), "A", 1, 0.01))])
    async with asyncio.timeout(10):
        await asked.wait()
    assert instances(discovery) == ["10.0.0.1:1"]


async def test_reload_keeps_what_unchanged_sources_found(
    discovery: Discovery, news: News, tmp_path: Path
) -> None:
    await write(tmp_path / "a.json", '[{"targets": ["a:1"]}]')
    source = FileSource((f"{tmp_path}/*.json",), 300.0)
    discovery.apply([job(source)])
    await news.until(lambda: instances(discovery) == ["a:1"])
    running = dict(discovery._running)
    rule = RelabelRule(RelabelAction.REPLACE, target_label="x", replacement="y")
    discovery.apply([job(source, relabel_rules=(rule,)), job(source, name="k")])
    assert discovery.targets()[0].labels == Labels.of(job="j", instance="a:1", x="y")
    assert all(discovery._running[key] is task for key, task in running.items())
    await news.until(lambda: len(instances(discovery)) == 2)


async def test_dropped_targets_are_listed(discovery: Discovery) -> None:
    drop = RelabelRule(RelabelAction.DROP, ("__address__",))
    discovery.apply([job(static=(TargetGroup(("a:1",)),), relabel_rules=(drop,))])
    assert instances(discovery) == []
    assert [target.pool for target in discovery.dropped()] == ["j"]


@pytest.mark.parametrize(
    ("text", "is_json", "reason"),
    [
        ("[{", True, "EOF"),
        ('{"targets": []}', True, "valid array"),
        ('[{"targets": [1]}]', True, "valid string"),
        ('[{"target": ["a"]}]', True, "unknown key"),
        ("- targets: a\n", False, "x:1: 0.targets"),
        ("- {targets: [a], targets: [b]}\n", False, "stands twice"),
        ("a: [", False, "x:2"),
    ],
)
def test_malformed_lists_are_told(text: str, is_json: bool, reason: str) -> None:
    with pytest.raises(DiscoveryError, match=reason):
        parse_groups(text, "x", is_json=is_json)


def test_empty_file_lists_nothing() -> None:
    assert parse_groups("", "x", is_json=False) == ()


async def test_settled_waits_until_every_source_has_answered(
    discovery: Discovery, tmp_path: Path
) -> None:
    await write(tmp_path / "a.json", '[{"targets": ["a:1"]}]')
    discovery.apply([job(FileSource((f"{tmp_path}/*.json",), 60.0))])
    async with asyncio.timeout(30):
        await discovery.settled()
    assert instances(discovery) == ["a:1"]


async def test_dropped_and_refused_targets_are_told_apart(discovery: Discovery) -> None:
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


async def test_job_with_other_sources_keeps_its_targets_until_they_answer(
    discovery: Discovery, news: News, tmp_path: Path
) -> None:
    await write(tmp_path / "a.json", '[{"targets": ["a:1"]}]')
    source = FileSource((f"{tmp_path}/a.json",), 60.0)
    discovery.apply([job(source)])
    await news.until(lambda: instances(discovery) == ["a:1"])
    asked = asyncio.Event()
    answer_now = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.set()
        await answer_now.wait()
        return web.json_response([{"targets": ["b:1"]}])

    async with serving(sd=slow) as url:
        other = job(source, name="other")
        discovery.apply([job(HttpSource(url("sd"), 60.0, HttpAccess())), other])
        await asked.wait()
        await news.until(lambda: instances(discovery) == ["a:1", "a:1"])
        answer_now.set()
        await news.until(lambda: instances(discovery) == ["b:1", "a:1"])
        discovery.apply([other])
        assert instances(discovery) == ["a:1"]
