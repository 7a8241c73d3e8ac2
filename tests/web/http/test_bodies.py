import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryLimitError, MemoryPressure, MemoryReading
from tests.patience import PATIENCE_S
from tests.web.world import PASSWORD, World, world_at
from web.http import bodies
from web.http.bodies import SERVER_OPTIONS, gunzip, read_body
from web.http.errors import BadRequestError, TooLargeError
from web.http.failures import failure_of
from web.http.parameters import form_fields
from web.http.routing import Access, Route, Surface, add_routes
from web.settings import WebSettings

LIMIT_BYTES = 2**16


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    settings = WebSettings(body_limit_bytes=LIMIT_BYTES)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        yield world


def bomb(size_mib: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(size_mib)) + packer.flush()


async def send(world: World, body: bytes, encoding: str = "gzip") -> tuple[int, str]:
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    answer = await world.client.post("/auth/token", data=body, headers=headers)
    return answer.status, (await answer.json()).get("error", "")


@given(st.binary(max_size=5_000), st.integers(1, 5))
def test_gzip_round_trip(body: bytes, members: int) -> None:
    packed = b"".join(gzip.compress(body) for _ in range(members))
    assert gunzip(packed, 25_000) == body * members


@given(st.binary(max_size=200))
def test_any_bytes_are_gzip_or_refused(packed: bytes) -> None:
    with suppress(BadRequestError, TooLargeError):
        assert len(gunzip(packed, 1000)) <= 1000


@given(st.binary(min_size=1, max_size=2_000), st.data())
def test_stream_that_is_cut_off_is_refused(body: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(body)
    end = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(BadRequestError):
        gunzip(packed[:end], 10_000)


@pytest.mark.parametrize("size", [999, 1000, 1001, 5000])
def test_limit_counts_what_is_unpacked(size: int) -> None:
    packed = gzip.compress(bytes(size))
    if size <= 1000:
        assert len(gunzip(packed, 1000)) == size
    else:
        with pytest.raises(TooLargeError):
            gunzip(packed, 1000)


def test_limit_counts_over_all_members() -> None:
    with pytest.raises(TooLargeError):
        gunzip(gzip.compress(bytes(600)) * 2, 1000)


def test_bomb_is_not_unpacked() -> None:
    packed = bomb(256)
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        gunzip(packed, LIMIT_BYTES)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 8 * LIMIT_BYTES


def test_thousands_of_empty_members_are_refused() -> None:
    with pytest.raises(BadRequestError, match="more than 16 members"):
        gunzip(gzip.compress(b"") * 5_000, 1000)


async def test_compressed_body_is_read(world: World) -> None:
    await world.user("ann")
    body = gzip.compress(f'{{"username":"ann","password":"{PASSWORD}"}}'.encode())
    assert (await send(world, body))[0] == 200
    assert (await send(world, body, "X-GZIP"))[0] == 200


async def test_compressed_form_is_read(world: World) -> None:
    world.engine.answers["up"] = RuntimeError("asked")
    answer = await world.client.post(
        "/api/v1/query",
        data=gzip.compress(b"query=up"),
        headers=await world.bearer()
        | {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 500
    assert world.engine.asked[0][0] == "up"


async def test_bomb_is_refused_as_too_large(world: World) -> None:
    packed = await asyncio.to_thread(bomb, 32)
    assert len(packed) < LIMIT_BYTES
    status, error = await send(world, packed)
    assert (status, error) == (413, f"the request body is too large: more than {LIMIT_BYTES} bytes")
    assert world.services.refusals.totals()[LimitName.BODY_SIZE] == 1
    assert (await send(world, bytes(LIMIT_BYTES + 1), "identity"))[0] == 413
    assert world.services.refusals.totals()[LimitName.BODY_SIZE] == 2


@pytest.mark.parametrize(
    "body", [b"garbage", b"not gzip at all", gzip.compress(b"{}", mtime=0)[:-3]]
)
async def test_garbled_gzip_is_a_bad_request(world: World, body: bytes) -> None:
    status, error = await send(world, body)
    assert status == 400
    assert "gzip" in error


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "bogus", "gzip\x00"])
async def test_other_encodings_are_refused_and_ours_are_offered(
    world: World, encoding: str
) -> None:
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    if "\x00" in encoding:
        with pytest.raises(ValueError, match="control character"):
            await world.client.post("/auth/token", data=b"{}", headers=headers)
        return
    answer = await world.client.post("/auth/token", data=b"{}", headers=headers)
    assert answer.status == 415
    assert answer.headers["Accept-Encoding"] == "gzip, zstd"


async def test_announced_size_is_refused_before_anything_is_read(world: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.client.port)
    writer.write(b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
    assert b" 413 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_endless_chunks_are_refused(world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 4096

    answer = await world.client.post("/auth/token", data=chunks())
    assert answer.status == 413


async def test_body_that_does_not_come_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_LONGEST_S", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", world.client.port)
    writer.write(b"POST /auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(PATIENCE_S):
        assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_bytes_that_are_no_chunks_are_a_bad_request(world: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.client.port)
    head = b"POST /auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head + b"5\r\nhello\r\nnonsense\r\n")
    async with asyncio.timeout(PATIENCE_S):
        assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("limit_bytes", [100, 10 * 2**20])
async def test_route_may_have_a_limit_of_its_own(limit_bytes: int) -> None:
    async def size(request: web.Request) -> web.Response:
        try:
            body = await read_body(request)
        except TooLargeError as exc:
            return web.Response(status=exc.status)
        assert await read_body(request) is body
        return web.Response(text=str(len(body)))

    route = Route("POST", "/", size, Access.PUSH, Surface.JSON, body_limit_bytes=limit_bytes)
    app = web.Application()
    add_routes(app, [route])
    app[bodies.BODY_POLICY] = bodies.BodyPolicy(30, Refusals())
    server = TestServer(app)
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:
        for count in (limit_bytes, limit_bytes + 1):
            for packed in (False, True):
                body = bytes(count)
                answer = await client.post(
                    "/",
                    data=BytesIO(await asyncio.to_thread(gzip.compress, body, 1))
                    if packed
                    else BytesIO(body),
                    headers={"Content-Encoding": "gzip"} if packed else {},
                )
                if count == limit_bytes:
                    assert await answer.text() == str(count)
                else:
                    assert answer.status == 413


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", []),
        (b"a=1&b=&a=%C3%A4+b", [("a", "1"), ("b", ""), ("a", "ä b")]),
        (b"a=%00", [("a", "\x00")]),
        (b"a", [("a", "")]),
    ],
)
def test_form_is_read_in_order(body: bytes, fields: list[tuple[str, str]]) -> None:
    assert form_fields(body) == fields


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%ff", b"a=1&" * 1001])
def test_unfit_form_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequestError):
        form_fields(body)


