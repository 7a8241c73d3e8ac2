"""What a user who added a host sees of the answers of other services: nothing."""

import asyncio

import pytest
from aiohttp import web

from model.clock import system_clock
from model.label_limits import LabelLimits
from model.labels import Labels
from model.targets import Health
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.targets import ScrapeLimits, ScrapeTarget
from scraper.scheduling.scraper import Scraper
from tests.scraper.exposing_server import TEXT, Answer, body, serving
from tests.scraper.recording_appender import RecordingAppender

SECRET = "hunter2"


def _redirect(location: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    return answer


def _headers(**headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(text="up 1\n", headers={"Content-Type": TEXT} | named)

    return answer


async def _status(_: web.Request) -> web.Response:
    return web.Response(status=403, reason=SECRET, text=SECRET)


ANSWERS: dict[str, Answer] = {
    "line": body(f"password={SECRET}\n"),
    "value": body(f"password {SECRET}\n"),
    "comment": body(f"# TYPE {SECRET} {SECRET}\n"),
    "label": body(f'a{{{SECRET}="{SECRET}",{SECRET}="1"}} 1\n'),
    "open_quote": body(f'a{{b="{SECRET} 1\n'),
    "timestamp": body(f"a 1 {SECRET}\n"),
    "after": body(f"a 1 1 {SECRET}\n"),
    "long_name": body(f'a{{{SECRET}{"x" * 60}="1"}} 1\n'),
    "long_value": body(f'{SECRET}{{a="{"x" * 60}"}} 1\n'),
    "no_eof": body(f"{SECRET} 1\n", "application/openmetrics-text; version=1.0.0"),
    "type": body("a 1\n", f"application/{SECRET}"),
    "malformed_type": body("a 1\n", f"{SECRET};;="),
    "encoding": _headers(Content_Encoding=SECRET),
    "gzip": _headers(Content_Encoding="gzip"),
    "status": _status,
    "redirect_to_nowhere": _redirect(f"http://{SECRET}.invalid/"),
    "redirect_elsewhere": _redirect(f"gopher://{SECRET}/"),
    "redirect_malformed": _redirect(f"http://[{SECRET}/"),
}


async def _error(url: str, host_id: int | None) -> str:
    limits = ScrapeLimits(labels=LabelLimits(name_length=20, value_length=20))
    labels = Labels.of(job="node", instance="a")
    target = ScrapeTarget(url, labels, 60, 5, host_id=host_id, limits=limits, access=HttpAccess())
    async with Scraper(RecordingAppender(), system_clock) as scraper:
        scraper.apply([target])
        while (status := scraper.statuses()[0]).health is Health.UNKNOWN:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert status.health is Health.DOWN
    assert status.last_error
    return status.last_error


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_added_hosts_error_quotes_nothing_of_the_answer(name: str) -> None:
    async with serving(**{name: ANSWERS[name]}) as url:
        assert SECRET not in await _error(url(name), host_id=7)


async def test_an_added_hosts_error_names_the_line() -> None:
    async with serving(metrics=body(f"a 1\npassword={SECRET}\n")) as url:
        assert await _error(url("metrics"), host_id=7) == "line 2: not a line of an exposition"


async def test_a_configured_targets_error_quotes_the_line() -> None:
    async with serving(metrics=body(f"password={SECRET}\n")) as url:
        assert SECRET in await _error(url("metrics"), host_id=None)


async def test_a_malformed_status_line_is_not_quoted() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"{SECRET} {SECRET}\r\n\r\n".encode())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert SECRET not in await _error(f"http://127.0.0.1:{port}/", host_id=7)
