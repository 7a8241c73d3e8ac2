"""Connections over real sockets: caps, deadlines, and what refused clients see."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from model.clock import system_clock
from model.conditions import DESCRIPTORS_EXHAUSTED, Conditions
from model.limits import LimitName, Refusals
from tests.patience import PATIENCE_S
from web.connections.accepting import Acceptor
from web.connections.runner import HttpRunner
from web.settings import WebSettings

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Door:
    """A listening application, and its clients."""

    port: int
    refusals: Refusals
    conditions: Conditions
    acceptor: Acceptor
    release: asyncio.Event
    clients: list[Client] = field(default_factory=list)

    async def connect(self, sent: bytes = b"") -> Client:
        client = await asyncio.open_connection("127.0.0.1", self.port)
        self.clients.append(client)
        client[1].write(sent)
        return client

    def refused(self, limit: LimitName) -> int:
        return self.refusals.totals()[limit]


@asynccontextmanager
async def door(trusted: tuple[str, ...] = (), **connections: Any) -> AsyncIterator[Door]:
    settings = WebSettings.model_validate({"connections": connections, "trusted_proxies": trusted})
    release = asyncio.Event()

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def slow(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response(text="slow")

    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 2**16)
        return response

    app = web.Application()
    app.router.add_get("/", hello)
    app.router.add_get("/slow", slow)
    app.router.add_get("/large", large)
    refusals, conditions = Refusals(), Conditions(system_clock)
    runner = HttpRunner(app, settings.connections, refusals, shutdown_timeout=1)
    await runner.setup()
    acceptor = Acceptor(runner.connections, runner.places, settings, conditions)
    port = await acceptor.listen("127.0.0.1", 0)
    opened = Door(port, refusals, conditions, acceptor, release)
    try:
        yield opened
    finally:
        release.set()
        for _, writer in opened.clients:
            writer.close()
        await acceptor.close()
        await runner.cleanup()


async def line(client: Client) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        return await client[0].readline()


async def end(client: Client) -> bytes:
    """Return what arrives until the server closes the connection."""
    async with asyncio.timeout(PATIENCE_S):
        try:
            return await client[0].read()
        except ConnectionError:
            return b""


async def test_a_request_is_answered_and_the_connection_stays() -> None:
    async with door() as opened:
        client = await opened.connect(REQUEST)
        assert await line(client) == b"HTTP/1.1 200 OK\r\n"
        await client[0].readuntil(b"hello")
        client[1].write(REQUEST)
        assert await line(client) == b"HTTP/1.1 200 OK\r\n"
        assert not any(opened.refusals.totals().values())


async def test_idle_connections_of_one_client_keep_nobody_out() -> None:
    async with door(total=8, per_address=8) as opened:
        idle = [await opened.connect(b"GET / HT") for _ in range(20)]
        client = await opened.connect(REQUEST)
        assert await line(client) == b"HTTP/1.1 200 OK\r\n"
        assert await end(idle[0]) == b""
        assert opened.refused(LimitName.CONNECTIONS) + opened.refused(LimitName.ADDRESS_CONNECTIONS)


async def test_a_client_over_its_number_gets_503_with_the_reason() -> None:
    async with door(total=64, per_address=2) as opened:
        busy = [await opened.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(2)]
        await asyncio.sleep(0.05)
        answer = await end(await opened.connect(REQUEST))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"this address has too many connections" in answer
        assert b"Retry-After: 10" in answer
        assert b"Content-Security-Policy: " in answer
        opened.release.set()
        assert await line(busy[0]) == b"HTTP/1.1 200 OK\r\n"


async def test_a_trusted_proxy_may_have_more_connections_than_one_address() -> None:
    async with door(trusted=("127.0.0.0/8",), total=64, per_address=1) as opened:
        slow = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
        busy = [await opened.connect(slow) for _ in range(10)]
        opened.release.set()
        for client in busy:
            assert await line(client) == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nX: "])
async def test_a_connection_without_a_whole_request_is_closed(sent: bytes) -> None:
    async with door(header_timeout_s=0.1) as opened:
        assert await end(await opened.connect(sent)) == b""
        # A browser that connects in advance is no offender.
        assert opened.refused(LimitName.HEADER_TIME) == bool(sent)


async def test_headers_that_arrive_one_byte_at_a_time_are_cut_off() -> None:
    async with door(header_timeout_s=0.2) as opened:
        client = await opened.connect(b"GET / HTTP/1.1\r\nX: ")
        async with asyncio.timeout(PATIENCE_S):
            while not client[0].at_eof():
                client[1].write(b"x")
                try:
                    async with asyncio.timeout(0.02):
                        await client[0].read()
                except TimeoutError:
                    continue
                except ConnectionError:
                    # A byte was on its way: the end is a reset, which is never `at_eof`.
                    break
        assert opened.refused(LimitName.HEADER_TIME) == 1


async def test_an_answered_connection_is_closed_when_it_has_been_idle_too_long() -> None:
    async with door(header_timeout_s=0.1, idle_timeout_s=0.3) as opened:
        client = await opened.connect(REQUEST)
        assert (await end(client)).endswith(b"hello")
        assert not any(opened.refusals.totals().values())


async def test_a_request_that_takes_longer_than_every_deadline_is_answered() -> None:
    async with door(header_timeout_s=0.05, idle_timeout_s=0.05, send_timeout_s=0.05) as opened:
        client = await opened.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await client[0].readline()
        opened.release.set()
        assert await line(client) == b"HTTP/1.1 200 OK\r\n"


async def test_a_client_that_reads_nothing_of_its_answer_is_dropped() -> None:
    async with door(send_timeout_s=0.2, header_timeout_s=0.2) as opened:
        await opened.connect(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            while not opened.refused(LimitName.SEND_TIME):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_malformed_request_gets_the_headers_of_every_answer_and_no_quotation() -> None:
    async with door() as opened:
        answer = await end(await opened.connect(b"GET /hunter2\x00\xff HTTP/9\r\n\r\n"))
        assert answer.startswith(b"HTTP/1.")
        assert b" 400 " in answer.partition(b"\r\n")[0]
        assert b"Content-Security-Policy: " in answer
        assert b"Server: redshank\r\n" in answer
        assert b"hunter2" not in answer
        assert b"aiohttp" not in answer.lower()


class _Exhausted(socket.socket):
    """A listening socket of a process without free descriptors."""

    failures = 1

    def accept(self) -> tuple[socket.socket, Any]:
        if _Exhausted.failures:
            _Exhausted.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


@pytest.mark.fault("descriptors_exhausted")
async def test_a_lack_of_descriptors_is_reported_and_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("web.connections.accepting._PAUSE_S", 0.05)
    monkeypatch.setattr("web.connections.accepting.socket.socket", _Exhausted)
    monkeypatch.setattr(_Exhausted, "failures", 1)
    async with door() as opened:
        client = await opened.connect(REQUEST)
        async with asyncio.timeout(PATIENCE_S):
            while not opened.conditions.active():  # noqa: ASYNC110
                await asyncio.sleep(0)
        (active,) = opened.conditions.active()
        assert active.kind is DESCRIPTORS_EXHAUSTED
        assert await line(client) == b"HTTP/1.1 200 OK\r\n"
        assert not opened.conditions.active()


async def test_any_port_is_one_port_for_all_families() -> None:
    async with door() as opened:
        settings, places = WebSettings(), opened.acceptor._places
        both = Acceptor(opened.acceptor._protocols, places, settings, opened.conditions)
        try:
            port = await both.listen("", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            assert await line((reader, writer)) == b"HTTP/1.1 200 OK\r\n"
            writer.close()
        finally:
            await both.close()
