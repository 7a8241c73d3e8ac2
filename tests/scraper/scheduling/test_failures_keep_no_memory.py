"""Scrapes of broken expositions leave memory as it was, without a garbage collection."""

import gc
from collections.abc import Iterator

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpServer

from model.labels import Labels
from model.targets import Health
from scraper.fetching.fetch import Fetched
from scraper.fetching.targets import ScrapeTarget
from scraper.scheduling.scraper import Scraper
from tests.scraper.recording_appender import RecordingAppender

BODY = b'metric_name{label="value"} 1.5\n' * 10_000 + b"broken{\n"


@pytest.fixture
def _without_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_without_collections")
async def test_no_body_of_a_broken_exposition_stays(aiohttp_server: AiohttpServer) -> None:
    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=BODY, content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    server = await aiohttp_server(app)
    labels = Labels.of(job="a", instance="b")
    async with Scraper(RecordingAppender()) as scraper:
        target = ScrapeTarget(str(server.make_url("/metrics")), labels, 3600.0, 100.0)
        scraper.apply([target])
        [(_, one)] = scraper._scrapers.items()
        for number in range(3):
            await one.scrape(number)
        assert one.status(0).health is Health.DOWN
    # Not isinstance: it would wake lazy objects of other libraries.
    assert [each for each in gc.get_objects() if type(each) is Fetched] == []
