import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from pydantic import TypeAdapter, ValidationError

from scraper.discovery.engine.feed import Feed, MechanismStatistics
from scraper.discovery.groups import TargetGroup
from scraper.discovery.hashicorp.consul import ConsulDiscoverer, _ConsulInstance
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession
from tests.patience import PATIENCE_S
from tests.scraper.discovery.api_server import labels_by_address
from tests.scraper.discovery.hostile import hostile


def instance(name: str, port: int, *checks: tuple[str, str], address: str = "") -> dict[str, Any]:
    return {
        "Node": {
            "Node": "n1",
            "Address": "192.168.0.1",
            "Meta": {"rack-id": "r"},
            "TaggedAddresses": {"lan": "192.168.0.1"},
        },
        "Service": {
            "ID": f"{name}-{port}",
            "Service": name,
            "Address": address,
            "Port": port,
            "Tags": ["a", "b"],
            "Meta": {"env": "prod"},
            "Namespace": "team",
            "Partition": "part",
        },
        "Checks": [{"CheckID": key, "Status": status} for key, status in checks],
    }


@dataclass
class FakeConsul:
    """A catalog with blocking queries."""

    services: dict[str, list[str]] = field(default_factory=dict)
    instances: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    index: int = 10
    failing: bool = False
    requests: list[web.Request] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, index: int | None = None) -> None:
        self.index = self.index + 1 if index is None else index
        self._changed.set()
        self._changed = asyncio.Event()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        if self.failing:
            return web.Response(status=500)
        if request.path.endswith("/agent/self"):
            return web.json_response({"Config": {"Datacenter": "dc1"}})
        while request.query.get("index") == str(self.index):
            await self._changed.wait()
        headers = {"X-Consul-Index": str(self.index)}
        if request.path.endswith("/catalog/services"):
            return web.json_response(self.services, headers=headers)
        name = request.path.rpartition("/")[2]
        return web.json_response(self.instances.get(name, []), headers=headers)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def discoverer(url: str, **more: Any) -> ConsulDiscoverer:
    plain = ConsulDiscoverer(
        url,
        HttpAccess(),
        refresh_s=0.01,
        datacenter="",
        scope=(),
        services=(),
        tags=(),
        filter="",
        health_filter="",
        allow_stale=True,
        tag_separator=",",
    )
    return replace(plain, **more)


class Published:
    def __init__(self) -> None:
        self.statistics = MechanismStatistics()
        self._groups: asyncio.Queue[Sequence[TargetGroup]] = asyncio.Queue()

    def put(self, groups: Sequence[TargetGroup]) -> None:
        self._groups.put_nowait(groups)

    async def next(self) -> dict[str, dict[str, str]]:
        async with asyncio.timeout(PATIENCE_S):
            return labels_by_address(await self._groups.get(), "__meta_consul_")


@asynccontextmanager
async def discovering(found: ConsulDiscoverer) -> AsyncIterator[Published]:
    published, session = Published(), HttpSession()
    await session.open()
    feed = Feed("consul", published.put, published.statistics)
    task = asyncio.ensure_future(found.run(session, feed))
    try:
        yield published
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await session.close()


async def test_instances_have_the_labels_of_node_and_service() -> None:
    consul = FakeConsul({"web": []}, {"web": [instance("web", 80, ("c", "warning"))]})
    async with consul.serving() as url, discovering(discoverer(url)) as published:
        assert await published.next() == {
            "192.168.0.1:80": {
                "address": "192.168.0.1",
                "dc": "dc1",
                "health": "warning",
                "metadata_rack_id": "r",
                "namespace": "team",
                "node": "n1",
                "partition": "part",
                "service": "web",
                "service_id": "web-80",
                "service_metadata_env": "prod",
                "service_port": "80",
                "tagged_address_lan": "192.168.0.1",
                "tags": ",a,b,",
            }
        }


async def test_changes_of_catalog_and_services_change_the_targets() -> None:
    consul = FakeConsul({"web": []}, {"web": [instance("web", 80, address="10.0.0.1")]})
    consul.instances["db"] = [instance("db", 5432)]
    async with consul.serving() as url, discovering(discoverer(url)) as published:
        assert list(await published.next()) == ["10.0.0.1:80"]
        consul.instances["web"].append(instance("web", 81))
        consul.change()
        assert list(await published.next()) == ["10.0.0.1:80", "192.168.0.1:81"]
        consul.services["db"] = []
        consul.change()
        assert list(await published.next()) == ["192.168.0.1:5432", "10.0.0.1:80", "192.168.0.1:81"]
        del consul.services["web"]
        consul.change(3)
        assert list(await published.next()) == ["192.168.0.1:5432"]


async def test_targets_stay_while_the_agent_fails() -> None:
    consul = FakeConsul({"web": []}, {"web": [instance("web", 80)]})
    async with consul.serving() as url, discovering(discoverer(url)) as published:
        await published.next()
        consul.failing = True
        consul.change()
        async with asyncio.timeout(PATIENCE_S):
            while not published.statistics.failures:  # noqa: ASYNC110 - a number has no event
                await asyncio.sleep(0.01)
        consul.failing = False
        consul.instances["web"] = [instance("web", 81)]
        consul.change()
        assert list(await published.next()) == ["192.168.0.1:81"]


async def test_services_without_all_tags_are_left_out() -> None:
    consul = FakeConsul({"web": ["a", "b"], "db": ["a"]}, {"web": [instance("web", 80)]})
    consul.instances["db"] = [instance("db", 1)]
    async with (
        consul.serving() as url,
        discovering(discoverer(url, tags=("a", "b"))) as published,
    ):
        assert list(await published.next()) == ["192.168.0.1:80"]
    health = next(each for each in consul.requests if "/health/" in each.path)
    assert health.query.getall("tag") == ["a", "b"]


async def test_named_services_need_no_catalog_and_options_are_parameters() -> None:
    consul = FakeConsul({}, {"web": [instance("web", 80)]})
    options = {
        "services": ("web",),
        "datacenter": "dc9",
        "scope": (("ns", "n"), ("node-meta", "k:v")),
        "health_filter": 'Service.Meta.env == "prod"',
    }
    async with consul.serving() as url, discovering(discoverer(url, **options)) as published:
        assert (await published.next())["192.168.0.1:80"]["dc"] == "dc9"
    assert {each.path for each in consul.requests} == {"/v1/health/service/web"}
    assert dict(consul.requests[0].query) == {
        "ns": "n",
        "node-meta": "k:v",
        "filter": 'Service.Meta.env == "prod"',
        "dc": "dc9",
        "stale": "",
    }


@pytest.mark.parametrize(
    ("checks", "health"),
    [
        ((), "passing"),
        ((("a", "passing"), ("b", "warning")), "warning"),
        ((("a", "critical"), ("b", "warning")), "critical"),
        ((("_node_maintenance", "critical"),), "maintenance"),
        ((("_service_maintenance:x", "critical"), ("a", "passing")), "maintenance"),
        ((("a", "odd"),), ""),
    ],
)
def test_health_is_the_worst_check(checks: tuple[tuple[str, str], ...], health: str) -> None:
    assert TypeAdapter(_ConsulInstance).validate_python(instance("w", 1, *checks)).health == health


@given(hostile([instance("web", 80, ("c", "passing"))]))
def test_hostile_instances_are_refused_or_valid(found: Any) -> None:
    try:
        instances = TypeAdapter(list[_ConsulInstance]).validate_json(json.dumps(found))
    except ValidationError:
        return
    assert all(isinstance(each.health, str) for each in instances)
