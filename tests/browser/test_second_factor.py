"""A second factor is set up, asked for, and replaced by a recovery code, in a real browser."""

import pyotp
import pytest
from playwright.async_api import Page, expect

from tests.browser.navigation import follow
from tests.browser.signing_in import enter_password

pytestmark = pytest.mark.browser


async def test_second_factor_from_set_up_to_the_next_login(page: Page, url: str) -> None:
    await page.goto(f"{url}/account/second-factor")
    await page.fill("#field-current_password", "demo-password")
    await page.keyboard.press("Enter")
    await expect(page.locator(".qr svg")).to_be_visible()
    secret = await page.get_attribute(".enrolment [data-copy]", "data-copy")
    assert secret is not None
    await page.fill("#field-code", pyotp.TOTP(secret).now())
    await page.keyboard.press("Enter")
    codes = page.locator(".recovery-codes code")
    await expect(codes).to_have_count(10)
    code = await codes.nth(3).inner_text()
    await follow(page, page.get_by_text("Log out"))
    await enter_password(page, url, "/targets")
    await expect(page.locator("#code")).to_be_focused()
    await page.keyboard.type("000000")
    await page.keyboard.press("Enter")
    await expect(page.locator(".problem")).to_have_text("This code is wrong or was used before.")
    await page.fill("#code", code.upper())
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".targets")
    await expect(page).to_have_url(f"{url.rstrip('/')}/targets")
    await page.goto(f"{url}/account")
    await expect(page.get_by_text("9 recovery codes left")).to_be_visible()
