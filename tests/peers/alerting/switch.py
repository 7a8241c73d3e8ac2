"""A target whose value a test sets, and the HTTP endpoints that it is told about."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


def moment(text: str) -> dt.datetime:
    """Return a time of RFC 3339."""
    return dt.datetime.fromisoformat(text)


class Switch:
    """Exports `switch`, and keeps what a webhook and an Alertmanager would be sent.

    Attributes:
        value: the value of `switch`.
        received: the bodies of the webhook.
        posts: (headers, alerts, time) of each request of API v2.
    """

    def __init__(self) -> None:
        self.value = 1
        self.received: list[dict[str, Any]] = []
        self.posts: list[tuple[dict[str, str], list[dict[str, Any]], dt.datetime]] = []
        application = web.Application()
        application.router.add_get("/metrics", self._metrics)
        application.router.add_post("/webhook", self._take)
        application.router.add_post("/api/v2/alerts", self._take_alerts)
        self.server = TestServer(application)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.server.port}"

    async def _metrics(self, request: web.Request) -> web.Response:
        lines = [f'switch{{name="s {number}"}} {self.value * number}' for number in (1, 2)]
        return web.Response(text="\n".join([*lines, ""]))

    async def _take(self, request: web.Request) -> web.Response:
        self.received.append(await request.json())
        return web.Response()

    async def _take_alerts(self, request: web.Request) -> web.Response:
        now = dt.datetime.now(dt.UTC)
        self.posts.append((dict(request.headers), await request.json(), now))
        return web.Response()

    def statuses(self, region: str) -> list[tuple[str, dict[str, str]]]:
        """Return status and annotations of each alert that one sender's notifications held."""
        return [
            (alert["status"], alert["annotations"])
            for body in self.received
            for alert in body["alerts"]
            if alert["labels"].get("region") == region
        ]


@asynccontextmanager
async def running_switch() -> AsyncIterator[Switch]:
    """Serve a switch on a free port."""
    switch = Switch()
    await switch.server.start_server()
    try:
        yield switch
    finally:
        await switch.server.close()
