"""Annotations on the charts of a project: marks of the project and of all, as text."""

import time

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.browser.drawing import expect_drawn, hover_until_values
from tests.browser.navigation import follow
from tests.browser.test_annotations import BANDS, HOSTILE
from tests.system.processes import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOUR_MS = 3_600_000
ADD = """async (annotation) => {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify(annotation);
    const answer = await fetch("/api/annotations", { method: "POST", headers, body });
    return [answer.status, await answer.text()];
}"""


@pytest.fixture
async def project(page: Page, url: str) -> str:
    """The address of a project with events of six days; the browser is logged in."""
    await page.get_by_label("Name").fill("Shop")
    await follow(page, page.get_by_role("button", name="Create project"))
    await expect(page.locator("#arrival")).to_contain_text("Waiting for the first event")
    address = page.url
    now_ms = int(time.time() * 1000)
    events = [
        {"eventName": "open", "anonymousId": "a", "timestamp": now_ms - hours * HOUR_MS}
        for hours in range(1, 6 * 24, 6)
    ]
    async with (
        aiohttp.ClientSession(url) as client,
        client.post(
            "/v1/events/batch",
            json={"projectKey": address.rsplit("/", 1)[1], "events": events},
        ) as answer,
    ):
        assert answer.status == 200, await answer.text()
    return address


async def annotate(page: Page, **annotation: object) -> None:
    status, text = await page.evaluate(ADD, annotation)
    assert status == 201, text


@pytest.mark.parametrize("path", ["?days=7", "/trends?event=open&days=7"])
async def test_marks_are_drawn_on_the_chart_and_named_under_the_cursor(
    page: Page, project: str, path: str
) -> None:
    now_ms = int(time.time() * 1000)
    key = project.rsplit("/", 1)[1]
    # A stretch of three days of this project, and a moment of the whole server.
    await annotate(page, text=HOSTILE, project=key, time=now_ms - 72 * HOUR_MS, timeEnd=now_ms)
    await annotate(page, text="a deploy for all", time=now_ms)
    await page.add_init_script(f"({BANDS})()")
    await page.goto(project + path)
    await page.wait_for_load_state("load")
    chart = page.locator(".bucket-chart").first
    await expect_drawn(chart.locator("canvas"))
    await until(lambda: page.evaluate("window.bands >= 1"), "the band of the project's mark")
    await hover_until_values(page, chart.locator(".u-over"), HOSTILE)
    await expect(page.locator(".chart-tip:visible")).to_contain_text("a deploy for all")
    await chart.locator("summary").click()
    await expect(chart.locator(".marks li")).to_have_count(2)
    await expect(chart.locator(".marks")).to_contain_text(HOSTILE)
    assert await page.evaluate("window.hurt") is None
