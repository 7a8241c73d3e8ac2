"""The charts of a host: loaded as they are seen, one time for all, comparison, what changed."""

import asyncio
import re
from collections import Counter

import pytest
from playwright.async_api import Page, Route, expect
from yarl import URL

from tests.browser.drawing import expect_drawn, hover_until_values
from tests.browser.layout import expect_no_overflow
from tests.system.processes import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOST = "/host/10.0.1.16:9100"


async def test_charts_out_of_sight_are_loaded_when_they_are_seen(page: Page, url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.set_viewport_size({"width": 900, "height": 500})
    await page.goto(url + HOST)
    await expect_drawn(page.locator(".chart canvas").first)
    assert not any("temperature" in request for request in asked)
    await page.locator('[data-key="temperature"]').scroll_into_view_if_needed()
    await expect_drawn(page.locator('[data-key="temperature"] canvas'))
    assert any("temperature" in request for request in asked)


async def test_host_has_no_section_for_what_it_has_not(page: Page, url: str) -> None:
    await page.goto(url + HOST)
    titles = page.locator(".chart-group-title")
    await expect(titles).to_have_text(["CPU", "Memory", "Disks", "Network", "Sensors"])
    await page.goto(f"{url}/host/10.0.0.10:9100")
    await expect(titles).to_have_text(["CPU", "Memory", "Disks", "Network"])


async def test_compared_lines_are_dashed_and_named(page: Page, url: str) -> None:
    await page.goto(f"{url}{HOST}?compare=1w")
    await expect(page.locator("#compare")).to_have_value("1w")
    over = page.locator(".chart .u-over").first
    await expect_drawn(page.locator(".chart canvas").first)
    await hover_until_values(page, over, "a week before")
    await page.locator("#compare").select_option("yesterday")
    await expect(page).to_have_url(re.compile("compare=1d"))
    await hover_until_values(page, over, "a day before")
    await page.locator("#compare").select_option("nothing")
    await expect(page).to_have_url(re.compile(f"{re.escape(HOST)}$"))


async def test_moment_shows_what_changed_and_stays_in_the_url(page: Page, url: str) -> None:
    await page.goto(url + HOST)
    await expect_drawn(page.locator(".chart canvas").first)
    field = await page.locator(".chart .u-over").first.bounding_box()
    assert field is not None
    await page.mouse.click(field["x"] + field["width"] * 0.8, field["y"] + 40)
    changes = page.locator("#changes")
    await expect(changes).to_contain_text("What changed around")
    await expect(changes).to_contain_text("Kolmogorov-Smirnov")
    # The load of the made-up host may have changed as much.
    row = changes.locator("tbody tr").filter(has_text="jobs_waiting")
    await expect(row).to_be_visible()
    await expect(page).to_have_url(re.compile(r"\?at=\d+$"))
    await page.locator("#window").select_option("1 h")
    await expect(page).to_have_url(re.compile("window=1h"))
    await page.reload()
    await expect(row.locator("svg path")).to_have_attribute("d", re.compile("^M.*L"))
    link = await row.get_by_role("link").get_attribute("href")
    assert link is not None
    assert "jobs_waiting" in link
    await page.locator("#changes-close").click()
    await expect(changes).to_be_hidden()
    await expect(page).to_have_url(re.compile(f"{re.escape(HOST)}$"))


async def test_what_changed_is_shown_to_who_picks_a_moment_far_down(page: Page, url: str) -> None:
    await page.set_viewport_size({"width": 900, "height": 500})
    await page.goto(url + HOST)
    last = page.locator('[data-key="temperature"]')
    await last.scroll_into_view_if_needed()
    await expect_drawn(last.locator("canvas"))
    field = await last.locator(".u-over").bounding_box()
    assert field is not None
    await page.mouse.click(field["x"] + field["width"] * 0.8, field["y"] + 40)
    await expect(page.locator("#changes-title")).to_be_in_viewport()
    await expect(page.locator("#changes-title")).to_contain_text("What changed around")


async def test_charts_are_read_zoomed_and_asked_with_the_keyboard(page: Page, url: str) -> None:
    await page.goto(url + HOST)
    await expect_drawn(page.locator(".chart canvas").first)
    chart = page.locator(".chart-field").first
    await chart.focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Control+ArrowLeft")
    await page.keyboard.press("Enter")
    await expect(page.locator("#changes")).to_contain_text("What changed around")
    await chart.focus()
    await page.keyboard.press("Shift+Control+ArrowLeft")
    await page.keyboard.press("Shift+Control+ArrowLeft")
    async with page.expect_response("**/charts?start_ms=*"):
        await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"from=\d+&to=\d+"))
    await expect_drawn(page.locator(".chart canvas").first)
    await page.locator(".chart-field").first.focus()
    await page.keyboard.press("Escape")
    await expect(page.locator("#zoom-reset")).to_be_hidden()


