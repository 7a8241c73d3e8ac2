"""`/health` and `/api/health`, for probes and load balancers."""

from typing import Final, Literal

from aiohttp import web

from model.base_models import DeferredModel
from model.conditions import ActiveCondition, ConditionSeverity
from web.http.operations import Operation
from web.http.parameters import Parameters
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.services import Services

_TAG: Final = "health"


class PushHealth(DeferredModel):
    """Whether the server accepts messages; `degraded` while a condition holds."""

    status: Literal["healthy", "degraded", "starting"]
    database: Literal["connected", "disconnected"]
    total_messages: int


class ConditionHealth(DeferredModel):
    """One condition that degrades the server, since when, and what the operator can do."""

    condition: str
    severity: ConditionSeverity
    summary: str
    reason: str
    fix: str
    since_ms: int


class ServerHealth(PushHealth):
    """Whether the server is ready, and the conditions that degrade it, critical ones first."""

    ok: bool
    version: str
    uptime_s: int
    degraded: bool
    conditions: list[ConditionHealth]


class HealthQuery(Parameters):
    """`strict`, with any value or none: answer 503 while the server is degraded."""

    strict: str | None = None


class HealthApi:
    """Answers health checks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        health = Operation(_TAG, ServerHealth, query=HealthQuery, responses={503: ServerHealth})
        push = Operation(_TAG, PushHealth, responses={503: PushHealth})
        access, surface = Access.PUBLIC, Surface.JSON
        return (
            Route("GET", "/health", self.health, access, surface, operation=health),
            Route("GET", "/api/health", self.push_health, access, surface, operation=push),
        )

    async def health(self, request: web.Request) -> web.Response:
        """Return whether the server is ready or degraded; 503 while it starts.

        A degraded server goes on scraping and alerting, so the status is 200: a supervisor
        must not restart it. With `strict`, it is 503, for probes that page somebody.
        """
        ready = self._services.ready()
        conditions = [_condition(one) for one in self._services.conditions.active()]
        refused = bool(conditions) and "strict" in request.query
        health = ServerHealth(
            ok=ready,
            version=self._services.version,
            uptime_s=(self._services.clock() - self._services.started_ms) // 1000,
            degraded=bool(conditions),
            conditions=conditions,
            **self._push_health().model_dump(),
        )
        return json_response(health.model_dump(), 200 if ready and not refused else 503)

    async def push_health(self, request: web.Request) -> web.Response:
        """Return whether messages are accepted, and their number; status 503 while it starts."""
        status = 200 if self._services.ready() else 503
        return json_response(self._push_health().model_dump(), status)

    def _push_health(self) -> PushHealth:
        ready = self._services.ready()
        status: Literal["healthy", "degraded"]
        status = "degraded" if self._services.conditions.active() else "healthy"
        return PushHealth(
            status=status if ready else "starting",
            database="connected" if ready else "disconnected",
            total_messages=self._services.pushes.inbox.log.totals.messages,
        )


def _condition(active: ActiveCondition) -> ConditionHealth:
    kind = active.kind
    return ConditionHealth(
        condition=kind.name,
        severity=kind.severity,
        summary=kind.summary,
        reason=active.reason,
        fix=kind.fix,
        since_ms=active.since_ms,
    )
