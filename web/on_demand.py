"""Routes that are imported with the first request for one of them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from aiohttp import web
from aiohttp.web_urldispatcher import ResourceRoute, UrlMappingMatchInfo

from web.http.routing import Route, add_to_table


class OnDemandRoutes(web.PlainResource):
    """Looks up what no other route matches in further routes, which it loads first.

    Three of four modules of the web serve people: pages, accounts, reports. A server that
    programs ask, such as Prometheus's clients, never needs them: 7 MB and 0.3 s of its start.
    aiohttp asks the resource of `/` last.
    """

    def __init__(
        self, table: dict[tuple[str, str], Route], load: Callable[[], Iterable[Route]]
    ) -> None:
        """Prepare the routes.

        Args:
            table: the application's `ROUTES`; the loaded ones are added.
            load: returns the further routes; imports their modules, and blocks.
        """
        super().__init__("/")
        self._table, self._load = table, load
        self._lock = asyncio.Lock()
        self._router: web.UrlDispatcher | None = None

    def __iter__(self) -> Iterator[ResourceRoute]:
        """Return the routes that are loaded."""
        routes = () if self._router is None else self._router.routes()
        return (route for route in routes if isinstance(route, ResourceRoute))

    def __len__(self) -> int:
        """Return how many routes are loaded."""
        return sum(1 for _ in self)

    async def resolve(self, request: web.Request) -> tuple[UrlMappingMatchInfo | None, set[str]]:
        """Return the further route of a request, or the methods that its URL has instead."""
        router = self._router or await self.loaded()
        match = await router.resolve(request)
        error = match.http_exception
        if error is None:
            return match, set()
        return None, error.allowed_methods if isinstance(error, web.HTTPMethodNotAllowed) else set()

    async def loaded(self) -> web.UrlDispatcher:
        """Return the further routes, loaded in a thread: scrapes and queries go on meanwhile.

        Raises:
            ValueError: two routes share a method and a path.
        """
        async with self._lock:
            if self._router is None:
                routes = await asyncio.to_thread(lambda: tuple(self._load()))
                router = web.UrlDispatcher()
                add_to_table(self._table, router, routes)
                self._router = router
            return self._router
