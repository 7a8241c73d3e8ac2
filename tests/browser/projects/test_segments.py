"""A segment is made on its page and used in a funnel with two groups of conditions."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.navigation import follow
from tests.browser.test_projects import create, send

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_a_segment_is_made_and_used_in_a_funnel_with_two_groups(page: Page, url: str) -> None:
    await page.set_viewport_size({"width": 360, "height": 800})
    key = await create(page, "Shop")
    plans = {"a": "pro", "b": "team", "c": "free", "d": "pro"}
    await send(
        url,
        key,
        *(
            {"eventName": name, "anonymousId": person, "properties": {"plan": plan, "size": size}}
            for size, (person, plan) in enumerate(plans.items(), 1)
            for name in ("open", "buy")
            if (person, name) != ("d", "buy")
        ),
    )
    await page.goto(f"{url}/projects/{key}/segments")
    await page.get_by_label("Name", exact=True).fill("Buyers")
    await page.get_by_label("Property or event").fill("buy")
    await expect(page.get_by_label("in the last")).to_be_hidden()
    await page.get_by_label("Comparison").select_option("event_at_least")
    await page.get_by_label("in the last").fill("30")
    await page.get_by_label("Value").fill("1")
    await expect_no_overflow(page, "segments")
    await follow(page, page.get_by_role("button", name="Create segment"))
    await expect(page.locator("tbody")).to_contain_text("Buyers")
    await page.goto(f"{url}/projects/{key}/funnel")
    await page.get_by_label("Step 1", exact=True).fill("open")
    await page.get_by_label("Step 2", exact=True).fill("buy")
    await page.get_by_label("Segment", exact=True).select_option("Buyers")
    report = page.get_by_role("group", name="Only events where")
    # Group 1: plan is pro or team. Group 2: size below 3.
    await report.get_by_label("Property").fill("plan")
    await report.get_by_label("Value").fill("pro")
    await report.get_by_role("button", name="Add a condition").press("Enter")
    await expect(report.get_by_label("Property").nth(1)).to_be_focused()
    await page.keyboard.type("plan")
    await report.get_by_label("Value").nth(1).fill("team")
    await report.get_by_label("Conditions that must hold").first.select_option(label="any of")
    await page.get_by_role("button", name="Add a group").press("Enter")
    await expect(report.get_by_label("Property").nth(2)).to_be_focused()
    await page.keyboard.type("size")
    await report.get_by_label("Comparison").nth(2).select_option("less")
    await report.get_by_label("Value").nth(2).fill("2")
    await expect_no_overflow(page, "funnel")
    await report.get_by_label("Value").nth(2).press("Enter")
    await expect(page.locator("main")).to_contain_text("1 of 1 person")
    await expect(page).to_have_url(re.compile("segment=Buyers"))
    assert "within" not in page.url
    # Of both groups, one is enough.
    await page.get_by_label("Groups that must hold").select_option("any")
    await follow(page, page.get_by_role("button", name="Show", exact=True))
    await expect(page.locator("main")).to_contain_text("2 of 2 persons")
    await report.get_by_role("button", name="Remove this condition").nth(2).press("Enter")
    await expect(report.get_by_label("Property")).to_have_count(2)
    await expect(page.get_by_label("Groups that must hold")).to_be_hidden()