async def test_a_body_that_keeps_arriving_has_more_time(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings.model_validate({"connections": {"body_timeout_s": 0.2}})
    async with world_at(tmp_path, aiohttp_client, settings) as world:

        async def pieces() -> AsyncIterator[bytes]:
            # Together they take longer than a body of which nothing arrives may.
            for _ in range(8):
                yield b" " * 4096
                await asyncio.sleep(0.05)
            yield b"{}"

        answer = await world.client.post("/auth/token", data=pieces())
        assert answer.status == 400
        assert not world.services.refusals.totals()[LimitName.BODY_TIME]


async def test_a_body_that_trickles_is_refused_and_counted(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings.model_validate({"connections": {"body_timeout_s": 0.2}})
    async with world_at(tmp_path, aiohttp_client, settings) as world:

        async def trickle() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.02)

        answer = await world.client.post("/auth/token", data=trickle())
        assert answer.status == 408
        assert world.services.refusals.totals()[LimitName.BODY_TIME] == 1


@pytest.mark.parametrize("way", ["announced", "chunked", "gzip"])
async def test_large_body_is_refused_while_memory_is_short(way: str) -> None:
    async def size(request: web.Request) -> web.Response:
        try:
            return web.Response(text=str(len(await read_body(request))))
        except MemoryLimitError as exc:
            failure = failure_of(exc)
            return web.Response(status=failure.status, headers=failure.headers)

    app = web.Application(client_max_size=4 * 2**20)
    add_routes(app, [Route("POST", "/", size, Access.PUSH, Surface.JSON)])
    refusals, memory = Refusals(), MemoryReading(2**30)
    app[bodies.BODY_POLICY] = bodies.BodyPolicy(30, refusals, memory)
    large = bytes(2**20 + 1)
    packed = await asyncio.to_thread(gzip.compress, large, 1)

    async def pieces() -> AsyncIterator[bytes]:
        yield large

    headers = {"Content-Encoding": "gzip"} if way == "gzip" else {}
    server = TestServer(app)
    await server.start_server(**SERVER_OPTIONS)
    async with TestClient(server) as client:

        async def send(small: bool = False) -> ClientResponse:
            if small:
                return await client.post("/", data=b"x")
            body = {"announced": BytesIO(large), "chunked": pieces(), "gzip": BytesIO(packed)}[way]
            return await client.post("/", data=body, headers=headers)

        assert await (await send()).text() == str(len(large))
        memory.pressure = MemoryPressure.HIGH
        refused = await send()
        assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
        assert refusals.totals()[LimitName.MEMORY] == 1
        assert await (await send(small=True)).text() == "1"
