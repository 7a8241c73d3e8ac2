"""Every page is accessible in both themes and fits every window, for every role."""

from collections.abc import Iterable

import pytest

from storage.api.accounts import Role
from tests.browser.pages.filled_server import FAILURES, PASSWORD, Filled
from tests.browser.pages.walk import READY, Walk
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]


async def look_at_all(walk: Walk, addresses: Iterable[tuple[str, str]], all_rules: bool) -> None:
    for path, address in addresses:
        await walk.open(address, ready=READY.get(path, "main"))
        await walk.look(address, all_rules=all_rules)


async def test_every_page_of_an_administrator_is_accessible(walk: Walk, filled: Filled) -> None:
    await sign_in(walk.page, walk.url, password=PASSWORD)
    await look_at_all(walk, filled.addresses(Role.ADMIN), all_rules=True)
    assert not walk.found, walk.report()


@pytest.mark.parametrize(("name", "role"), [("ed", Role.EDITOR), ("vera", Role.VIEWER)])
async def test_every_page_of_others_is_accessible(
    walk: Walk, filled: Filled, name: str, role: Role
) -> None:
    await sign_in(walk.page, walk.url, password=PASSWORD, name=name)
    await look_at_all(walk, filled.addresses(role), all_rules=False)
    assert not walk.found, walk.report()


async def test_pages_without_a_login_and_errors_are_accessible(walk: Walk, filled: Filled) -> None:
    for address in ("/login", f"/share/{filled.keys['share']}", "/docs"):
        await walk.open(address)
        await walk.look(address)
    for is_logged_in in (False, True):
        if is_logged_in:
            await sign_in(walk.page, walk.url, password=PASSWORD)
        for address, status in FAILURES.items():
            if is_logged_in or address.startswith(("/share/", "/acknowledge/", "/no/")):
                await walk.open(address, status)
                await walk.look(address)
    assert not walk.found, walk.report()
