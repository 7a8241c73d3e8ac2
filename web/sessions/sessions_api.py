"""prodlens's API: metrics, sessions, profiles, insights."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from analytics.sessions.service import AgentSessions
from model.clock import Clock
from storage.api.agent_sessions.reports import AgentSelection
from web.http.errors import MissingError
from web.http.operations import Described, Operation
from web.http.parameters import read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.sessions.access import require_reader
from web.sessions.documents import (
    AgentMetricsDocument,
    AgentSessionDetailsDocument,
    AgentSessionListDocument,
    AgentUsageDocument,
    DeveloperProfileDocument,
    metrics_document,
    profile_document,
    session_details_document,
    session_list_document,
    usage_document,
)
from web.sessions.forms import (
    InsightsQuery,
    ProfileQuery,
    SessionListQuery,
    SinceQuery,
    UsageQuery,
)
from web.sessions.insight_documents import AgentInsightsDocument, insights_document
from web.sessions.raw_metrics import RawMetricsDocument, raw_metrics_document
from web.settings import WebSettings

_TAG: Final = "sessions"
MOST_ENTRIES: Final = 2_000
_MOST_GROUPS: Final = 500


class AgentSessionsApi:
    """Answers every user; where anybody may register, editors and admins."""

    def __init__(self, sessions: AgentSessions, settings: WebSettings, clock: Clock) -> None:
        self._sessions, self._settings, self._clock = sessions, settings, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""

        def get(
            path: str,
            handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
            document: Described,
            query: type[BaseModel] | None = None,
            *errors: int,
        ) -> Route:
            operation = Operation(_TAG, document, query=query, errors=errors)
            return Route("GET", path, handler, Access.VIEWER, Surface.JSON, operation=operation)

        return (
            get("/api/metrics", self.metrics, AgentMetricsDocument, SinceQuery),
            get("/api/metrics/raw", self.raw_metrics, RawMetricsDocument, SinceQuery),
            get("/api/sessions", self.listed, AgentSessionListDocument, SessionListQuery),
            get("/api/sessions/{session_id}", self.one, AgentSessionDetailsDocument, None, 404),
            get("/api/profile", self.profile, DeveloperProfileDocument, ProfileQuery),
            get("/api/insights", self.insights, AgentInsightsDocument, InsightsQuery),
            get("/api/session-usage", self.usage, list[AgentUsageDocument], UsageQuery),
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Return the figures of the last days."""
        require_reader(request, self._settings)
        selection = self._last(read_query(request.query, SinceQuery).since)
        figures = await self._sessions.reports.figures(selection)
        return json_response(metrics_document(figures, self._clock()))

    async def raw_metrics(self, request: web.Request) -> web.Response:
        """Return the sums and the usage by day and model behind the figures."""
        require_reader(request, self._settings)
        days = read_query(request.query, SinceQuery).since
        selection = self._last(days)
        document = await raw_metrics_document(self._sessions, selection, self._clock())
        return json_response(document)

    async def listed(self, request: web.Request) -> web.Response:
        """List sessions, with filters and an order, page by page."""
        require_reader(request, self._settings)
        query = read_query(request.query, SessionListQuery)
        end_ms = self._clock() + 86_400_000
        start_ms = 0 if query.since is None else self._last(query.since).start_ms
        selection = AgentSelection(
            start_ms,
            end_ms,
            query.developer_id,
            query.team,
            query.model,
            query.agent,
            query.project,
        )
        found = await self._sessions.store.sessions(
            selection,
            query.sort_by,
            descending=query.sort_order == "desc",
            limit=query.page_size,
            offset=(query.page - 1) * query.page_size,
            search=query.search,
        )
        return json_response(session_list_document(found, query.page, query.page_size))

    async def one(self, request: web.Request) -> web.Response:
        """Return a session with its timeline, and the commits and pull requests of it."""
        require_reader(request, self._settings)
        session_id, store = request.match_info["session_id"], self._sessions.store
        session = await store.session(session_id)
        if session is None:
            raise MissingError("there is no such session", "session_id")
        timeline = await store.timeline(session_id, MOST_ENTRIES + 1)
        outcomes = await store.outcomes_of_session(session_id)
        return json_response(session_details_document(session, timeline, outcomes, MOST_ENTRIES))

    async def profile(self, request: web.Request) -> web.Response:
        """Return what a developer did in the last days; without one, what all did."""
        require_reader(request, self._settings)
        query = read_query(request.query, ProfileQuery)
        profile = await self._sessions.reports.profile(query.developer_id, query.since)
        return json_response(profile_document(profile))

    async def insights(self, request: web.Request) -> web.Response:
        """Return how usage goes with commits and pull requests of later days."""
        require_reader(request, self._settings)
        query = read_query(request.query, InsightsQuery)
        lags = range(query.lag_days + 1)
        found = await self._sessions.reports.insights(query.since, lags)
        return json_response(insights_document(found, self._clock()))

    async def usage(self, request: web.Request) -> web.Response:
        """Return usage by model, developer, team, project or agent, the dearest first."""
        require_reader(request, self._settings)
        query = read_query(request.query, UsageQuery)
        found = await self._sessions.store.usage(self._last(query.since), query.by, _MOST_GROUPS)
        return json_response([usage_document(group) for group in found])

    def _last(self, days: int) -> AgentSelection:
        return AgentSelection(*self._sessions.reports.last_days(days))