async def test_absolute_times_are_chosen(page: Page, url: str) -> None:
    await page.goto(url + HOST)
    await page.get_by_text("Times", exact=True).click()
    await page.get_by_label("From", exact=True).fill("2026-01-02T03:04:05")
    await page.get_by_label("To", exact=True).fill("2026-01-02T05:04:05")
    await page.get_by_role("button", name="Show", exact=True).click()
    await expect(page).to_have_url(re.compile(r"from=\d+&to=\d+"))
    await expect_drawn(page.locator(".chart canvas").first)


@pytest.mark.parametrize("width", [360, 1280])
async def test_what_changed_fits_the_window(page: Page, url: str, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    at = await page.evaluate("Date.now() - 600000")
    await page.goto(f"{url}{HOST}?at={at}&compare=1d")
    await expect(page.locator("#changes tbody tr").first).to_be_visible()
    # At 360 px the changes push the charts below the window, where they are not loaded.
    await page.locator(".chart-place").first.scroll_into_view_if_needed()
    await expect_drawn(page.locator(".chart canvas").first)
    await expect_no_overflow(page, "what changed")
    await page.get_by_text("Times", exact=True).click()
    await expect_no_overflow(page, "the times")


@pytest.mark.parametrize(
    ("query", "language", "sections"),
    [
        ("", "en", 0),
        ("?range=6h", "de", 0),
        ("?compare=1d", "en", 0),
        ("?from=1700000000000&to=1700003600000", "en", 1),
    ],
)
async def test_charts_are_asked_for_once_and_sections_only_at_fixed_times(
    page: Page, url: str, query: str, language: str, sections: int
) -> None:
    await page.context.set_extra_http_headers({"Accept-Language": language})
    asked: list[URL] = []
    page.on("request", lambda each: asked.append(URL(each.url)))
    await page.goto(f"{url}{HOST}{query}")
    await expect_drawn(page.locator("canvas").first)
    await page.wait_for_load_state("networkidle")
    assert sum(each.name == "sections" for each in asked) == sections
    keys = Counter(
        key for each in asked if each.name == "charts" for key in each.query["chart"].split(",")
    )
    assert {"cpu", "memory"} <= keys.keys()
    assert set(keys.values()) == {1}, keys


async def test_another_range_asks_for_the_charts_in_view_with_its_sections(
    page: Page, url: str
) -> None:
    await page.goto(f"{url}{HOST}")
    await expect_drawn(page.locator("canvas").first)
    await page.wait_for_load_state("networkidle")
    asked: list[URL] = []
    page.on("request", lambda each: asked.append(URL(each.url)))
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/sections?*", hold)
    await page.locator("a[data-range='6h']").click()

    async def is_asked() -> bool:
        return any(each.name == "charts" for each in asked)

    await until(is_asked, "the charts, before the sections have come")
    held.set()
    await expect_drawn(page.locator("canvas").first)
    charts = [each for each in asked if each.name == "charts"]
    assert charts[0].query["range"] == "6h"
    assert "cpu" in charts[0].query["chart"].split(",")
