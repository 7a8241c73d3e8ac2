"""The Explore page: runs PromQL queries, draws their results and explains their syntax tree.

The page's script uses the Prometheus API. The server adds the words of PromQL.
"""

from dataclasses import asdict
from typing import Final

from aiohttp import web

from web.explore.promql_reference import words
from web.http.pages import Page
from web.http.routing import Route
from web.live.shell import Shell

EXPLORE: Final = Page(path="/explore", title="Explore", template="explore/page.html", position=30)


class ExplorePages:
    """Shows the page. Its address holds the queries, the time range and the views."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._words = [asdict(word) for word in words()]

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        return (self._shell.route(EXPLORE, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the page."""
        return await self._shell.page(request, EXPLORE, words=self._words)
