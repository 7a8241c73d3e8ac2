"""Routes on demand: loaded once, with the first request that no other route matches."""

import asyncio
from collections.abc import Iterator

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from tests.web.world import Client
from web.http.routing import FURTHER_ROUTES, ROUTES, Access, Route, Surface, add_routes, route_name
from web.on_demand import OnDemandRouter, RouteGroup, add_routes_on_demand


async def name(request: web.Request) -> web.Response:
    return web.Response(text=route_name(request))


def route(method: str, path: str) -> Route:
    return Route(method, path, name, Access.PUBLIC, Surface.JSON)


class Loads:
    """Further routes, and how often they were loaded."""

    def __init__(self, *routes: Route) -> None:
        self.routes, self.count, self.fails = routes, 0, False

    def __call__(self) -> Iterator[Route]:
        self.count += 1
        if self.fails:
            raise OSError("no such module")
        yield from self.routes


@pytest.fixture
def loads() -> Loads:
    return Loads(route("GET", "/pages/{id}"), route("GET", "/api/metrics"), route("GET", "/"))


@pytest.fixture
def auth() -> Loads:
    return Loads(route("POST", "/auth/token"), route("GET", "/api/users/{name}"))


@pytest.fixture
async def client(loads: Loads, auth: Loads, aiohttp_client: AiohttpClient) -> Client:
    app = web.Application()
    add_routes(app, [route("GET", "/health"), route("POST", "/api/metrics")])
    add_routes_on_demand(
        app, [RouteGroup(("/auth", "/api/users"), auth), RouteGroup(("/",), loads)]
    )
    return await aiohttp_client(app)


async def test_first_routes_load_nothing(client: Client, loads: Loads) -> None:
    assert (await client.get("/health")).status == 200
    assert (await client.post("/api/metrics")).status == 200
    assert loads.count == 0
    assert ("GET", "/pages/{id}") not in client.app[ROUTES]


async def test_requests_at_once_load_once(client: Client, loads: Loads) -> None:
    answers = await asyncio.gather(*(client.get(f"/pages/{number}") for number in range(5)))
    assert [await answer.text() for answer in answers] == ["/pages/{id}"] * 5
    assert loads.count == 1
    assert client.app[ROUTES]["GET", "/pages/{id}"] is loads.routes[0]
    assert client.app[ROUTES]["HEAD", "/"] is loads.routes[2]


async def test_a_url_may_have_methods_of_both(client: Client) -> None:
    assert (await client.get("/api/metrics")).status == 200
    refused = await client.delete("/api/metrics")
    assert refused.status == 405
    assert set(refused.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}
    assert (await client.get("/unknown")).status == 404
    assert (await client.get("/")).status == 200


async def test_a_route_may_not_stand_in_both(loads: Loads) -> None:
    app = web.Application()
    add_routes(app, loads.routes)
    with pytest.raises(ValueError, match="two routes for GET /pages"):
        await OnDemandRouter(app[ROUTES], loads).loaded()


async def test_a_load_that_fails_is_tried_again(client: Client, loads: Loads) -> None:
    loads.fails = True
    assert (await client.get("/pages/1")).status == 500
    assert (await client.get("/health")).status == 200
    loads.fails = False
    assert (await client.get("/pages/1")).status == 200
    assert loads.count == 2


async def test_a_request_loads_only_the_group_of_its_path(
    client: Client, loads: Loads, auth: Loads
) -> None:
    assert await (await client.post("/auth/token")).text() == "/auth/token"
    assert await (await client.get("/api/users/ada")).text() == "/api/users/{name}"
    assert (auth.count, loads.count) == (1, 0)


async def test_what_a_group_lacks_is_looked_up_in_the_last_one(client: Client) -> None:
    refused = await client.get("/auth/token")
    assert (refused.status, refused.headers["Allow"]) == (405, "POST")
    assert (await client.get("/auth/unknown")).status == 404


async def test_all_groups_can_be_loaded(client: Client, loads: Loads, auth: Loads) -> None:
    await client.app[FURTHER_ROUTES]()
    assert (auth.count, loads.count) == (1, 1)
    assert {("POST", "/auth/token"), ("GET", "/pages/{id}")} <= client.app[ROUTES].keys()
