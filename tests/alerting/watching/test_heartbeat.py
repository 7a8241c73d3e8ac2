"""The dead man's switch: calls go out only while the alarm works."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from alerting.notifications.progress import DeliveryProgress
from alerting.settings import HeartbeatSettings
from alerting.watching.heartbeat import Heartbeat
from tests.alerting.alerting_doubles import SetClock
from tests.patience import PATIENCE_S


class Switch:
    """The service behind the URL: keeps the methods of its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.status = 200
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.calls.append(request.method)
        return web.Response(status=self.status)


@asynccontextmanager
async def beating(switch: Switch, problems: list[str], method: str) -> AsyncIterator[Heartbeat]:
    """Call until the problems are used up, one for each interval; the last one stays."""
    clock, ended = SetClock(), asyncio.Event()

    def problem() -> str:
        if not problems:
            ended.set()
            return "the test has ended"
        return problems.pop(0)

    settings = HeartbeatSettings.model_validate({"url": switch.url, "method": method})
    async with aiohttp.ClientSession() as session:
        heartbeat = Heartbeat(session, problem, clock.sleep)
        running = asyncio.create_task(heartbeat.run(settings))
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()
        running.cancel()
        await asyncio.wait([running])
        yield heartbeat


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    switch = Switch()
    application = web.Application()
    application.router.add_route("*", "/s3cret", switch.take)
    server = TestServer(application)
    await server.start_server()
    switch.url = str(server.make_url("/s3cret"))
    yield switch
    await server.close()


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_one_call_an_interval_while_nothing_is_wrong(switch: Switch, method: str) -> None:
    async with beating(switch, ["", "", ""], method) as heartbeat:
        assert switch.calls == [method] * 3
        assert (heartbeat.calls, heartbeat.failures) == (3, 0)


async def test_no_call_while_the_alarm_does_not_work(switch: Switch) -> None:
    with capture_logs() as lines:
        async with beating(switch, ["", "late", "late", ""], "GET") as heartbeat:
            assert switch.calls == ["GET"] * 2
            assert heartbeat.withheld >= 2
    events = [line["event"] for line in lines]
    assert events[:2] == ["heartbeat_withheld", "heartbeat_recovered"]
    assert lines[0]["reason"] == "late"


async def test_failed_call_is_logged_once_without_its_secret(switch: Switch) -> None:
    switch.status = 503
    with capture_logs() as lines:
        async with beating(switch, ["", ""], "GET") as heartbeat:
            assert heartbeat.failures == 2
    [line] = [line for line in lines if line["event"] == "heartbeat_failed"]
    assert "answered 503" in line["reason"]
    assert "s3cret" not in line["reason"]


def test_delivery_that_does_not_look_at_the_outbox_stands_still() -> None:
    clock = SetClock()
    progress = DeliveryProgress(clock.monotonic)
    progress.expect("ops")
    progress.idle("ops")
    clock.now_ms += 86_400_000
    assert progress.problem({"ops"}, 60) == ""
    progress.woken("ops")
    clock.now_ms += 61_000
    assert progress.problem({"ops"}, 60) == "the delivery to ops stands still"
    progress.expect("ops", 300)
    clock.now_ms += 300_000
    assert progress.problem({"ops"}, 60) == ""


def test_one_receiver_that_works_is_enough() -> None:
    progress = DeliveryProgress(SetClock().monotonic)
    progress.failed("ops")
    assert progress.problem({"ops", "phone"}, 60) == ""
    progress.failed("phone")
    assert progress.problem({"ops", "phone"}, 60) == "no receiver accepts notifications"
    progress.delivered("ops")
    assert progress.problem({"ops", "phone"}, 60) == ""
