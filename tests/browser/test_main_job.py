"""The first steps of a new user, in a real browser with real processes."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from alerting.check_settings import CheckName
from tests.browser.drawing import expect_drawn
from tests.browser.navigation import follow
from tests.browser.signing_in import enter_password, sign_in
from tests.ports import free_port
from tests.system.processes import (
    ADMIN_PASSWORD,
    redshank_exporter,
    redshank_server,
    until,
)

pytestmark = pytest.mark.browser


def settings(*addresses: str) -> dict[str, Any]:
    return {
        "scrape": {
            "interval": "1s",
            "timeout": "1s",
            "jobs": [{"name": "node", "hosts": True, "targets": list(addresses)}],
        },
        # Off: the machine that runs the tests may be busy, or its disk full.
        "alerting": {
            "evaluation_interval": "1s",
            "checks": {"down": {"for": "1s"}}
            | {check: {"enabled": False} for check in CheckName if check is not CheckName.DOWN},
        },
        "web": {"live_interval_s": 0.5},
    }


async def test_host_is_opened_and_its_charts_are_drawn(page: Page, tmp_path: Path) -> None:
    async with (
        redshank_exporter() as (_, address),
        redshank_server(tmp_path / "data", settings(address)) as server,
    ):

        async def two_scrapes() -> bool:
            return bool(await server.query("rate(node_cpu_seconds_total[1m])"))

        await until(two_scrapes, "rates")
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        row = page.get_by_role("row").filter(has_text=address)
        await expect(row).to_contain_text("Up")
        await expect(row).to_contain_text("%")
        await row.get_by_role("link").first.click()
        await expect(page.get_by_role("heading", name="Charts")).to_be_visible()
        canvases = page.locator("canvas")
        await expect(canvases.first).to_be_visible()
        await expect_drawn(canvases.first)


@pytest.mark.slow
async def test_alert_of_a_host_that_went_down_is_acknowledged(page: Page, tmp_path: Path) -> None:
    async with (
        redshank_exporter() as (exporter, address),
        redshank_server(tmp_path / "data", settings(address)) as server,
    ):

        async def up() -> bool:
            return bool(await server.query('up{job="node"} == 1'))

        await until(up, "the host to be up")
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        await page.get_by_role("link", name="Alerts").first.click()
        await expect(page.get_by_text("Nothing is wrong")).to_be_visible()
        await exporter.kill()
        # Without a reload.
        row = page.get_by_role("row").filter(has_text="HostDown")
        await expect(row).to_contain_text("Critical")
        await row.get_by_role("button", name="Acknowledge", exact=True).click()
        await expect(row).to_contain_text("admin")
        alerts = (await server.get("/api/alerts"))["alerts"]
        down = [alert for alert in alerts if alert["labels"]["alertname"] == "HostDown"]
        assert [alert["acknowledged_by"] for alert in down] == ["admin"]


@pytest.mark.slow
async def test_host_is_added_with_the_form(page: Page, tmp_path: Path) -> None:
    async with (
        redshank_exporter() as (_, address),
        redshank_server(tmp_path / "data", settings()) as server,
    ):
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        await page.get_by_role("link", name="Add host").first.click()
        await page.get_by_label("Name").first.fill("web-1")
        await page.get_by_label("Address").fill("not an address")
        await page.get_by_role("button", name="Add host").click()
        await expect(page.locator("[data-wrong]")).to_contain_text("address such as")
        await page.get_by_label("Address").fill(address)
        await follow(page, page.get_by_role("button", name="Add host"))
        await page.goto(server.url)
        row = page.get_by_role("row").filter(has_text="web-1")
        await expect(row).to_contain_text("Up")


async def test_wrong_password_is_refused(page: Page, tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data", settings()) as server:
        await enter_password(page, server.url, password="wrong password")
        await expect(page.get_by_role("alert")).to_contain_text("Wrong user name or password")
        await page.goto(server.url + "/alerts")
        await expect(page).to_have_url(re.compile("/login"))


async def test_unreachable_target_shows_its_reason(page: Page, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with redshank_server(tmp_path / "data", settings(address)) as server:
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        await page.get_by_role("link", name="Targets").first.click()
        row = page.get_by_role("row").filter(has_text=address)
        await expect(row).to_contain_text("Connection refused")
