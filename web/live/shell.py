"""The frame around every page behind the login, and the regions that are kept live."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web
from yarl import URL

from model.clock import Clock
from model.conditions import Conditions
from storage.api.alerts import Alert, AlertState
from storage.api.people.preferences import NO_PREFERENCES, Preferences
from web.fleet.fleet import Fleet
from web.fleet.hosts import FleetView
from web.http.errors import MissingError
from web.http.failures import Failure
from web.http.pages import Page, PageRegistry
from web.http.rendering import Renderer
from web.http.responses import html_response
from web.http.routing import Handler, Principal, Route, Surface, nameless, principal_of
from web.http.viewing.readers import ReaderViews, viewed
from web.http.viewing.theme_cookie import ThemeCookie
from web.http.viewing.view import PREFERENCES, View
from web.live.region_html import ROWS, RegionHtml
from web.live.shared_regions import SharedRegion, SharedRegions
from web.live.shortcuts import shortcuts_of


@dataclass(frozen=True, slots=True)
class PageAddress:
    """The address of a page, and its reader.

    Attributes:
        path: the path.
        key: the part of the path after the region's name: the key of a host or a project.
        query: the parameters.
        reader: whose rights apply.
        preferences: the reader's.
    """

    path: str
    key: str
    query: Mapping[str, str]
    reader: Principal
    preferences: Preferences = NO_PREFERENCES

    @classmethod
    def of(cls, request: web.Request) -> "PageAddress":
        """Return the address of the requested page."""
        found = request.match_info
        key = found.get("project_key", found.get("key", ""))
        preferences = request.get(PREFERENCES, NO_PREFERENCES)
        return cls(request.path, key, request.query, principal_of(request), preferences)


ReadRegion = Callable[[PageAddress], Awaitable[Mapping[str, Any]]]
"""Returns the values of a region's template.

