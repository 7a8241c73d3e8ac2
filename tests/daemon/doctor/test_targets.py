import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from daemon.doctor.findings import Verdict
from daemon.doctor.targets import Endpoint, examine_targets


async def served(aiohttp_server: AiohttpServer, status: int = 200, ahead_s: float = 0) -> Endpoint:
    """Return a target whose responses have this status and whose clock is ahead."""

    async def metrics(_: web.Request) -> web.Response:
        date = datetime.now(UTC) + timedelta(seconds=ahead_s)
        headers = {"Date": format_datetime(date, usegmt=True)}
        return web.Response(status=status, headers=headers, text="up 1\n")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    server = await aiohttp_server(app)
    return Endpoint("node web-1", str(server.make_url("/metrics")))


async def test_target_that_answers_is_good(aiohttp_server: AiohttpServer) -> None:
    [finding] = await examine_targets([await served(aiohttp_server)])
    assert (finding.verdict, finding.subject) == (Verdict.GOOD, "target node web-1")


async def test_error_status_is_bad(aiohttp_server: AiohttpServer) -> None:
    [finding] = await examine_targets([await served(aiohttp_server, status=403)])
    assert finding.verdict is Verdict.BAD
    assert finding.detail.endswith("answered HTTP 403")


@pytest.mark.parametrize("ahead_s", [90, -90])
async def test_clock_that_differs_is_a_warning(
    aiohttp_server: AiohttpServer, ahead_s: float
) -> None:
    good, skew = await examine_targets([await served(aiohttp_server, ahead_s=ahead_s)])
    assert (good.verdict, skew.verdict) == (Verdict.GOOD, Verdict.WARNING)
    assert "time service" in skew.remedy


async def test_target_that_does_not_listen_is_bad_and_others_are_examined(
    aiohttp_server: AiohttpServer,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    absent = Endpoint("node web-2", f"http://127.0.0.1:{port}/metrics")
    findings = await examine_targets([absent, await served(aiohttp_server)])
    assert [finding.verdict for finding in findings] == [Verdict.BAD, Verdict.GOOD]
