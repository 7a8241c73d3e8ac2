"""The Explore page: PromQL typed, run, drawn and explained.

The page's own script asks the Prometheus API; here is only what it starts from.
"""

from dataclasses import asdict

from aiohttp import web

from web.explore.promql_reference import words
from web.http.routing import Access, Route, Surface
from web.live.shell import Shell


class ExplorePages:
    """Shows the page; queries, range and views stand in its address."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._words = [asdict(word) for word in words()]

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        return (Route("GET", "/explore", self.show, Access.VIEWER, Surface.PAGE),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the page."""
        return await self._shell.page(request, "explore/page.html", words=self._words)
