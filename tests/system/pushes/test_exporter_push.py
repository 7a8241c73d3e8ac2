"""An exporter in push mode and a real server, with everything between them that can go wrong."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.system.processes import Process, Server, redshank, redshank_server, until
from tests.system.test_command_line import run

KEY = "the-exporters-own-key"
TIME_HEADER = "X-Collected-At-Ms"
HOUR_MS = 3_600_000
INTERVAL_S = 1

Fault = Callable[[web.Request, bytes], Awaitable[web.StreamResponse | None]]
"""Answers a push in the server's place, or returns None to pass it on."""


@dataclass
class PushPath:
    """What lies between the exporter and the server, and records every push.

    Attributes:
        server_url: where pushes are passed on to, "" while the server is gone.
        faults: what happens to the next pushes, one each.
        attempts: the times of all pushes that arrived, in their order.
        taken: the times of those that the server has acknowledged to the exporter.
    """

    server_url: str = ""
    faults: list[Fault] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        body, time_ms = await request.read(), int(request.headers[TIME_HEADER])
        self.attempts.append(time_ms)
        if self.faults and (answer := await self.faults.pop(0)(request, body)) is not None:
            return answer
        status, text, headers = await self.pass_on(request, body)
        if status == 200:
            self.taken.append(time_ms)
        return web.Response(status=status, text=text, headers=headers)

    async def pass_on(
        self, request: web.Request, body: bytes, **changed: str
    ) -> tuple[int, str, dict[str, str]]:
        """Return the server's answer; close the connection while there is no server."""
        # aiohttp has decompressed the body.
        kept = ("Authorization", "Content-Type", TIME_HEADER)
        headers = {name: request.headers[name] for name in kept}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    f"{self.server_url}/report", data=body, headers={**headers, **changed}
                ) as answer,
            ):
                return answer.status, await answer.text(), {"Date": answer.headers["Date"]}
        except (aiohttp.ClientError, OSError):
            assert request.transport is not None
            request.transport.abort()
            raise

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        application = web.Application(client_max_size=2**26)
        application.router.add_post("/report", self.receive)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()

    async def takes(self, count: int) -> None:
        """Wait until the server has taken so many more pushes."""
        enough = len(self.taken) + count

        async def done() -> bool:
            return len(self.taken) >= enough

        await until(done, f"{count} more pushes")


