"""`/e.js`: the script that sends the events of a web page."""

from typing import Final

from aiohttp import web

from web.http.assets import Assets
from web.http.operations import Operation
from web.http.routing import Access, Route, Surface

PATH: Final = "/e.js"
FILE: Final = "events/e.js"

_CACHE: Final = "public, max-age=3600, stale-while-revalidate=86400"
"""Pages of other sites name no version, so that a new release must reach them by itself."""


class ScriptApi:
    """Serves the script to pages of all origins."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation("events", str, media_type="text/javascript")
        return (
            Route(
                "GET",
                PATH,
                self.serve,
                Access.PUBLIC,
                Surface.JSON,
                operation=operation,
                for_any_page=True,
            ),
        )

    async def serve(self, request: web.Request) -> web.Response:
        """Return the script that web pages load."""
        return await self._assets.response(request, FILE, _CACHE)
