"""aiohttp applications behind aiohttp's server."""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from redshank_middleware import RequestReporter
from redshank_middleware.aiohttp import CONSUMER, setup
from tests.middleware.collector import Collector


async def item(request: web.Request) -> web.Response:
    request[CONSUMER] = "shop"
    return web.Response(text="hello", status=201)


async def streamed(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"he")
    await response.write(b"llo")
    await response.write_eof()
    return response


async def teapot(_: web.Request) -> web.Response:
    raise web.HTTPGone(text="gone")


async def failing(_: web.Request) -> web.Response:
    raise ZeroDivisionError


def application(reporter: RequestReporter, **options: Any) -> web.Application:
    app, inner = web.Application(), web.Application()
    inner.router.add_get("/items/{id:[0-9]+}", item)
    inner.router.add_post("/items/{id:[0-9]+}", item)
    app.add_subapp("/shop", inner)
    for path, handler in (("/stream", streamed), ("/gone", teapot), ("/fail", failing)):
        app.router.add_get(path, handler)
    setup(app, reporter, **options)
    return app


async def answers(
    app: web.Application, arrived: Collector, *requests: tuple[str, str]
) -> list[dict[str, Any]]:
    """Send requests; return what was reported of them."""
    async with TestClient(TestServer(app)) as client:
        for method, path in requests:
            data = b"1234" if method == "POST" else None
            async with client.request(method, path, data=data) as response:
                await response.read()
        return await asyncio.to_thread(arrived.wait_for, len(requests))


async def test_a_request_is_reported_with_template_sizes_and_consumer(
    reporter: RequestReporter, arrived: Collector
) -> None:
    (one,) = await answers(application(reporter), arrived, ("POST", "/shop/items/7?token=abc"))
    assert (one["method"], one["path"], one["route"]) == (
        "POST",
        "/shop/items/7",
        "/shop/items/{id}",
    )
    assert (one["status_code"], one["request_size"], one["response_size"]) == (201, 4, 5)
    assert one["consumer"] == "shop"


async def test_errors_and_streams_are_reported(
    reporter: RequestReporter, arrived: Collector
) -> None:
    paths = ("/stream", "/gone", "/fail", "/wp-login.php")
    found = await answers(application(reporter), arrived, *(("GET", path) for path in paths))
    assert [(one["status_code"], one["route"]) for one in found] == [
        (200, "/stream"),
        (410, "/gone"),
        (500, "/fail"),
        (404, "(not found)"),
    ]
    # aiohttp counts what it has sent with headers and chunk sizes.
    assert "response_size" not in found[0]


async def test_a_failing_function_of_the_user_does_not_fail_the_request(
    reporter: RequestReporter,
) -> None:
    def consumer(_: web.Request) -> str:
        raise KeyError("no such header")

    async with (
        TestClient(TestServer(application(reporter, consumer=consumer))) as client,
        client.get("/shop/items/7") as response,
    ):
        assert await response.text() == "hello"
    assert reporter.counts.failed == 1


async def test_what_waits_is_sent_when_the_application_ends(arrived: Collector) -> None:
    reporter = RequestReporter(arrived.url, "rsk_key", flush_interval_s=60)
    async with TestClient(TestServer(application(reporter))) as client, client.get("/stream"):
        pass
    assert len(arrived.requests) == 1
    await asyncio.to_thread(reporter.close)
