"""A server with the answers of an API, and the lookups made against it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

from scraper.discovery.engine.polling import Lookup
from scraper.discovery.groups import TargetGroup
from scraper.fetching.http_session import HttpSession

JsonAnswer = Any | Callable[[web.Request], Any]
"""A JSON body, or a function of the request that returns a body or a response."""


class ApiServer:
    """Records requests and answers them by path.

    Attributes:
        answers: the answer of each path; other paths have status 404.
        requests: the requests so far.
        bodies: their bodies.
    """

    def __init__(self, answers: Mapping[str, JsonAnswer]) -> None:
        self.answers = answers
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        if request.path not in self.answers:
            return web.Response(status=404)
        found = self.answers[request.path]
        if callable(found):
            found = found(request)
        if isinstance(found, web.StreamResponse):
            return found
        if isinstance(found, (bytes, str)):
            return web.Response(body=found)
        return web.json_response(found)

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        return app

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        server = TestServer(self.application())
        await server.start_server(shutdown_timeout=0.1)
        self.url = str(server.make_url("")).rstrip("/")
        try:
            yield self
        finally:
            await server.close()


async def looked_up(lookup: Lookup) -> Sequence[TargetGroup]:
    """Return the groups of one lookup."""
    session = HttpSession()
    await session.open()
    try:
        return await lookup.groups(session)
    finally:
        await session.close()


def labels_by_address(groups: Sequence[TargetGroup], prefix: str) -> dict[str, dict[str, str]]:
    """Return the labels of each target, without the prefix of their names."""
    found = {}
    for group in groups:
        (address,) = group.addresses
        assert address not in found
        found[address] = {name.removeprefix(prefix): value for name, value in group.labels}
    return found
