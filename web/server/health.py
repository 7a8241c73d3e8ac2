"""`/health` and `/api/health`, for probes and load balancers."""

from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel

from web.http.operations import Operation
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.services import Services

_TAG: Final = "health"


class PushHealth(BaseModel):
    """Whether the server accepts messages."""

    status: Literal["healthy", "starting"]
    database: Literal["connected", "disconnected"]
    total_messages: int


class ServerHealth(PushHealth):
    """Whether the server is ready."""

    ok: bool
    version: str
    uptime_s: int


class HealthApi:
    """Answers health checks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        health = Operation(_TAG, ServerHealth, responses={503: ServerHealth})
        push = Operation(_TAG, PushHealth, responses={503: PushHealth})
        access, surface = Access.PUBLIC, Surface.JSON
        return (
            Route("GET", "/health", self.health, access, surface, operation=health),
            Route("GET", "/api/health", self.push_health, access, surface, operation=push),
        )

    async def health(self, request: web.Request) -> web.Response:
        """Return whether the server is ready; status 503 while it starts."""
        ready = self._services.ready()
        health = ServerHealth(
            ok=ready,
            version=self._services.version,
            uptime_s=(self._services.clock() - self._services.started_ms) // 1000,
            **self._push_health().model_dump(),
        )
        return json_response(health.model_dump(), 200 if ready else 503)

    async def push_health(self, request: web.Request) -> web.Response:
        """Return whether messages are accepted, and their number; status 503 while it starts."""
        status = 200 if self._services.ready() else 503
        return json_response(self._push_health().model_dump(), status)

    def _push_health(self) -> PushHealth:
        ready = self._services.ready()
        return PushHealth(
            status="healthy" if ready else "starting",
            database="connected" if ready else "disconnected",
            total_messages=self._services.pushes.inbox.log.totals.messages,
        )
