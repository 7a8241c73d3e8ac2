"""A server with samples of this host, and a browser that is logged in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_exporter, redshank_server, until


@pytest.fixture
async def scraping(page: Page, tmp_path: Path) -> AsyncIterator[Server]:
    """A server that scrapes our exporter on this host."""
    async with redshank_exporter() as (_, address):
        jobs = [{"name": "node", "targets": [address]}]
        settings = {"scrape": {"interval": "1s", "timeout": "1s", "jobs": jobs}}
        async with redshank_server(tmp_path / "data", settings) as server:

            async def scraped() -> bool:
                return bool(await server.query("rate(node_cpu_seconds_total[10s])"))

            await until(scraped, "rates")
            await sign_in(page, server.url, password=ADMIN_PASSWORD)
            yield server
            await page.goto("about:blank")