def answers(status: int, **headers: str) -> Fault:
    """Return a fault that answers without the server."""

    async def fault(_: web.Request, __: bytes) -> web.Response:
        return web.Response(
            status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return fault


@asynccontextmanager
async def exporter(url: str, queue: Path) -> AsyncIterator[Process]:
    arguments = ["--push", url, "--push-interval", str(INTERVAL_S), "--push-queue", str(queue)]
    collectors = ["--collector", "loadavg", "--collector", "time"]
    environment = {"REDSHANK_PUSH_KEY": KEY}
    async with redshank("exporter", *arguments, *collectors, environment=environment) as process:
        yield process


def queued(queue: Path) -> list[int]:
    """Return the times of the pushes that wait on disk, in their order."""
    times = []
    for path in sorted(queue.glob("*.push")):
        try:
            head = path.read_bytes().partition(b"\n")[0]
        except FileNotFoundError:
            continue  # The exporter has just delivered it.
        times.append(int(json.loads(head)["headers"][TIME_HEADER]))
    return times


async def waiting(queue: Path, count: int) -> None:
    async def enough() -> bool:
        return len(queued(queue)) >= count

    await until(enough, f"{count} pushes in the queue")


async def stored(server: Server) -> set[int]:
    """Return the times of the samples that the server has of the host."""
    (series,) = await server.query("node_load1{instance='nas'}[1h]")
    return {round(1000 * time_s) for time_s, _ in series["values"]}


async def has_all(server: Server, times: list[int]) -> None:
    async def found() -> bool:
        return set(times) <= await stored(server)

    await until(found, "all pushes to be queryable")


def in_order(times: list[int]) -> bool:
    return times == sorted(set(times))


async def a_host(data: Path) -> None:
    status, _ = await run(data, "host", "add", "nas", "--push", "--key", KEY, "--interval", "1s")
    assert status == 0


@pytest.mark.slow
async def test_nothing_is_lost_while_server_and_exporter_are_killed(tmp_path: Path) -> None:
    data, queue, between = tmp_path / "data", tmp_path / "queue", PushPath()
    async with between.serving() as url:
        async with redshank_server(data) as server:
            await a_host(data)
            between.server_url = server.url
            async with exporter(url, queue) as first:
                await between.takes(5)
                await server.process.kill()
                between.server_url = "http://127.0.0.1:1"
                await waiting(queue, 5)
                await first.kill()
            kept = queued(queue)
            assert len(kept) >= 5
        async with exporter(url, queue) as second:
            await second.line("push_failed")
            await waiting(queue, len(kept) + 3)
            async with redshank_server(data) as server:
                between.server_url = server.url
                await second.line("push_resumed")
                await between.takes(len(kept) + 3)
                assert set(kept) <= set(between.taken)
                assert in_order(between.taken)
                await has_all(server, between.taken)
                assert await server.process.stop() == 0


@pytest.mark.slow
async def test_pushes_stay_in_order_whatever_the_server_answers(tmp_path: Path) -> None:
    data, between = tmp_path / "data", PushPath()
    released = asyncio.Event()

    async def slow(_: web.Request, __: bytes) -> None:
        await released.wait()

    async def lost(request: web.Request, body: bytes) -> web.StreamResponse:
        # The server has the push, and the exporter never learns it.
        status, _, _ = await between.pass_on(request, body)
        assert status == 200
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with between.serving() as url, redshank_server(data) as server:
        await a_host(data)
        between.server_url = server.url
        async with exporter(url, tmp_path / "queue") as process:
            await between.takes(2)
            faults = [answers(500), answers(503), answers(429, Retry_After="1"), lost, slow]
            between.faults.extend(faults)
            await process.line("push_failed.*status 500")
            await process.line("push_failed.*status 429")
            await waiting(tmp_path / "queue", 3)

            async def is_slow() -> bool:
                return not between.faults

            await until(is_slow, "the slow answer to begin")
            released.set()
            await process.line("push_resumed")
            await between.takes(5)
            assert in_order(between.taken)
            # Each failure is tried again before anything else.
            assert between.attempts == sorted(between.attempts)
            # A push that no repetition would make acceptable does not hold up the others.
            refused = len(between.attempts)
            between.faults.append(answers(413))
            await process.line("push_refused.*status 413")
            await between.takes(3)
            missing = set(between.attempts) - set(between.taken)
            assert missing == {between.attempts[refused]} or len(missing) == 1
            await has_all(server, between.taken)


@pytest.mark.slow
async def test_clock_that_is_wrong_is_named_and_delays_no_other_push(tmp_path: Path) -> None:
    data, between = tmp_path / "data", PushPath()

    async def ahead(request: web.Request, body: bytes) -> web.Response:
        later = str(int(request.headers[TIME_HEADER]) + HOUR_MS)
        status, text, headers = await between.pass_on(request, body, **{TIME_HEADER: later})
        return web.Response(status=status, text=text, headers=headers)

    async with between.serving() as url, redshank_server(data) as server:
        await a_host(data)
        between.server_url = server.url
        async with exporter(url, tmp_path / "queue") as process:
            await between.takes(2)
            between.faults += [ahead, answers(503, Date="Thu, 01 Jan 2026 00:00:00 GMT")]
            refused = await process.line("push_refused.*")
            assert "min in the future" in refused[0]
            await process.line("push_clock_differs")
            await between.takes(3)
            assert in_order(between.taken)
            await has_all(server, between.taken)


@pytest.mark.slow
async def test_disk_that_takes_no_more_of_the_queue_loses_nothing(tmp_path: Path) -> None:
    data, queue, between = tmp_path / "data", tmp_path / "queue", PushPath()
    async with between.serving() as url, redshank_server(data) as server:
        await a_host(data)
        async with exporter(url, queue) as process:
            await waiting(queue, 3)
            limits = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
            await process.line("push_queue_unwritable")
            on_disk = queued(queue)
            between.server_url = server.url
            await between.takes(len(on_disk) + 3)
            resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, limits)
            await process.line("push_queue_writable")
            await between.takes(3)
            assert set(on_disk) <= set(between.taken)
            assert in_order(between.taken)
            await has_all(server, between.taken)
            assert await process.stop() == 0
