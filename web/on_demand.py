"""Routes that are imported with the first request for one of them."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from aiohttp import web
from aiohttp.web_urldispatcher import ResourceRoute, UrlMappingMatchInfo

from web.http.routing import FURTHER_ROUTES, ROUTES, Route, add_to_table


class OnDemandRouter:
    """Routes that are loaded together, with the first request that may be for one of them."""

    def __init__(
        self, table: dict[tuple[str, str], Route], load: Callable[[], Iterable[Route]]
    ) -> None:
        """Prepare the routes.

        Args:
            table: the application's `ROUTES`; the loaded ones are added.
            load: returns the routes; imports their modules, and blocks.
        """
        self._table, self._load = table, load
        self._lock = asyncio.Lock()
        self._router: web.UrlDispatcher | None = None

    def routes(self) -> Iterator[ResourceRoute]:
        """Return the routes that are loaded."""
        routes = () if self._router is None else self._router.routes()
        return (route for route in routes if isinstance(route, ResourceRoute))

    async def loaded(self) -> web.UrlDispatcher:
        """Return the routes, loaded in a thread: scrapes and queries go on meanwhile.

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


class OnDemandRoutes(web.PlainResource):
    """Looks up in an on-demand router what no other route below a prefix matches.

    aiohttp asks the resources of longer prefixes first, and those of `/` last.
    """

    def __init__(self, prefix: str, router: OnDemandRouter) -> None:
        super().__init__(prefix)
        self._router = router

    def __iter__(self) -> Iterator[ResourceRoute]:
        """Return the routes that are loaded."""
        return self._router.routes()

    def __len__(self) -> int:
        """Return how many routes are loaded."""
        return sum(1 for _ in self)

    async def resolve(self, request: web.Request) -> tuple[UrlMappingMatchInfo | None, set[str]]:
        """Return the further route of a request, or the methods that its URL has instead."""
        match = await (await self._router.loaded()).resolve(request)
        error = match.http_exception
        if error is None:
            return match, set()
        return None, error.allowed_methods if isinstance(error, web.HTTPMethodNotAllowed) else set()


@dataclass(frozen=True, slots=True)
class RouteGroup:
    """Routes that are loaded together.

    Attributes:
        prefixes: the beginnings of their paths; whole segments.
        load: returns the routes; imports their modules, and blocks.
    """

    prefixes: tuple[str, ...]
    load: Callable[[], Iterable[Route]]


def add_routes_on_demand(app: web.Application, groups: Iterable[RouteGroup]) -> None:
    """Add groups of routes that are loaded on demand; call it after `add_routes`.

    Three of four modules of the web serve people: pages, accounts, reports. A server that
    programs ask, such as Prometheus's clients, never needs them: 25 MB and 0.3 s of its start.
    """
    routers = []
    for group in groups:
        router = OnDemandRouter(app[ROUTES], group.load)
        routers.append(router)
        for prefix in group.prefixes:
            app.router.register_resource(OnDemandRoutes(prefix, router))

    async def load_all() -> None:
        for router in routers:
            await router.loaded()

    app[FURTHER_ROUTES] = load_all
