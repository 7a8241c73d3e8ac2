"""What every page behind the login shares: the frame around it, and its live region."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web
from yarl import URL

from storage.api.alerts import AlertState
from web.fleet.fleet import Fleet
from web.http.errors import MissingError, UnauthorizedError
from web.http.host_paths import HOST_KEY
from web.http.pages import Page, PageRegistry
from web.http.rendering import Renderer
from web.http.responses import html_response
from web.http.routing import Access, Handler, Route, Surface, principal_of
from web.identity.authentication import Authenticator
from web.live.regions import LiveStreams


@dataclass(frozen=True, slots=True)
class Address:
    """Which page somebody looks at: its host, if it is one of a host, and its query."""

    path: str
    key: str
    query: Mapping[str, str]

    @classmethod
    def of(cls, request: web.Request) -> "Address":
        """Return the address of a page that is asked for."""
        return cls(request.path, request.match_info.get("key", ""), request.query)


Region = Callable[[Address], Awaitable[Mapping[str, Any]]]
"""Reads what a live region shows."""

Render = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class LiveRegion:
    """A page's moving part: what it shows, and the small template that renders it alone."""

    template: str
    read: Region


LIVE: Final = "/live/"
"""A page's region has the page's path and query behind this."""


class Shell:
    """Renders pages in their frame and keeps their regions live."""

    def __init__(
        self,
        renderer: Renderer,
        fleet: Fleet,
        streams: LiveStreams,
        authenticator: Authenticator,
    ) -> None:
        self._renderer, self._fleet = renderer, fleet
        self._streams, self._authenticator = streams, authenticator
        self._regions: dict[str, LiveRegion] = {}
        self._pages = PageRegistry()

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
        values["navigation"] = self._pages.navigation(principal_of(request))
        values["notice"] = page.notices.get(request.query.get("notice", ""), "")
        # 60 us a host: a large fleet's table would hold the loop up.
        text = await asyncio.to_thread(self._renderer.text, request, page.template, values)
        return html_response(text, status)

    def live_route(self, name: str, template: str, read: Region, *, of_host: bool = False) -> Route:
        """Return the route that keeps a page live; `/ws/metrics` knows the page by it, too.

        Args:
            name: of the page in the address.
            template: renders the region alone.
            read: what the region shows.
            of_host: whether a host's key follows the name.
        """
        self._regions[name] = LiveRegion(template, read)
        path = f"{LIVE}{name}/{HOST_KEY}" if of_host else f"{LIVE}{name}"

        async def live(request: web.Request) -> web.StreamResponse:
            return await self._live(request)

        return Route("GET", path, live, Access.VIEWER, Surface.JSON)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """Return a stream of a page's region."""
        was_logged_in = principal_of(request).user is not None
        draw = self.region(request, request.path_qs)

        async def render() -> str:
            if was_logged_in and await self._authenticator.principal(request) is None:
                raise UnauthorizedError("the session ended")
            return await draw()

        return await self._streams.serve(request, render)

    def region(self, request: web.Request, page: str) -> Render:
        """Return what renders a page's region, each time as it is then.

        Args:
            request: whose it is: theme and rights are theirs.
            page: such as `/live/hosts?sort=cpu`.

        Raises:
            MissingError: there is no such live page.
        """
        region, address = self._find(page)

        async def render() -> str:
            values = {**await region.read(address), **await self._frame(), "notice": ""}
            values["path"] = address.path
            return await asyncio.to_thread(self._renderer.text, request, region.template, values)

        return render

    def _find(self, page: str) -> tuple[LiveRegion, Address]:
        try:
            url = URL(page, encoded=True)
            name, _, key = url.raw_path.removeprefix(LIVE).partition("/")
            address = Address("/" + url.path.removeprefix(LIVE), unquote(key), url.query)
        except ValueError:
            raise MissingError("there is no such live page") from None
        if name not in self._regions or not page.startswith(LIVE):
            raise MissingError("there is no such live page")
        return self._regions[name], address

    async def _frame(self) -> dict[str, Any]:
        view = await self._fleet.view()
        firing = [alert for alert in view.alerts if alert.state is not AlertState.PENDING]
        return {
            "firing": len(firing),
            "firing_unseen": sum(1 for alert in firing if alert.acknowledged_by is None),
            "now_ms": view.time_ms,
        }
