"""Charts of every page in a window that becomes narrower, before any script measures them again."""

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.browser.drawing import expect_drawn
from tests.browser.layout import expect_no_overflow
from tests.system.processes import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The charts keep the width that they were drawn with.
NO_OBSERVER = "window.ResizeObserver = class { observe() {} unobserve() {} disconnect() {} };"
# How far the box with the values reaches beyond the box of its chart, in pixels.
TIP_BEYOND = """tip => {
    const field = tip.closest(".uplot").parentElement.getBoundingClientRect();
    const box = tip.getBoundingClientRect();
    return Math.max(field.left - box.left, box.right - field.right);
}"""


async def a_trend(url: str, page: Page) -> str:
    """Send events with long names; return the path of their trend."""
    body = {"name": "Shop"}
    made = await page.request.post(f"{url}/v1/projects", data=body)
    key = (await made.json())["projectKey"]
    events = [
        {"eventName": "open", "anonymousId": "a", "properties": {"plan": "pro " * 60}},
        {"eventName": "open", "anonymousId": "b", "properties": {"plan": "free " * 60}},
    ]
    async with (
        aiohttp.ClientSession(url) as client,
        client.post("/v1/events/batch", json={"projectKey": key, "events": events}) as answer,
    ):
        assert answer.status == 200, await answer.text()
    return f"/projects/{key}/trends?event=open&breakdown=plan"


async def test_chart_that_is_not_measured_again_does_not_widen_the_page(
    page: Page, url: str
) -> None:
    await page.add_init_script(NO_OBSERVER)
    for path in (
        "/host/10.0.1.16:9100",
        await a_trend(url, page),
        "/explore?query=node_disk_read&view=graph",
    ):
        await page.set_viewport_size({"width": 1280, "height": 800})
        await page.goto(url + path)
        await expect_drawn(page.locator("canvas").first)
        await page.set_viewport_size({"width": 360, "height": 800})
        await expect_no_overflow(page, path)


async def test_values_under_the_cursor_fit_into_a_narrow_chart(page: Page, url: str) -> None:
    path = await a_trend(url, page)
    await page.set_viewport_size({"width": 360, "height": 800})
    await page.goto(url + path)
    await expect_drawn(page.locator("canvas").first)
    over = page.locator(".u-over").first
    tip = page.locator(".chart-tip:visible")
    for share in (0.02, 0.45, 0.55, 0.98):

        async def fits(share: float = share) -> bool:
            box = await over.bounding_box()
            assert box is not None
            await over.hover(position={"x": box["width"] * share, "y": 50})
            return await tip.count() == 1 and int(await tip.evaluate(TIP_BEYOND)) <= 1

        await until(fits, f"the values to be inside the chart, the cursor at {share}")
        await expect(tip).to_contain_text("pro")