A list may pass its rows as `row_html`, HTML by the id of the row's element: only rows that
changed are sent again. Its template writes `{{ rows_place }}` in their place.
"""

Following = Callable[[PageAddress], asyncio.Event]
"""Returns an event that is set at the next change of what a region shows."""


@dataclass(frozen=True, slots=True)
class LiveRegion:
    """The part of a page that is kept up to date: a template and its values.

    Attributes:
        following: announces changes; None for a region that is rendered again and again.
        is_shared: whether all readers with the same rights and preferences see the same.
    """

    template: str
    read: ReadRegion
    following: Following | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class RegionOfPage:
    """The live region of an open page.

    Attributes:
        share: returns the region, which other pages may show too.
        following: returns an event that is set at the next change; None for a region that is
            rendered again and again.
    """

    share: Callable[[], Awaitable[SharedRegion]]
    following: Callable[[], asyncio.Event] | None


LIVE: Final = "/live/"
"""The name of a live page is its path and query after this prefix: `/live/hosts?sort=cpu`."""

_ERROR: Final = "live/error.html"


def _worst_level(alerts: Iterable[Alert]) -> str:
    """Return `critical`, `warning`, or "" for no alerts."""
    severities = {alert.labels.get("severity") for alert in alerts}
    if not severities:
        return ""
    return "critical" if "critical" in severities else "warning"


class Shell:
    """Renders pages in their frame, and the live regions of pages."""

    def __init__(
        self,
        renderer: Renderer,
        fleet: Fleet,
        conditions: Conditions,
        views: ReaderViews,
        theme_cookie: ThemeCookie,
        clock: Clock,
    ) -> None:
        self._renderer, self._fleet, self._conditions = renderer, fleet, conditions
        self._views, self._theme_cookie = views, theme_cookie
        self._regions: dict[str, LiveRegion] = {}
        self._pages = PageRegistry()
        self._shared = SharedRegions(clock)

    def route(self, page: Page, show: Handler, *, open_as_json: bool = False) -> Route:
        """Register a page; return its route.

        Raises:
            ValueError: another page has its path or its position in the navigation.
        """
        self._pages.add(page)
        return Route("GET", page.path, show, page.access, Surface.PAGE, open_as_json=open_as_json)

    async def page(
        self, request: web.Request, page: Page, status: int = 200, /, **values: Any
    ) -> web.Response:
        """Return a page in its frame."""
        values |= await self._frame()
        values["page"] = page
        reader = principal_of(request)
        values["navigation"] = self._pages.navigation(reader)
        values["shortcuts"] = shortcuts_of(self._pages.openable(reader))
        values["notice"] = page.notices.get(request.query.get("notice", ""), "")
        # In a thread: a host takes 60 us, and a large fleet would stall the event loop.
        view = self._renderer.view(request)
        values = {"path": request.path, **values}
        html = await asyncio.to_thread(self._render, page.template, reader, view, values)
        response = html_response(html.whole(), status)
        self._theme_cookie.follow(request, response)
        return response

    def pages(self, reader: Principal) -> tuple[Page, ...]:
        """Return the pages that a reader may open by their path alone, by title."""
        return self._pages.openable(reader)

    def error_page(self, request: web.Request, failure: Failure) -> str:
        """Return the page of an error, in the frame for everybody who is logged in.

        Its figures are those of the last page: reading them anew may fail as the request did.
        """
        reader = principal_of(request)
        if reader.user is None:
            return self._renderer.error_page(request, failure)
        values = {
            **self._figures(self._fleet.last_view),
            "page": Page(path="", title=str(failure.status), template=_ERROR),
            "navigation": self._pages.navigation(reader),
            "shortcuts": shortcuts_of(self._pages.openable(reader)),
            "notice": "",
        }
        return self._renderer.error_page(request, failure, _ERROR, values)

    def add_region(
        self,
        name: str,
        template: str,
        read: ReadRegion,
        following: Following | None = None,
        *,
        is_shared: bool = False,
    ) -> None:
        """Register a page's live region.

        Args:
            name: the first part of the page's name after `LIVE`.
            template: renders the region alone.
            read: returns the template's values.
            following: announces changes of the values; None if nobody announces them.
            is_shared: whether all readers with the same rights and preferences see the same.
                `read` is then given a reader without a name.
        """
        self._regions[name] = LiveRegion(template, read, following, is_shared)

    def region(self, request: web.Request, page: str) -> RegionOfPage:
        """Return the live region of a page.

        Args:
            request: the reader's; their language, zone and rights apply.
            page: the page's name, such as `/live/hosts?sort=cpu`.

        Raises:
            MissingError: there is no such live page.
        """
        region, address = self._find(page, principal_of(request))

        async def share() -> SharedRegion:
            # Only the page's frame shows the theme.
            view = replace(await self._views.read(request), theme="")
            # The view has the language and the zone, whoever chose them: the reader's browser too.
            given = request.get(PREFERENCES, NO_PREFERENCES)
            preferences = replace(given, theme="", language="", zone="")
            reader = nameless(address.reader) if region.is_shared else address.reader
            shown = replace(address, reader=reader, preferences=preferences)

            async def render() -> RegionHtml:
                with viewed(view):
                    values = {**await region.read(shown), **await self._frame(), "notice": ""}
                    values["path"] = shown.path
                    return await asyncio.to_thread(
                        self._render, region.template, reader, view, values
                    )

            return self._shared.of((page, reader, view, preferences), render)

        following = region.following
        return RegionOfPage(share, None if following is None else lambda: following(address))

    def _render(
        self, template: str, reader: Principal, view: View, values: Mapping[str, Any]
    ) -> RegionHtml:
        frame = self._renderer.rendered(template, reader, view, {"rows_place": ROWS, **values})
        return RegionHtml(frame, values.get("row_html", {}))

    def _find(self, page: str, reader: Principal) -> tuple[LiveRegion, PageAddress]:
        try:
            url = URL(page, encoded=True)
            name, _, key = url.raw_path.removeprefix(LIVE).partition("/")
            path = "/" + url.path.removeprefix(LIVE)
            address = PageAddress(path, unquote(key), url.query, reader)
        except ValueError:
            raise MissingError("there is no such live page") from None
        if name not in self._regions or not page.startswith(LIVE):
            raise MissingError("there is no such live page")
        return self._regions[name], address

    async def address(self, request: web.Request) -> PageAddress:
        """Return the address of the requested page, with its reader's preferences."""
        await self._views.read(request)
        return PageAddress.of(request)

    async def _frame(self) -> dict[str, Any]:
        return self._figures(await self._fleet.view())

    def _figures(self, view: FleetView) -> dict[str, Any]:
        firing = [alert for alert in view.alerts if alert.state is not AlertState.PENDING]
        unseen = [alert for alert in firing if alert.acknowledged_by is None]
        return {
            "firing": len(firing),
            "firing_unseen": len(unseen),
            "firing_level": _worst_level(unseen),
            "now_ms": view.time_ms,
            "conditions": self._conditions.active(),
        }
