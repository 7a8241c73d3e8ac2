"""The API of Pushgateway, used by the Prometheus Python client and directly."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientResponse
from prometheus_client import (
    CollectorRegistry,
    Gauge,
    Histogram,
    delete_from_gateway,
    push_to_gateway,
    pushadd_to_gateway,
)
from prometheus_client.exposition import basic_auth_handler
from pytest_aiohttp import AiohttpClient

from ingest.gateway.gateway import PushGateway
from model.labels import Labels
from model.series import is_absent, is_stale
from storage.api.accounts import CredentialKind, Role, Scope
from storage.records.store import Records
from storage.samples.store import SqliteSampleStore
from tests.web.world import World, world_at
from web.http.errors import BadRequestError
from web.ingest.gateway import group_key

NOW_MS = 1_790_000_000_000
PUSH = frozenset({Scope.PUSH})


@dataclass
class Setting:
    world: World
    store: SqliteSampleStore
    gateway: PushGateway
    now: list[int]
    token: str

    @property
    def address(self) -> str:
        return str(self.world.client.make_url("/")).rstrip("/")

    def handler(
        self,
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        return basic_auth_handler(url, method, timeout, headers, data, "job", self.token)

    async def call(self, method: str, path: str, body: str | bytes = "") -> ClientResponse:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "text/plain"}
        data = body.encode() if isinstance(body, str) else body
        return await self.world.client.request(method, path, data=data, headers=headers)

    async def last(self) -> dict[Labels, float | None]:
        """Return the last value of every series, None if the series ended."""
        found: dict[Labels, float | None] = {}
        for part in await asyncio.to_thread(self.store.select, [], 0, 2 * NOW_MS):
            for row, labels in enumerate(part.labels):
                values = part.values[row][~is_absent(part.values[row])]
                found[labels] = None if is_stale(values[-1:])[0] else float(values[-1])
        return found

    async def of(self, metric: str) -> dict[Labels, float | None]:
        return {
            labels.drop({"__name__"}): value
            for labels, value in (await self.last()).items()
            if labels.metric == metric
        }


@asynccontextmanager
async def opened(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Setting]:
    now = [NOW_MS]
    store = SqliteSampleStore(tmp_path / "samples", clock=lambda: now[0])
    await asyncio.to_thread(store.open)
    records = Records(tmp_path / "groups.db")
    await asyncio.to_thread(records.open)
    gateway = PushGateway(store, records.pushed_groups, lambda: now[0], lambda: 15.0)
    await gateway.load()
    async with world_at(tmp_path, aiohttp_client, push_gateway=gateway) as world:
        token = await world.secret(CredentialKind.BEARER, Role.EDITOR, PUSH)
        yield Setting(world, store, gateway, now, token)
    await asyncio.to_thread(records.close)
    await asyncio.to_thread(store.close)


@pytest.fixture
async def setting(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Setting]:
    async with opened(tmp_path, aiohttp_client) as setting:
        yield setting


async def test_real_client_pushes_adds_and_deletes(setting: Setting) -> None:
    registry = CollectorRegistry()
    backup = Gauge("backup_bytes", "Size.", ["disk"], registry=registry)
    backup.labels("a").set(17)
    took = Histogram("backup_seconds", "Time.", registry=registry, buckets=(1, 5))
    took.observe(3)
    key = {"instance": "host/1"}

    async def use(function: Callable[..., None], **arguments: Any) -> None:
        await asyncio.to_thread(
            function,
            setting.address,
            "nightly",
            grouping_key=key,
            handler=setting.handler,
            **arguments,
        )

    await use(push_to_gateway, registry=registry)
    group = Labels.of(instance="host/1", job="nightly")
    assert await setting.of("backup_bytes") == {Labels.of(group, disk="a"): 17}
    assert await setting.of("backup_seconds_sum") == {group: 3}
    assert await setting.of("push_time_seconds") == {group: NOW_MS / 1000}
    assert await setting.of("push_failure_time_seconds") == {group: 0}

    setting.now[0] += 1000
    other = CollectorRegistry()
    Gauge("more", "More.", registry=other).set(1)
    await use(pushadd_to_gateway, registry=other)
    assert await setting.of("more") == {group: 1}
    assert await setting.of("backup_bytes") == {Labels.of(group, disk="a"): 17}

    setting.now[0] += 1000
    await use(push_to_gateway, registry=other)
    assert await setting.of("more") == {group: 1}
    assert await setting.of("backup_bytes") == {Labels.of(group, disk="a"): None}

    setting.now[0] += 1000
    await use(delete_from_gateway)
    assert set((await setting.last()).values()) == {None}


async def test_groups_are_appended_again_and_survive_a_restart(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with opened(tmp_path, aiohttp_client) as setting:
        assert (await setting.call("PUT", "/metrics/job/j", "m 4\n")).status == 200
    async with opened(tmp_path, aiohttp_client) as setting:
        for _ in range(3):
            setting.now[0] += 15_000
            setting.gateway.append_all(setting.now[0])
        parts = await asyncio.to_thread(setting.store.select, [], 0, 2 * NOW_MS)
        for part in parts:
            for row in range(len(part.labels)):
                assert np.count_nonzero(~is_absent(part.values[row])) == 4
        assert await setting.of("m") == {Labels.of(job="j"): 4}


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/metrics/job/", "m 1\n", "job name is required"),
        ("/metrics/job@base64/=", "m 1\n", "job name is required"),
        ("/metrics/job/j/instance", "m 1\n", "odd number of components"),
        ("/metrics/job/j/__x/1", "m 1\n", "improper label name"),
        ("/metrics/job/j/a-b/1", "m 1\n", "improper label name"),
        ("/metrics/job@base64/*", "m 1\n", "not base64"),
        ("/metrics/job/j", "m 1 1790000000000\n", "must not have timestamps"),
        ("/metrics/job/j", "m{job='x'} 1", "invalid or inconsistent"),
        ("/metrics/job/j", 'm{job="x"} 1\nm{job="y"} 2\n', "twice within the group"),
        ("/metrics/job/j", "push_time_seconds 1\n", "own metric"),
    ],
)
async def test_bad_pushes_are_rejected(setting: Setting, path: str, body: str, reason: str) -> None:
    for method in ("PUT", "POST"):
        answer = await setting.call(method, path, body)
        assert answer.status == 400
        assert reason in (await answer.json())["error"]
    assert await setting.of("m") == {}


async def test_rejected_push_sets_the_failure_time_and_keeps_the_group(
    setting: Setting,
) -> None:
    await setting.call("PUT", "/metrics/job/j", "# TYPE m gauge\nm 1\n")
    setting.now[0] += 5000
    answer = await setting.call("PUT", "/metrics/job/other", "# TYPE m counter\nm 1\n")
    assert answer.status == 400
    assert "another group" in (await answer.json())["error"]
    job, other = Labels.of(job="j"), Labels.of(job="other")
    assert await setting.of("push_failure_time_seconds") == {
        job: 0,
        other: NOW_MS / 1000 + 5,
    }
    assert await setting.of("m") == {job: 1}


async def test_empty_body_empties_a_group_with_put_only(setting: Setting) -> None:
    await setting.call("PUT", "/metrics/job/j", "m 1\n")
    setting.now[0] += 1000
    assert (await setting.call("POST", "/metrics/job/j")).status == 200
    assert await setting.of("m") == {Labels.of(job="j"): 1}
    assert await setting.of("push_time_seconds") == {Labels.of(job="j"): NOW_MS / 1000 + 1}
    setting.now[0] += 1000
    assert (await setting.call("PUT", "/metrics/job/j")).status == 200
    assert await setting.of("m") == {Labels.of(job="j"): None}
    assert await setting.of("push_time_seconds") == {Labels.of(job="j"): NOW_MS / 1000 + 2}


async def test_openmetrics_is_supported_and_protobuf_is_not(setting: Setting) -> None:
    headers = {"Authorization": f"Bearer {setting.token}"}
    for kind, status in (
        ("application/openmetrics-text; version=1.0.0", 200),
        ("application/vnd.google.protobuf; encoding=delimited", 415),
    ):
        answer = await setting.world.client.put(
            "/metrics/job/j",
            data=b"# TYPE m counter\nm_total 1\n# EOF\n",
            headers={**headers, "Content-Type": kind},
        )
        assert answer.status == status
    assert await setting.of("m_total") == {Labels.of(job="j"): 1}


async def test_groups_are_listed(setting: Setting) -> None:
    await setting.call("PUT", "/metrics/job/j/instance/i", '# TYPE m gauge\nm{a="b"} 1.5\n')
    headers = await setting.world.bearer(Role.VIEWER)
    answer = await setting.world.client.get("/api/v1/metrics", headers=headers)
    document = await answer.json()
    (group,) = document["data"]
    assert group["labels"] == {"job": "j", "instance": "i"}
    assert group["last_push_successful"] is True
    assert group["m"] == {
        "type": "GAUGE",
        "help": "",
        "metrics": [{"labels": {"a": "b", "job": "j", "instance": "i"}, "value": "1.5"}],
    }
    assert group["push_time_seconds"]["metrics"][0]["value"] == repr(NOW_MS / 1000)


async def test_deleting_an_unknown_group_succeeds(setting: Setting) -> None:
    assert (await setting.call("DELETE", "/metrics/job/nobody")).status == 202


async def test_only_tokens_with_the_scope_push_are_accepted(setting: Setting) -> None:
    setting.token = await setting.world.secret(CredentialKind.BEARER, Role.VIEWER)
    for method in ("PUT", "POST", "DELETE"):
        assert (await setting.call(method, "/metrics/job/j", "m 1\n")).status == 403


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/metrics/job/a", {"job": "a"}),
        ("/metrics/job/a/", {"job": "a"}),
        ("/metrics/job@base64/YS9i", {"job": "a/b"}),
        ("/metrics/job/a/x@base64/=", {"job": "a", "x": ""}),
        ("/metrics/job/a/x@base64/w7w", {"job": "a", "x": "ü"}),
        ("/metrics/job/a%20b/x/%C3%BC", {"job": "a b", "x": "ü"}),
    ],
)
def test_paths_name_groups(path: str, key: dict[str, str]) -> None:
    assert dict(group_key(path)) == key


def test_invalid_base64_in_a_path_is_rejected() -> None:
    with pytest.raises(BadRequestError):
        group_key("/metrics/job@base64/_w")
