"""What an operator does on the pages of alerts, in a browser, on the made-up fleet."""

import re

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CPU_OF_BUILD_1 = "/alerts/7"


@pytest.fixture
def first_page() -> str:
    return "/alerts"


async def test_alert_is_silenced_with_one_click_or_with_a_preview(page: Page, url: str) -> None:
    await page.goto(url + CPU_OF_BUILD_1)
    await page.get_by_role("link", name="Silence…").click()
    preview = page.locator("#preview")
    await expect(preview).to_contain_text("1 open alert")
    await page.get_by_label("Matchers").fill('severity="critical"')
    await expect(preview).to_contain_text("2 open alerts")
    await expect(preview).to_contain_text("DiskFilling")
    await page.get_by_label("Matchers").fill("severity=~(")
    await expect(preview.locator(".problem")).to_be_visible()
    await page.goto(url + CPU_OF_BUILD_1)
    await page.get_by_role("button", name="Silence for 2 h").click()
    await page.wait_for_url("**/silences?*", wait_until="load")
    row = page.locator("#silences tbody tr")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text('alertname="HighCpu"')
    await page.goto(f"{url}/alerts?handled=held")
    rows = page.locator("#alert-list tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("silenced")
    await page.goto(url + CPU_OF_BUILD_1)
    await expect(page.locator('[data-reason="silenced"]')).to_contain_text(
        "admin silenced it until"
    )


async def test_maintenance_window_holds_its_alerts(page: Page, url: str) -> None:
    await page.goto(f"{url}/maintenance/new")
    await page.get_by_label("Title").fill("New fans")
    await page.get_by_label("Matchers").fill('alertname="HighCpu"')
    await expect(page.locator("#preview")).to_contain_text("1 open alert")
    await page.get_by_label("From (local time)").fill("00:00")
    await page.get_by_label("To", exact=True).fill("24:00")
    await page.get_by_label("Time zone").fill("Europe/Berlin")
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/maintenance*", wait_until="load")
    row = page.get_by_role("row").filter(has_text="New fans")
    await expect(row).to_contain_text("open")
    await page.goto(f"{url}/alerts")
    await expect(page.locator("#alert-7")).to_contain_text("in maintenance")


async def test_alert_is_acknowledged_with_a_comment_and_an_end(page: Page, url: str) -> None:
    await page.goto(url + CPU_OF_BUILD_1)
    await expect(page.locator("#explanation-title")).to_be_visible()
    await expect(page.locator('[data-reason="firing"]')).to_contain_text("It fires since")
    await page.get_by_text("with a comment or an end").click()
    terms = page.locator("details.terms")
    await terms.get_by_label("Comment").fill("new fan ordered")
    await terms.get_by_label("For", exact=True).fill("2h")
    await terms.get_by_role("button", name="Acknowledge").click()
    entry = page.locator('.timeline [data-kind="acknowledged"]')
    await expect(entry).to_contain_text("Acknowledged by admin: new fan ordered until")
    await expect(page.locator('.timeline [data-kind="notification"]').first).to_contain_text(
        "sent to phone"
    )
    await page.get_by_role("button", name="End the acknowledgement").click()
    await expect(page.locator('[data-kind="acknowledgement_ended"]')).to_be_visible()


async def test_open_alerts_are_searched_grouped_and_acknowledged_together(
    page: Page, url: str
) -> None:
    rows = page.locator("#alert-list tbody tr[id^=alert-]")
    await expect(rows).to_have_count(5)
    await page.get_by_label("Search alerts").fill("build-1")
    await expect(rows).to_have_count(1)
    await expect(page).to_have_url(re.compile("q=build-1"))
    await page.get_by_label("Search alerts").fill("")
    await page.get_by_label("Severity").select_option("critical")
    await expect(rows).to_have_count(2)
    await page.get_by_label("Severity").select_option("")
    await page.get_by_label("Group by").select_option("severity")
    await expect(page.locator(".group-head")).to_have_count(2)
    await expect(page.locator("#bulk")).to_be_hidden()
    await page.get_by_label("Select HighCpu").check()
    await page.get_by_label("Select HighMemory").check()
    button = page.get_by_role("button", name="Acknowledge selected (2)")
    await page.get_by_label("Comment").fill("looking")
    await button.click()
    await expect(page).to_have_url(re.compile("group=severity"))
    taken = page.locator("#alert-list .acknowledged")
    await expect(taken).to_have_count(3)
    await page.get_by_role("button", name="Acknowledge all of critical").click()
    await expect(taken).to_have_count(4)
    await expect(page.locator("#bulk")).to_be_hidden()


async def test_test_of_a_receiver_stays_beside_its_deliveries(page: Page, url: str) -> None:
    await page.goto(f"{url}/routes")
    await expect(page.locator(".route-tree")).to_contain_text("all alerts")
    await page.get_by_label("Labels of an alert").fill('alertname="X", severity="critical"')
    await page.get_by_role("button", name="Explain").click()
    await expect(page.locator("#what-if .sentences").first).to_be_visible()
    await page.get_by_role("button", name="Send a test to phone").click()
    await page.wait_for_url("**/alerts?view=notifications", wait_until="load")
    result = page.locator(".receiver [role=status]")
    await expect(result).to_have_text("Accepted.")
    rows = page.locator("#alerts tbody tr")
    await expect(rows.first).to_be_visible()
    # A live update of the page keeps the result: change something that the update shows.
    await page.evaluate("document.querySelector('#alerts h1').textContent = 'before the update'")
    await page.context.request.post(f"{url}/alerts/5/acknowledge", headers={"Origin": url})
    await expect(page.locator("#alerts h1")).to_have_text("Alerts")
    await expect(result).to_have_text("Accepted.")


async def test_rules_are_tested_in_the_editor(page: Page, url: str) -> None:
    await page.goto(f"{url}/alert-rules")
    await page.get_by_role("link", name="Rule editor").click()
    await page.get_by_role("button", name="Run unit tests").click()
    await expect(page.get_by_role("heading", name="All unit tests pass")).to_be_visible()
    tests = page.get_by_label("Unit tests", exact=True)
    await tests.fill((await tests.input_value()).replace("instance: a}", "instance: b}"))
    await page.get_by_role("button", name="Run unit tests").click()
    await expect(page.get_by_role("heading", name="Unit tests fail")).to_be_visible()
    await expect(page.locator(".tested pre")).to_contain_text('instance="b"')
    rules = "groups: [{name: g, rules: [{alert: Always, expr: vector(1), for: 5m}]}]"
    await page.get_by_label("Rules", exact=True).fill(rules)
    await page.get_by_label("How far back").fill("1h")
    await page.get_by_role("button", name="Back-test").click()
    await expect(page.locator("main")).to_contain_text("Fires 1 time")


UPDATE = """async (removed) => {
    const { updateRegions } = await import("/static/lib/dom.js");
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (removed) fresh.querySelector(removed).remove();
    // As of a later time: the page is not equal to the one that is shown.
    for (const age of fresh.querySelectorAll(".column-since .faint")) age.textContent = "later";
    updateRegions(fresh);
}"""


async def test_ticks_and_the_focus_stay_while_the_list_is_brought_up_to_date(
    page: Page, url: str
) -> None:
    rows = page.locator("#alert-list tbody tr")
    boxes = rows.get_by_role("checkbox")
    await boxes.nth(1).check()
    await boxes.nth(2).focus()
    chosen = boxes.nth(2)
    name = await chosen.get_attribute("aria-label")
    await page.evaluate(UPDATE, None)
    await expect(rows.first).to_contain_text("later")
    await expect(boxes.nth(1)).to_be_checked()
    await expect(chosen).to_be_focused()
    # The alert above has ended: the row with the focus moves up.
    ended = await rows.first.get_attribute("id")
    await page.evaluate(UPDATE, f"#{ended}")
    await expect(page.locator(f"#{ended}")).to_have_count(0)
    await expect(page.get_by_label(str(name), exact=True)).to_be_focused()
