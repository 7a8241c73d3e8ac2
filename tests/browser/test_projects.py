"""The pages of projects in a real browser: from no project to a funnel, and hostile texts."""

import re
import time
from typing import Any, Literal
from urllib.parse import quote

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.navigation import follow

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = "window.ran=1"
HOSTILE = f"\"'><script>{RUN}</script><img src=x onerror={RUN}>\u202eRTL\u202c\U0001f98a"
PAGES = (
    "",
    "/events",
    "/events?view=schema",
    f"/trends?event={quote(HOSTILE)}&breakdown={quote(HOSTILE)}&compare=true",
    f"/funnel?step={quote(HOSTILE)}&step={'x' * 200}&breakdown={quote(HOSTILE)}&at=1",
    "/retention?cohort=day&periods=20",
    "/paths",
    "/sessions",
    "/persons",
    f"/person?id={quote(HOSTILE)}",
    "/settings",
)


@pytest.fixture
def first_page() -> str:
    return "/projects"


async def send(url: str, key: str, *events: dict[str, Any]) -> None:
    async with (
        aiohttp.ClientSession(url) as client,
        client.post("/v1/events/batch", json={"projectKey": key, "events": events}) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def create(page: Page, name: str) -> str:
    """Create a project with the form; return its key."""
    await page.get_by_label("Name").fill(name)
    await follow(page, page.get_by_role("button", name="Create project"))
    await expect(page.locator("#arrival")).to_contain_text("Waiting for the first event")
    return page.url.rsplit("/", 1)[1]


async def test_from_no_project_to_a_shared_funnel(page: Page, url: str) -> None:
    key = await create(page, "Shop")
    await send(url, key, {"eventName": "app_open", "anonymousId": "a"})
    # Without a reload.
    await expect(page.locator("#arrival")).to_contain_text("The first event has arrived")
    await page.get_by_role("link", name="Events", exact=True).click()
    await expect(page.locator("#events")).to_contain_text("app_open")
    await send(
        url,
        key,
        {"eventName": "purchase", "anonymousId": "a", "properties": {"plan": "pro"}},
        {"eventName": "app_open", "anonymousId": "b"},
    )
    await expect(page.locator("#events")).to_contain_text("purchase")
    await follow(page, page.get_by_role("link", name="Funnel", exact=True))
    # By keyboard alone: the steps in the wrong order, then moved, one added and removed.
    await page.get_by_label("Step 1").fill("purchase")
    await page.get_by_label("Step 2").fill("app_open")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(page.get_by_label("Step 1")).to_have_value("app_open")
    await page.get_by_role("button", name="Add a step").press("Enter")
    await expect(page.get_by_label("Step 3")).to_be_focused()
    await page.get_by_role("button", name="Remove this step").last.press("Enter")
    await expect(page.get_by_label("Step 3")).to_have_count(0)
    await page.get_by_label("Step 2").press("Enter")
    await expect(page.locator(".funnel-step")).to_have_count(2)
    await expect(page.locator("main")).to_contain_text("1 of 2 persons")
    await expect(page).to_have_url(re.compile("window=14"))
    assert "breakdown" not in page.url
    await page.locator(".funnel-step").nth(1).get_by_role("link").first.click()
    await expect(page.locator("#persons")).to_contain_text("1 person took step 2")
    await page.get_by_text("Share", exact=True).click()
    await page.get_by_role("button", name="Create link").click()
    link = await page.locator("#share-url").text_content()
    await page.context.clear_cookies()
    await page.goto(str(link))
    await expect(page.locator(".funnel-step")).to_have_count(2)
    await expect(page.locator("main")).to_contain_text("1 of 2 persons")


async def test_hostile_texts_are_texts_and_no_page_is_wider_than_the_window(
    page: Page, url: str
) -> None:
    key = await create(page, HOSTILE[:190])
    now_ms = int(time.time() * 1000)
    await send(
        url,
        key,
        *(
            {
                "eventName": name,
                "anonymousId": person,
                "timestamp": now_ms - age * 43_200_000,
                "properties": {HOSTILE: HOSTILE, "long": "w" * 10_000},
            }
            for age in range(6)
            for name, person in ((HOSTILE, HOSTILE), ("x" * 200, HOSTILE), ("y", "z" * 512))
        ),
    )
    themes: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 360), ("dark", 1280))
    for theme, width in themes:
        await page.emulate_media(color_scheme=theme)
        await page.set_viewport_size({"width": width, "height": 800})
        for path in PAGES:
            await page.goto(f"{url}/projects/{key}{path}")
            await page.wait_for_load_state("load")
            await expect(page.locator("main")).to_contain_text("<script>")
            assert await page.evaluate("window.ran") is None, path
            assert await page.locator("img").count() == 0, path
            await expect_no_overflow(page, (path, width))


async def test_events_stream_in_and_neither_pausing_nor_reading_is_disturbed(
    page: Page, url: str
) -> None:
    key = await create(page, "Shop")
    await send(url, key, *({"eventName": f"old {n}", "anonymousId": "a"} for n in range(50)))
    await page.set_viewport_size({"width": 1280, "height": 500})
    await page.goto(f"{url}/projects/{key}/events")
    await page.wait_for_load_state("load")
    newest = page.locator("#events tbody tr").first
    await send(url, key, {"eventName": "streamed", "anonymousId": "b"})
    await expect(newest).to_contain_text("streamed")
    pause = page.locator("[data-live-pause]")
    await pause.click()
    await expect(pause).to_have_text("Resume")
    await expect(page.locator("#live-note")).to_contain_text("Paused at")
    await send(url, key, {"eventName": "missed", "anonymousId": "b"})
    await expect(newest).to_contain_text("streamed")
    await pause.click()
    await expect(newest).to_contain_text("missed")
    # Who has scrolled down reads on; the new event waits above.
    await page.locator("#events tbody tr").nth(30).scroll_into_view_if_needed()
    await expect(pause).not_to_be_in_viewport()
    await send(url, key, {"eventName": "waiting", "anonymousId": "b"})
    await expect(page.locator("#live-note")).to_have_text("New events wait above")
    await expect(newest).to_contain_text("missed")
    await page.evaluate("scrollTo(0, 0)")
    await expect(newest).to_contain_text("waiting")
    await expect(page.locator("#live-note")).to_have_text("")
