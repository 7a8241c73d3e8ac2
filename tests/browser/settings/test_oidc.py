"""A login at a provider of OpenID Connect, in a real browser."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.navigation import follow
from tests.system.processes import redshank_server
from tests.web.identity.oidc.fake_provider import CLIENT, SECRET, running_provider

pytestmark = [pytest.mark.browser, pytest.mark.slow]


async def test_button_logs_in_at_the_provider_and_leads_to_the_wanted_page(
    page: Page, tmp_path: Path
) -> None:
    async with running_provider() as provider:
        provider.claims["groups"] = ["ops"]
        oidc = {
            "issuer": provider.issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "title": "Example",
            "roles": {"ops": "editor"},
        }
        async with redshank_server(tmp_path / "data", {"web": {"oidc": oidc}}) as server:
            await page.goto(f"{server.url}/store")
            await follow(page, page.get_by_role("link", name="Log in with Example"))
            await expect(page).to_have_url(f"{server.url}/store")
            await expect(page.locator(".account")).to_contain_text("ann")
            await page.goto(f"{server.url}/account")
            await expect(page.get_by_text("This account has no password")).to_be_visible()
            await follow(page, page.get_by_text("Log out"))
            await page.goto(f"{server.url}/store")
            await expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
            await page.goto("about:blank")
