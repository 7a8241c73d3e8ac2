"""Annotations on the charts of a host."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.drawing import hover_until_values
from tests.browser.signing_in import sign_in
from tests.system.processes import until
from tests.web.web_demo import serving

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


SEND = """async (name) => {
    const post = async (path, body) => {
        const headers = { "Content-Type": "application/json" };
        return (await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
    };
    const { projectKey } = await post("/v1/projects", { name });
    const timestamp = Date.now() - 3 * 86400000;
    const events = [{ eventName: "open", anonymousId: "a", timestamp }];
    await post("/v1/events/batch", { projectKey, events });
    return projectKey;
}"""


async def test_annotation_of_a_project_is_drawn_on_its_charts(tmp_path: Path, page: Page) -> None:
    async with serving(tmp_path) as url:
        await sign_in(page, url)
        key = await page.evaluate(SEND, "Shop")
        add = ADD.replace("3600000", "2 * 86400000").replace("7200000", "86400000")
        add = add.replace("timeEnd: ", f"project: '{key}', timeEnd: ")
        assert await page.evaluate(add, HOSTILE) == 201
        await page.add_init_script(f"({BANDS})()")
        for path in ("?days=7", "/trends?event=open&days=7"):
            await page.goto(f"{url}/projects/{key}{path}")
            await until(lambda: page.evaluate("window.bands >= 1"), "a band on the chart")
            over = page.locator(".bucket-field .u-over").first
            await hover_until_values(page, over, "")
            await expect(page.locator("details.marks li .name")).to_have_text(HOSTILE)
            assert await page.evaluate("window.hurt") is None
        await page.goto("about:blank")


async def test_annotation_is_drawn_and_its_text_shown_under_the_cursor(
    tmp_path: Path, page: Page
) -> None:
    async with serving(tmp_path) as url:
        await sign_in(page, url)
        assert await page.evaluate(ADD, HOSTILE) == 201
        await page.add_init_script(f"({BANDS})()")
        await page.goto(url + HOST)
        await expect(page.locator(".chart canvas")).to_have_count(7)
        await until(lambda: page.evaluate("window.bands >= 7"), "bands on all charts")
        await hover_until_values(page, page.locator(".chart .u-over").first, HOSTILE)
        assert await page.evaluate("window.hurt") is None
        await page.goto("about:blank")
