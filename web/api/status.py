"""`/health`, for people's probes and load balancers."""

from aiohttp import web

from web.answers import json_answer
from web.document_types import HealthDocument
from web.operations import Operation
from web.routing import Access, Route, Surface
from web.services import Services


class HealthApi:
    """Whether the server works."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        told = Operation("health", HealthDocument, answers={503: HealthDocument})
        return (Route("GET", "/health", self.health, Access.PUBLIC, Surface.JSON, operation=told),)

    async def health(self, request: web.Request) -> web.Response:
        """Tell whether the server works; 503 while it starts."""
        ready = self._services.ready()
        return json_answer(
            {
                "ok": ready,
                "status": "healthy" if ready else "starting",
                "version": self._services.version,
                "uptime_s": (self._services.clock() - self._services.started_ms) // 1000,
            },
            200 if ready else 503,
        )
