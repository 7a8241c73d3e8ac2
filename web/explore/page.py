"""The Explore page: runs PromQL queries, draws their results and explains their syntax tree.

The page's script uses the Prometheus API, and `words_api.py` for the words of PromQL.
"""

import re
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from web.http.pages import Page
from web.http.routing import Access, Route, Surface
from web.live.shell import Shell

EXPLORE: Final = Page(path="/explore", title="Explore", template="explore/page.html", position=30)

_EXPRESSION: Final = re.compile(r"g\d+\.expr")


class ExplorePages:
    """Shows the page. Its address holds the queries, the time range and the views."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(EXPLORE, self.show),
            Route("GET", "/graph", self.redirect, Access.VIEWER, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the page."""
        return await self._shell.page(request, EXPLORE)

    async def redirect(self, request: web.Request) -> web.Response:
        """Redirect from Prometheus's graph page, to which other programs link."""
        queries = [value for name, value in request.query.items() if _EXPRESSION.fullmatch(name)]
        parameters = [("query", query) for query in queries]
        raise web.HTTPSeeOther(f"/explore?{urlencode(parameters)}" if parameters else "/explore")
