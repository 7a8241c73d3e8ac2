"""Rules that are made in the editor: saved, firing, edited and deleted, by keyboard and mouse."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = """groups:
- name: mine
  interval: 1s
  rules:
  - alert: TooHigh
    expr: vector(3) > 2
    labels: {severity: warning}
"""


@pytest.fixture
async def server(page: Page, tmp_path: Path) -> AsyncIterator[Server]:
    """A server without hosts; the browser is logged in and shows the rules."""
    settings = {"alerting": {"start_delay": "0s"}}
    async with redshank_server(tmp_path / "data", settings) as server:
        await sign_in(page, server.url, "/alert-rules", password=ADMIN_PASSWORD)
        yield server
        await page.goto("about:blank")


async def save(page: Page, rules: str) -> None:
    """Replace the text in the editor, save it by keyboard, and return when the list shows it."""
    await page.get_by_label("Rules", exact=True).fill(rules)
    await page.get_by_role("button", name="Save").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/alert-rules?notice=rules-stored*", wait_until="load")


async def test_rule_is_made_fires_is_edited_and_deleted(page: Page, server: Server) -> None:
    await page.goto(f"{server.url}/explore?{urlencode({'query': 'vector(3)'})}")
    await page.get_by_role("button", name="Create an alert").click()
    await page.wait_for_url("**/alert-rules/backtest*", wait_until="load")
    editor = page.get_by_label("Rules", exact=True)
    await expect(editor).to_have_value(re.compile(r"vector\(3\)"))
    await save(page, RULES)
    await expect(page.get_by_role("status").filter(has_text="The rules are stored")).to_be_visible()
    section = page.locator(".rule-group").filter(has_text="stored here")
    await expect(section).to_contain_text("version 1 by admin")
    await expect(page.locator(".rule-group").filter(has_text="built in").first).to_be_visible()

    await page.goto(f"{server.url}/alerts")
    alert = page.locator("#alert-list tbody tr").filter(has_text="TooHigh")
    await expect(alert).to_have_count(1)
    await expect(alert).to_contain_text("Warning")

    await page.goto(f"{server.url}/alert-rules")
    await page.get_by_role("link", name="Edit mine").press("Enter")
    await page.wait_for_url("**/alert-rules/backtest?stored=*", wait_until="load")
    await expect(editor).to_have_value(re.compile("expr: vector"))
    await save(page, (await editor.input_value()).replace("> 2", "> 5"))
    await expect(section).to_contain_text("version 2 by admin")
    await page.goto(f"{server.url}/alerts?view=resolved")
    await expect(page.locator("#alerts tbody tr").filter(has_text="TooHigh")).to_have_count(1)

    await page.goto(f"{server.url}/alert-rules")
    final = page.get_by_role("button", name="Delete mine for good")
    await expect(final).to_be_hidden()
    await section.locator("summary").first.press("Enter")
    await expect(final).to_be_visible()
    await final.press("Enter")
    await page.wait_for_url("**/alert-rules?notice=rules-removed", wait_until="load")
    await expect(page.get_by_role("status").filter(has_text="deleted")).to_be_visible()
    await expect(section).to_have_count(0)


async def test_mistake_keeps_the_text_and_names_the_line(page: Page, server: Server) -> None:
    await page.goto(f"{server.url}/alert-rules/backtest")
    await page.get_by_label("Rules", exact=True).fill(RULES.replace("> 2", ">"))
    await page.get_by_role("button", name="Save").click()
    problem = page.locator("#hint-rules .problem")
    await expect(problem).to_contain_text("rules:6: group 'mine', rule 1 (TooHigh): expr")
    await expect(page.get_by_label("Rules", exact=True)).to_have_value(re.compile(r"vector\(3\) >"))


async def test_stored_group_is_downloaded_as_a_rule_file(page: Page, server: Server) -> None:
    await page.goto(f"{server.url}/alert-rules/backtest")
    await save(page, RULES)
    target = await page.get_by_role("link", name="Download mine").get_attribute("href")
    answer = await page.context.request.get(f"{server.url}{target}")
    assert answer.headers["content-disposition"] == 'attachment; filename="mine.yml"'
    assert (await answer.text()).startswith("groups:\n- name: mine\n  interval: 1s\n")
    await page.set_viewport_size({"width": 360, "height": 740})
    await expect_no_overflow(page, "Rules with a stored group")
