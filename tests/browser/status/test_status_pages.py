"""From a probe to a public page: it fails, the page shows it, an incident comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.navigation import follow
from tests.browser.signing_in import sign_in
from tests.patience import PATIENCE_S
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_HOSTILE = "<b>Shop</b>\u202e"


class Service:
    """A web server whose answer a test changes."""

    status = "200 OK"
    port = 0


@asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    """Serve on loopback."""
    service = Service()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 {service.status}\r\nContent-Length: 2\r\n\r\nok".encode())
            await writer.drain()
        except (OSError, EOFError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    async with server:
        yield service


async def make_probe(page: Page, port: int) -> None:
    """Fill in the form of a new probe, test it, and add it."""
    await page.get_by_label("Name", exact=True).fill("shop")
    await page.get_by_label("Address").fill(f"http://127.0.0.1:{port}/health")
    await page.get_by_label("Every").fill("1s")
    await page.get_by_label("Time-out").fill("1s")
    await page.get_by_label("Retries").fill("0")
    await follow(page, page.get_by_role("button", name="Test now"))
    await expect(page.get_by_text("The probe succeeds")).to_be_visible()
    await follow(page, page.get_by_role("button", name="Add probe"))
    row = page.get_by_role("row").filter(has_text="shop")
    await expect(row).to_contain_text("Up")


async def make_page(page: Page, url: str) -> None:
    """Make a status page with the probe, under another name."""
    await page.goto(f"{url}/status-pages/new")
    await page.get_by_label("Title").fill("Acme")
    await page.get_by_label("Address").fill("acme")
    await page.get_by_label("Name of component 1").fill(_HOSTILE)
    await page.get_by_label("Probe, host or PromQL of component 1").fill("shop")
    await page.get_by_label("Show response times of component 1").check()
    await follow(page, page.get_by_role("button", name="Create the page"))


async def public_state(server: Server, wanted: str) -> None:
    """Wait until the public page has a state."""

    async def is_so() -> bool:
        found = await server.get("/status/acme.json")
        return bool(found["state"] == wanted)

    await until(is_so, f"the page to be {wanted}")


async def expect_down(visitor: Page, url: str) -> None:
    """Check what a visitor sees while the component is down."""
    await visitor.goto(f"{url}/status/acme")
    await expect(visitor.get_by_role("status")).to_contain_text("Some systems are down")
    component = visitor.get_by_role("article").filter(has_text="<b>Shop</b>")
    await expect(component).to_contain_text("down")
    await expect(component.locator(".days g")).to_have_count(90)


async def test_a_probe_that_fails_reaches_the_public_and_ends_with_its_incident(
    page: Page, browser: Browser, tmp_path: Path
) -> None:
    settings = {"alerting": {"evaluation_interval": "1s"}, "web": {"live_interval_s": 0.5}}
    async with serving() as service, redshank_server(tmp_path / "data", settings) as server:
        await sign_in(page, server.url, "/probes/new", ADMIN_PASSWORD)
        await make_probe(page, service.port)
        await make_page(page, server.url)
        await public_state(server, "operational")
        service.status = "503 Busy"
        await public_state(server, "down")
        visitor = await browser.new_page()
        visitor.set_default_timeout(PATIENCE_S * 1000)
        await expect_down(visitor, server.url)

        await page.goto(f"{server.url}/alerts")
        alert = page.get_by_role("row").filter(has_text="ProbeFailed")
        await expect(alert).to_contain_text("Critical")

        await page.goto(f"{server.url}/status-pages/acme")
        await page.get_by_text("New incident").click()
        await page.get_by_label("Title").first.fill("Shop is down")
        await page.get_by_label("What is known").first.fill("We look at it.")
        await follow(page, page.get_by_role("button", name="Open incident"))
        await visitor.goto(f"{server.url}/status/acme")
        await expect(visitor.get_by_label("Open incidents")).to_contain_text("Shop is down")

        service.status = "200 OK"
        await page.get_by_label("What is known").first.fill("It works again.")
        await page.get_by_label("State").first.select_option("resolved")
        await follow(page, page.get_by_role("button", name="Update"))
        await public_state(server, "operational")
        await visitor.goto(f"{server.url}/status/acme")
        await expect(visitor.get_by_role("status")).to_contain_text("All systems operational")
        await expect(visitor.get_by_label("Past incidents")).to_contain_text("It works again.")
        for width in (360, 1280):
            await visitor.set_viewport_size({"width": width, "height": 900})
            await expect_no_overflow(visitor, width)
        await visitor.close()
