import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from daemon.doctor.findings import Verdict
from daemon.doctor.targets import Endpoint, examine_targets, server_endpoints
from tests.daemon.doctor.tls_server import tls_server


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
    assert finding.detail.endswith("/metrics: HTTP status 403")


async def test_target_that_needs_credentials_is_good_if_the_server_scrapes_it(
    aiohttp_server: AiohttpServer,
) -> None:
    endpoint = await served(aiohttp_server, status=401)
    [finding] = await examine_targets([replace(endpoint, is_up=True)])
    assert (finding.verdict, finding.detail) == (Verdict.GOOD, "the server scrapes it")


async def test_failure_of_the_last_scrape_is_reported_in_the_servers_words() -> None:
    document = {
        "labels": {"job": "node", "instance": "web-1:9100"},
        "scrapeUrl": "http://web-1:9100/metrics",
        "health": "down",
        "lastError": "exceeded sample_limit of 5",
    }
    [finding] = await examine_targets(server_endpoints([document]))
    assert finding.verdict is Verdict.BAD
    assert finding.subject == "target node web-1:9100"
    assert finding.detail == "http://web-1:9100/metrics: exceeded sample_limit of 5"


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
    assert findings[0].detail == (
        f"{absent.url}: cannot connect to 127.0.0.1:{port}: Connection refused"
    )


async def test_a_target_that_asks_for_a_certificate_is_good_if_the_server_scrapes_it(
    aiohttp_server: AiohttpServer, tmp_path: Path
) -> None:
    address = await tls_server(aiohttp_server, tmp_path, asks_for_certificate=True)
    endpoint = Endpoint("node web-1", f"https://{address}/metrics")
    [scraped, other] = await examine_targets([replace(endpoint, is_up=True), endpoint])
    assert (scraped.verdict, scraped.detail) == (Verdict.GOOD, "the server scrapes it")
    assert other.verdict is Verdict.BAD
