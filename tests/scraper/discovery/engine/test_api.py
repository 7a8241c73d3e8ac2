import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from scraper.discovery.engine import api
from scraper.discovery.engine.api import (
    ApiObject,
    ApiRequest,
    ApiStatusError,
    decode,
    each_line,
    get,
    request,
)
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession
from tests.scraper.exposing_server import Answer, body, serving, stream


class Machine(ApiObject):
    name: str
    ports: tuple[int, ...] = ()


MACHINES = TypeAdapter(list[Machine])


@pytest.fixture
async def session() -> AsyncIterator[HttpSession]:
    session = HttpSession()
    await session.open()
    yield session
    await session.close()


async def failure(session: HttpSession, answer: Answer, timeout_s: float = 5.0) -> str:
    async with serving(x=answer) as url:
        with pytest.raises(DiscoveryError) as raised:
            await get(session, ApiRequest(url("x"), HttpAccess(), timeout_s=timeout_s), MACHINES)
    return str(raised.value)


async def test_null_and_unknown_fields_are_ignored(session: HttpSession) -> None:
    text = '[{"name": "a", "ports": null, "new": {"x": 1}}]'
    async with serving(x=body(text, "application/json")) as url:
        found = await get(session, ApiRequest(url("x"), HttpAccess()), MACHINES)
    assert found == [Machine(name="a")]


async def test_a_status_other_than_success_is_an_error_with_its_text(session: HttpSession) -> None:
    message = await failure(session, body("no\nsuch region", status=403))
    assert message == "server returned HTTP status 403: no such region"


async def test_an_unexpected_answer_names_the_place(session: HttpSession) -> None:
    message = await failure(session, body('[{"name": "a"}, {"ports": []}]'))
    assert message == "unexpected answer: 1.name: Field required"


async def test_a_body_over_the_limit_is_refused(
    session: HttpSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_BODY_BYTES", 1000)
    assert await failure(session, body("x" * 2000)) == "body larger than 1000 bytes"


async def test_a_body_that_never_ends_times_out(session: HttpSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    assert await failure(session, stream(chunks), 0.1) == "timed out after 0.1 s"


async def test_an_unreachable_server_is_an_error(session: HttpSession) -> None:
    with pytest.raises(DiscoveryError, match=r"cannot connect to 127\.0\.0\.1:1"):
        await request(session, ApiRequest("http://127.0.0.1:1/", HttpAccess()))


async def test_a_request_goes_over_a_unix_socket(session: HttpSession, tmp_path: Path) -> None:
    async def answer(asked: web.Request) -> web.Response:
        return web.Response(body=await asked.read(), headers={"X-Method": asked.method})

    app = web.Application()
    app.router.add_route("*", "/x", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "s")).start()
    access = HttpAccess(unix_socket=str(tmp_path / "s"))
    try:
        found = await request(
            session, ApiRequest("http://localhost/x", access, method="POST", body=b"hi")
        )
    finally:
        await runner.cleanup()
    assert (found.body, found.headers["X-Method"]) == (b"hi", "POST")


async def test_status_errors_carry_the_status(session: HttpSession) -> None:
    async with serving(x=body("", status=410)) as url:
        with pytest.raises(ApiStatusError) as raised:
            await request(session, ApiRequest(url("x"), HttpAccess()))
    assert raised.value.status == 410


@given(st.binary(max_size=200))
def test_garbage_is_a_discovery_error_or_valid(data: bytes) -> None:
    with suppress(DiscoveryError):
        asyncio.run(decode(MACHINES, data))


async def lines_of(
    session: HttpSession, chunks: list[bytes], *, silent: bool = False, timeout_s: float = 5.0
) -> list[bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        if silent:
            await asyncio.Event().wait()

    found: list[bytes] = []
    async with serving(x=stream(pieces)) as url:
        wanted = ApiRequest(url("x"), HttpAccess(), timeout_s=timeout_s)
        await each_line(session, wanted, found.append)
    return found


async def test_lines_are_joined_over_pieces_and_blank_ones_left_out(session: HttpSession) -> None:
    assert await lines_of(session, [b"a\nb", b"c\n\n", b"d\r\n", b"cut"]) == [b"a", b"bc", b"d\r"]


async def test_a_line_over_the_limit_is_refused(
    session: HttpSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "MAX_LINE_BYTES", 100)
    with pytest.raises(DiscoveryError, match="line longer than 100 bytes"):
        await lines_of(session, [b"x" * 200], silent=True)


async def test_a_silent_server_is_left(session: HttpSession) -> None:
    with pytest.raises(DiscoveryError, match=r"no data for 0\.1 s"):
        await lines_of(session, [b"a\n"], silent=True, timeout_s=0.1)


async def test_a_refused_stream_is_a_status_error(session: HttpSession) -> None:
    async with serving(x=body("gone", status=410)) as url:
        with pytest.raises(ApiStatusError, match="HTTP status 410: gone"):
            await each_line(session, ApiRequest(url("x"), HttpAccess()), lambda _: None)
