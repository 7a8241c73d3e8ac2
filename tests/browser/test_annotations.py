"""Annotations on the charts of a host."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.drawing import hover_until_values
from tests.system.processes import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOST = "/host/10.0.1.16:9100"
HOSTILE = "<img src=x onerror='window.hurt = 1'> & release"
ADD = """async (text) => {
    const time = Date.now() - 3600000;
    const body = JSON.stringify({ text, time, timeEnd: time + 7200000 });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch("/api/annotations", { method: "POST", headers, body });
    return answer.status;
}"""
# What the marks' plugin draws: bands are the only thing that it fills with this transparency.
BANDS = """() => {
    window.bands = 0;
    const fill = CanvasRenderingContext2D.prototype.fillRect;
    CanvasRenderingContext2D.prototype.fillRect = function (...place) {
        if (Math.abs(this.globalAlpha - 0.12) < 1e-6 && place[2] > 10) window.bands += 1;
        return fill.apply(this, place);
    };
}"""


async def test_annotation_is_drawn_and_its_text_shown_under_the_cursor(
    page: Page, url: str
) -> None:
    assert await page.evaluate(ADD, HOSTILE) == 201
    await page.add_init_script(f"({BANDS})()")
    # Charts are drawn as they come into view.
    await page.set_viewport_size({"width": 1280, "height": 3000})
    await page.goto(url + HOST)
    await expect(page.locator(".chart canvas")).to_have_count(8)
    await until(lambda: page.evaluate("window.bands >= 8"), "bands on all charts")
    await hover_until_values(page, page.locator(".chart .u-over").first, HOSTILE)
    assert await page.evaluate("window.hurt") is None
