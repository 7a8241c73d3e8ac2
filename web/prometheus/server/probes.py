"""`/metrics`, and the probes `/-/healthy` and `/-/ready`."""

import asyncio

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from web.http.operations import Operation
from web.http.responses import body_response
from web.http.routing import Access, Route, Surface
from web.services import Services


class Probes:
    """Serves the server's own metrics and its health."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        tag, json = "health", Surface.JSON
        metrics = Operation(tag, str, media_type="text/plain")
        alive = Operation(tag, str, media_type="text/plain")
        ready = Operation(tag, str, media_type="text/plain", responses={503: str})
        return (
            Route("GET", "/metrics", self.metrics, Access.SCRAPE, json, operation=metrics),
            Route("GET", "/-/healthy", self.healthy, Access.PUBLIC, json, operation=alive),
            Route("GET", "/-/ready", self.ready, Access.PUBLIC, json, operation=ready),
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Return the server's own metrics, in the format that the scraper prefers."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # In a thread, because collecting reads files of /proc.
        body = await asyncio.to_thread(encode, self._services.registry)
        answer = body_response(body, "text/plain")
        answer.headers["Content-Type"] = content_type
        return answer

    async def healthy(self, request: web.Request) -> web.Response:
        """Return 200 while the process responds."""
        return web.Response(text="Redshank is healthy.\n")

    async def ready(self, request: web.Request) -> web.Response:
        """Return 200 after start-up, 503 before."""
        if self._services.ready():
            return web.Response(text="Redshank is ready.\n")
        return web.Response(status=503, text="Redshank is starting.\n")
