"""`POST /api/v1/write`: content types, headers and statuses of the specifications."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cramjam
import pytest
from aiohttp import ClientResponse
from pytest_aiohttp import AiohttpClient

from ingest.limits.write_limits import BudgetLimits, WriteLimits
from ingest.remote_write.receiver import RemoteWriteReceiver
from model.memory_pressure import MemoryPressure, MemoryReading
from storage.api.accounts import Role, Scope
from storage.samples.store import SqliteSampleStore
from tests.ingest.remote_write.messages import Series, request_1, request_2, series
from tests.web.world import World, world_at

V1 = "application/x-protobuf;proto=prometheus.WriteRequest"
V2 = "application/x-protobuf; proto=io.prometheus.write.v2.Request"
NOW_MS = 1_790_000_000_000


@dataclass
class Setting:
    world: World
    store: SqliteSampleStore
    headers: dict[str, str]
    memory: MemoryReading

    async def write(
        self,
        many: Sequence[Series],
        content_type: str | None = V1,
        body: bytes | None = None,
        encoding: str = "snappy",
    ) -> ClientResponse:
        if body is None:
            data = request_2(many) if content_type == V2 else request_1(many)
            body = bytes(cramjam.snappy.compress_raw(data))
        sent = {"Content-Encoding": encoding, **self.headers}
        if content_type is not None:
            sent["Content-Type"] = content_type
        return await self.world.client.post(
            "/api/v1/write",
            data=io.BytesIO(body),
            headers=sent,
            skip_auto_headers=["Content-Type"],
        )

    async def stored(self) -> int:
        parts = await asyncio.to_thread(self.store.select, [], 0, 2 * NOW_MS)
        return sum(len(part.labels) for part in parts)


@pytest.fixture
async def setting(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Setting]:
    store = SqliteSampleStore(tmp_path / "samples", clock=lambda: NOW_MS)
    await asyncio.to_thread(store.open)
    memory = MemoryReading()
    limits = WriteLimits(sender=BudgetLimits(series=3), token=BudgetLimits(new_series_per_minute=1))
    receiver = RemoteWriteReceiver(store, store, lambda: NOW_MS, limits, memory=memory)
    async with world_at(tmp_path, aiohttp_client, remote_write=receiver) as world:
        scopes = frozenset({Scope.PUSH})
        yield Setting(world, store, await world.bearer(Role.EDITOR, scopes), memory)
    await asyncio.to_thread(store.close)


@pytest.mark.parametrize("content_type", [V1, V2, "application/x-protobuf", None])
async def test_each_version_is_accepted(setting: Setting, content_type: str | None) -> None:
    answer = await setting.write([series("m", (NOW_MS, 1.0))], content_type)
    assert (answer.status, await answer.text()) == (204, "")
    names = ["Samples", "Histograms", "Exemplars"]
    told = [answer.headers.get(f"X-Prometheus-Remote-Write-{name}-Written") for name in names]
    assert told == (["1", "0", "0"] if content_type == V2 else [None] * 3)
    assert await setting.stored() == 1


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/json", "snappy"),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy"),
        (V1, "gzip-or-so"),
    ],
)
async def test_other_types_and_encodings_are_unsupported(
    setting: Setting, content_type: str, encoding: str
) -> None:
    answer = await setting.write([], content_type, encoding=encoding)
    assert answer.status == 415
    assert (await answer.json())["status"] == "error"


@pytest.mark.parametrize("content_type", [V1, V2])
async def test_refused_samples_are_described_and_the_rest_is_stored(
    setting: Setting, content_type: str
) -> None:
    many = [series("fine", (NOW_MS, 1.0)), series("far", (2 * NOW_MS, 1.0))]
    answer = await setting.write(many, content_type)
    assert answer.status == 400
    assert "1 of 2 samples are refused" in (await answer.json())["error"]
    written = answer.headers.get("X-Prometheus-Remote-Write-Samples-Written")
    assert written == ("1" if content_type == V2 else None)
    assert await setting.stored() == 1


@pytest.mark.parametrize("content_type", [V1, V2])
async def test_rates_ask_the_sender_to_retry_and_full_budgets_do_not(
    setting: Setting, content_type: str
) -> None:
    many = [series(f"m{number}", (NOW_MS, 1.0)) for number in range(3)]
    answer = await setting.write(many, content_type)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    error = (await answer.json())["error"]
    assert "1 of 3 samples are refused: m2: more than 1 new series a minute" in error
    assert "ingest.token.new_series_per_minute" in error
    assert await setting.stored() == 2
    written = answer.headers.get("X-Prometheus-Remote-Write-Samples-Written")
    assert written == ("2" if content_type == V2 else None)
    setting.headers = await setting.world.bearer(Role.EDITOR)
    assert (await setting.write(many[2:])).status == 204
    answer = await setting.write([*many, series("m9", (NOW_MS, 1.0))])
    assert (answer.status, answer.headers.get("Retry-After")) == (400, None)
    assert "m9: 3 of 3 series in use" in (await answer.json())["error"]


async def test_short_memory_is_answered_with_503(setting: Setting) -> None:
    await setting.write([series("known", (NOW_MS, 1.0))])
    setting.memory.limit_bytes, setting.memory.resident_bytes = 1000, 549
    assert (await setting.write([series("early", (NOW_MS, 1.0))])).status == 204
    setting.memory.resident_bytes = 551
    assert (await setting.write([series("known", (NOW_MS + 1, 1.0))])).status == 204
    answer = await setting.write([series("known", (NOW_MS + 2, 1.0)), series("m", (NOW_MS, 1.0))])
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "memory" in (await answer.json())["error"]
    setting.memory.pressure = MemoryPressure.HIGH
    large = await setting.write([], body=bytes(2**20 + 1))
    assert (large.status, "Retry-After" in large.headers) == (503, True)


async def test_malformed_and_oversized_bodies_are_refused(setting: Setting) -> None:
    assert (await setting.write([], body=b"\xff\xff")).status == 400
    not_protobuf = bytes(cramjam.snappy.compress_raw(b"\xff\xff\xff"))
    assert (await setting.write([], body=not_protobuf)).status == 400
    bomb = bytes(cramjam.snappy.compress_raw(bytes(40 * 2**20)))
    assert len(bomb) < 3 * 2**20
    assert (await setting.write([], body=bomb)).status == 413
    assert (await setting.write([], body=bytes(17 * 2**20))).status == 413


async def test_only_tokens_with_the_scope_push_are_accepted(setting: Setting) -> None:
    one = [series("m", (NOW_MS, 1.0))]
    client, scopes = setting.world, frozenset({Scope.PUSH})
    for headers, status in (
        ({}, 401),
        (await client.bearer(Role.VIEWER, scopes), 403),
        (await client.bearer(Role.ADMIN, frozenset({Scope.READ})), 403),
        (await client.bearer(Role.EDITOR), 204),
    ):
        setting.headers = headers
        assert (await setting.write(one)).status == status


async def test_storage_error_asks_the_sender_to_retry(setting: Setting) -> None:
    await asyncio.to_thread(setting.store.close)
    answer = await setting.write([series("m", (NOW_MS, 1.0))])
    assert answer.status in (500, 503)
