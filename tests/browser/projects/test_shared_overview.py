"""The overview with a condition is saved, opened again, shared, and the link revoked."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.navigation import follow
from tests.browser.test_projects import create, send

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_an_overview_with_a_condition_is_saved_and_shared(page: Page, url: str) -> None:
    await page.set_viewport_size({"width": 360, "height": 800})
    key = await create(page, "Shop")
    await send(
        url,
        key,
        *(
            {"eventName": name, "anonymousId": person, "properties": {"plan": plan}}
            for name, person, plan in (
                *(("open", "a", "pro"), ("buy", "a", "pro")),
                *(("open", "b", "free"), ("leave", "b", "free")),
            )
        ),
    )
    await page.goto(f"{url}/projects/{key}?days=7")
    main = page.locator("main")
    await expect(main.locator(".numbers dd").first).to_have_text("4")
    await page.get_by_text("Filters", exact=True).click()
    await page.get_by_label("Property").fill("plan")
    await page.get_by_label("Value", exact=True).fill("pro")
    await follow(page, page.get_by_role("button", name="Show", exact=True).last)
    await expect(main.locator(".numbers dd").first).to_have_text("2")
    await page.get_by_text("Save report", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("Paying <i>")
    await expect_no_overflow(page, "overview")
    await follow(page, page.get_by_role("button", name="Save", exact=True))
    await expect(page).to_have_url(re.compile(rf"/projects/{key}\?saved=\d+$"))
    await expect(main).to_contain_text("Paying <i>")
    await expect(main.locator(".numbers dd").first).to_have_text("2")
    await expect(page.get_by_label("Property")).to_have_value("plan")
    # Without the saved report, the overview is that of all events; the menu opens it again.
    await page.goto(f"{url}/projects/{key}")
    await expect(main.locator(".numbers dd").first).to_have_text("4")
    await page.get_by_text("Saved reports", exact=True).press("Enter")
    await follow(page, page.get_by_role("link", name="Paying <i>"))
    await expect(main.locator(".numbers dd").first).to_have_text("2")
    await page.get_by_text("Share", exact=True).click()
    await expect(page.get_by_label("Title", exact=True)).to_have_value("Paying <i>")
    await follow(page, page.get_by_role("button", name="Create link"))
    link = str(await page.locator("#share-url").text_content())
    browser = page.context.browser
    assert browser is not None
    stranger = await browser.new_context(viewport={"width": 360, "height": 800})
    shared = await stranger.new_page()
    await shared.goto(link)
    await expect(shared.get_by_role("heading", level=1)).to_have_text("Paying <i>")
    await expect(shared.locator(".numbers dd").first).to_have_text("2")
    await expect(shared.locator(".bucket-field canvas")).to_have_count(1)
    await expect(shared.locator("main")).not_to_contain_text("leave")
    await expect(shared.locator("main a[href^='/projects']")).to_have_count(0)
    await expect_no_overflow(shared, "share link")
    await page.goto(f"{url}/projects/{key}/settings")
    await follow(page, page.get_by_role("button", name="Revoke Paying <i>"))
    answer = await shared.reload()
    assert answer is not None
    assert answer.status == 404
    await stranger.close()
