"""ASGI applications behind a real server; frameworks are recognised by what they leave behind."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from redshank_middleware import RequestReporter
from redshank_middleware.asgi import Receive, RedshankASGI, Scope, Send
from tests.middleware.asgi_server import asgi_client
from tests.middleware.collector import Collector


async def arriving(arrived: Collector, count: int = 1) -> list[dict[str, Any]]:
    return await asyncio.to_thread(arrived.wait_for, count)


def answering(status: int = 200, parts: tuple[bytes, ...] = (b"hello",), **changes: Any) -> Any:
    """Return an application that leaves `changes` in its scope, as a framework does."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        scope.update(changes)
        await send({"type": "http.response.start", "status": status, "headers": []})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    return application


async def test_a_request_is_reported_with_sizes_and_without_its_query(
    reporter: RequestReporter, arrived: Collector
) -> None:
    application = RedshankASGI(answering(201, (b"he", b"llo")), reporter)
    async with (
        asgi_client(application) as client,
        client.post("/orders?token=abc", data=b"1234") as response,
    ):
        assert (response.status, await response.read()) == (201, b"hello")
    (one,) = await arriving(arrived)
    assert one["method"] == "POST"
    assert one["path"] == one["route"] == "/orders"
    assert (one["status_code"], one["request_size"], one["response_size"]) == (201, 4, 5)
    assert one["response_time_ms"] > 0


async def test_a_body_without_declared_length_is_counted(
    reporter: RequestReporter, arrived: Collector
) -> None:
    async def chunks() -> Any:
        yield b"12"
        yield b"345"

    async with (
        asgi_client(RedshankASGI(answering(), reporter)) as client,
        client.post("/", data=chunks()),
    ):
        pass
    assert (await arriving(arrived))[0]["request_size"] == 5


@pytest.mark.parametrize(
    ("left", "path", "route"),
    [
        ({"route": SimpleNamespace(path_format="/users/{id}")}, "/users/7", "/users/{id}"),
        (
            {
                "route": SimpleNamespace(path_format="/users/{id}"),
                "root_path": "/api/acme",
                "path_params": {"tenant": "acme", "id": 7},
            },
            "/api/acme/users/7",
            "/api/{tenant}/users/{id}",
        ),
        (
            {
                "route": SimpleNamespace(path="/files", path_format="/files/{path}", routes=[]),
                "root_path": "/files",
            },
            "/files/a/b.css",
            "/files/{path}",
        ),
        ({"path_template": "/users/{id}"}, "/users/7", "/users/{id}"),
        ({"path_params": {"id": 7}}, "/users/7/orders", "/users/{id}/orders"),
        ({"redshank.route": "/users/{id}"}, "/users/7", "/users/{id}"),
        ({}, "/users/7", "/users/7"),
    ],
    ids=["starlette", "mounted", "mounted-files", "litestar", "parameters", "own", "none"],
)
async def test_the_route_is_the_template_that_the_framework_leaves(
    reporter: RequestReporter, arrived: Collector, left: Any, path: str, route: str
) -> None:
    async with asgi_client(RedshankASGI(answering(**left), reporter)) as client, client.get(path):
        pass
    (one,) = await arriving(arrived)
    assert (one["path"], one["route"]) == (path, route)


async def test_requests_of_scanners_share_one_route(
    reporter: RequestReporter, arrived: Collector
) -> None:
    async with asgi_client(RedshankASGI(answering(404), reporter)) as client:
        for path in ("/wp-login.php", "/.env"):
            async with client.get(path):
                pass
    assert {one["route"] for one in await arriving(arrived, 2)} == {"(not found)"}


async def test_an_exception_is_reported_as_500_and_raised(
    reporter: RequestReporter, arrived: Collector
) -> None:
    async def failing(*_: Any) -> None:
        raise ZeroDivisionError

    async with asgi_client(RedshankASGI(failing, reporter)) as client, client.get("/") as response:
        assert response.status == 500
    assert (await arriving(arrived))[0]["status_code"] == 500


async def test_a_request_of_a_client_that_went_away_is_reported_as_499(
    reporter: RequestReporter, arrived: Collector
) -> None:
    started = asyncio.Event()

    async def slow(*_: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/slow", "headers": []}
    task = asyncio.ensure_future(RedshankASGI(slow, reporter)(scope, nothing, nothing))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await arriving(arrived))[0]["status_code"] == 499


async def nothing(*_: Any) -> Any:
    return {"type": "http.request"}


async def test_background_tasks_do_not_count_as_response_time(
    reporter: RequestReporter, arrived: Collector
) -> None:
    finish = asyncio.Event()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await answering()(scope, receive, send)
        await finish.wait()

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    task = asyncio.ensure_future(RedshankASGI(application, reporter)(scope, nothing, nothing))
    # The request is reported while its background task still runs.
    assert (await arriving(arrived))[0]["status_code"] == 200
    finish.set()
    await task
    assert len(arrived.requests) == 1


@pytest.mark.parametrize("path", ["/health", "/favicon.ico"])
async def test_probes_are_not_reported(
    reporter: RequestReporter, arrived: Collector, path: str
) -> None:
    async with asgi_client(RedshankASGI(answering(), reporter)) as client:
        for each in (path, "/a"):
            async with client.get(each):
                pass
        async with client.options("/a"):
            pass
    await arriving(arrived)
    await asyncio.to_thread(reporter.flush, 30)
    assert [one["path"] for one in arrived.requests] == ["/a"]


async def test_a_failing_function_of_the_user_does_not_fail_the_request(
    reporter: RequestReporter, arrived: Collector
) -> None:
    def consumer(_: Scope) -> str:
        raise KeyError("no such header")

    async with (
        asgi_client(RedshankASGI(answering(), reporter, consumer)) as client,
        client.get("/") as response,
    ):
        assert await response.read() == b"hello"
    assert reporter.counts.failed == 1
    assert reporter.counts.waiting == 0


async def test_the_application_names_the_consumer(
    reporter: RequestReporter, arrived: Collector
) -> None:
    left: dict[str, Any] = {"redshank.consumer": "shop"}
    application = RedshankASGI(answering(**left), reporter)
    async with asgi_client(application) as client, client.get("/"):
        pass
    assert (await arriving(arrived))[0]["consumer"] == "shop"


async def test_what_waits_is_sent_before_the_server_ends(arrived: Collector) -> None:
    reporter = RequestReporter(arrived.url, "rsk_key", flush_interval_s=60)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.shutdown.complete"})
        else:
            await answering()(scope, receive, send)

    watched = RedshankASGI(application, reporter)
    await watched({"type": "http", "method": "GET", "path": "/", "headers": []}, nothing, nothing)
    await watched({"type": "lifespan"}, nothing, nothing)
    assert len(arrived.requests) == 1
    await asyncio.to_thread(reporter.close)


async def test_websockets_pass_through(reporter: RequestReporter) -> None:
    seen: list[object] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend((scope["type"], receive, send))

    await RedshankASGI(application, reporter)({"type": "websocket"}, nothing, nothing)
    assert seen == ["websocket", nothing, nothing]
