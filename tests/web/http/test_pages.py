"""The registry of pages: one line adds a page, and the navigation follows."""

import re
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role, User
from tests.web.world import World, world_at
from web.http.pages import Page, PageRegistry
from web.http.routing import ANONYMOUS, Access, Principal, Route
from web.live.shell import Shell
from web.pages import PAGES

EVENTS = Page(
    path="/events",
    title="Events",
    template="store/page.html",
    access=Access.EDITOR,
    position=35,
    notices={"event-added": "The event is added."},
)


class EventPages:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def routes(self) -> tuple[Route, ...]:
        return (self._shell.route(EVENTS, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        raise NotImplementedError("the test looks at other pages' navigation")


async def navigation(world: World, role: Role) -> list[str]:
    response = await world.client.get("/store", headers=await world.cookie(role))
    text = await response.text()
    nav = re.search(r'<nav [^>]*aria-label="Main">(.*?)</nav>', text, re.DOTALL)
    assert nav is not None
    return re.findall(r'<a href="([^"]+)"', nav[1])


async def test_page_added_by_one_line_is_in_the_navigation_of_its_role(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    pages = (*PAGES, lambda parts: EventPages(parts.shell))
    common = ["/", "/dashboards", "/alerts", "/projects", "/sessions", "/explore"]
    common += ["/targets", "/probes", "/store"]
    async with world_at(tmp_path, aiohttp_client, pages=pages) as world:
        assert await navigation(world, Role.VIEWER) == [*common, "/settings"]
        with_events = [*common[:6], "/events", "/targets", "/probes", "/status-pages", "/store"]
        assert await navigation(world, Role.EDITOR) == [*with_events, "/settings"]
        assert await navigation(world, Role.ADMIN) == [*with_events, "/users", "/settings"]
        refused = await world.client.get("/events", headers=await world.cookie(Role.VIEWER))
        assert refused.status == 403


async def test_entry_of_the_parent_is_marked_as_current(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        headers = await world.cookie()
        for path, entry in (
            ("/", "/"),
            ("/dashboard", "/"),
            ("/add-host", "/"),
            ("/discovery", "/targets"),
            ("/audit", "/users"),
            ("/account/second-factor", "/account"),
        ):
            text = await (await world.client.get(path, headers=headers)).text()
            banner = text[: text.index('<main id="main">')]
            (current,) = re.findall(r'<a[^>]* href="([^"]+)"[^>]* aria-current="page"', banner)
            assert current == entry, path


async def test_notice_is_said_by_its_page_only(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        headers = await world.cookie()
        shown = await (await world.client.get("/?notice=host-removed", headers=headers)).text()
        assert "The host is removed." in shown
        other = await world.client.get("/targets?notice=host-removed", headers=headers)
        assert "The host is removed." not in await other.text()


def test_two_pages_share_neither_path_nor_position() -> None:
    registry = PageRegistry()
    registry.add(EVENTS)
    with pytest.raises(ValueError, match="two pages have the path /events"):
        registry.add(EVENTS)
    with pytest.raises(ValueError, match="/logs and /events have the same position"):
        registry.add(Page(path="/logs", title="Logs", template="logs/page.html", position=35))


def test_entry_is_shown_to_those_who_may_open_the_page() -> None:
    registry = PageRegistry()
    registry.add(EVENTS)
    editor = Principal(User(1, "eve", Role.EDITOR, "", 0), None)
    assert registry.navigation(editor) == (EVENTS,)
    assert registry.navigation(ANONYMOUS) == ()
