"""`POST /api/v1/read`."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from model.labels import Labels
from model.limits import LimitName
from model.memory_pressure import MemoryPressure
from model.series import ABSENT, STALE, AlignedSeries
from storage.api.accounts import Role, Scope
from tests.web.prometheus.remote_read import read_client as client
from tests.web.service_doubles import NOW_MS, MemorySamples
from tests.web.world import World, world_at
from web.settings import WebSettings

A, B = Labels.of(__name__="up", job="a"), Labels.of(__name__="up", job="ü")
TIMES_MS = [NOW_MS, NOW_MS + 15_000, NOW_MS + 30_000]
UP = client.query(NOW_MS, NOW_MS + 20_000, (0, "__name__", "up"))
READ = "/api/v1/read"


def stored() -> list[AlignedSeries]:
    values = np.array([[1.0, ABSENT, 3.0], [STALE, 5.5, np.nan], [7.0, ABSENT, ABSENT]])
    labels = (B, A, Labels.of(__name__="down"))
    return [AlignedSeries.of_source(labels, np.array(TIMES_MS), values)]


def bits(value: float) -> int:
    return int(np.float64(value).view(np.uint64))


EXPECTED = [
    ({"__name__": "up", "job": "a"}, [(TIMES_MS[0], bits(STALE)), (TIMES_MS[1], bits(5.5))]),
    ({"__name__": "up", "job": "ü"}, [(TIMES_MS[0], bits(1.0))]),
]


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Let hypothesis read its own files between examples."""


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.samples.stored = stored()
        yield world


async def read(
    world: World, queries: Sequence[bytes], accepted: Sequence[int] = ()
) -> aiohttp.ClientResponse:
    headers = await world.bearer(Role.VIEWER, frozenset({Scope.READ}))
    return await world.client.post(READ, data=client.body(queries, accepted), headers=headers)


async def test_samples_are_sorted_and_inside_the_range(world: World) -> None:
    answer = await read(world, [UP, client.query(0, 1)])
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-protobuf"
    assert answer.headers["Content-Encoding"] == "snappy"
    assert client.decoded_samples(await answer.read()) == [EXPECTED, []]


async def test_chunks_are_streamed_to_a_client_that_prefers_them(world: World) -> None:
    queries = [client.query(0, 1), UP]
    answer = await read(world, queries, [client.CHUNKS, client.SAMPLES])
    assert answer.headers["Content-Type"] == (
        "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
    )
    assert "Content-Encoding" not in answer.headers
    assert client.decoded_frames(await answer.read(), 2) == [[], EXPECTED]


async def test_both_types_of_response_have_the_same_samples(world: World) -> None:
    generator = np.random.default_rng(7)
    values = generator.choice([0.0, 1.0, 2.5, np.inf, ABSENT, STALE], (300, 700))
    labels = [Labels.of(__name__="m", i=str(place)) for place in range(300)]
    times_ms = NOW_MS + np.cumsum(generator.integers(1, 40_000, 700))
    world.samples.stored = [AlignedSeries.of_source(labels, times_ms, values)]
    everything = client.query(-(2**63), 2**63 - 1, (2, "__name__", ".+"))
    samples = client.decoded_samples(await (await read(world, [everything])).read())
    chunks = client.decoded_frames(await (await read(world, [everything], [1])).read())
    assert samples == chunks
    assert [series["i"] for series, _ in samples[0]] == sorted(map(str, range(300)))


async def test_read_near_the_memory_limit_is_refused_for_a_while(world: World) -> None:
    world.services.memory.pressure = MemoryPressure.HIGH
    answer = await read(world, [UP])
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert world.services.refusals.totals()[LimitName.MEMORY] == 1


async def test_read_over_the_sample_limit_is_refused(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    class Spending(MemorySamples):
        def select(self, *arguments: Any, **hints: Any) -> list[AlignedSeries]:
            arguments[3].spend(11)
            return super().select(*arguments, **hints)

    limited = WebSettings(remote_read_samples=10)
    async with world_at(tmp_path, aiohttp_client, limited, samples=Spending()) as world:
        answer = await read(world, [UP])
        assert answer.status == 400
        assert (await answer.json())["error"] == "exceeded sample limit (10)"
        assert world.services.refusals.totals()[LimitName.REMOTE_READ_SAMPLES] == 1


async def test_malformed_request_has_prometheus_error(world: World) -> None:
    headers = await world.bearer()
    for data, status in ((b"", 400), (b"junk", 400), (client.body([UP], [9]), 400)):
        answer = await world.client.post(READ, data=data, headers=headers)
        assert answer.status == status
        assert (await answer.json())["errorType"] == "bad_data"
    gzip = await world.client.post(READ, data=b"", headers=headers | {"Content-Encoding": "gzip"})
    assert gzip.status == 415
    bomb = b"\xff\xff\xff\x7f" + bytes(10)
    assert (await world.client.post(READ, data=bomb, headers=headers)).status == 413


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start_ms=st.integers(-(2**63), 2**63 - 1), end_ms=st.integers(-(2**63), 2**63 - 1))
async def test_any_range_is_answered(world: World, start_ms: int, end_ms: int) -> None:
    asked = client.query(start_ms, end_ms, (0, "__name__", "up"))
    for accepted in ([0], [1]):
        answer = await read(world, [asked], accepted)
        assert answer.status == 200, await answer.text()
