"""Takes traces and GitHub's outcomes in."""

from typing import Final

import orjson
import structlog
from aiohttp import web

from analytics.errors import SecretError
from analytics.sessions.ingestion import TraceError
from analytics.sessions.outcomes.github_json import is_signed
from analytics.sessions.outcomes.intake import OutcomeWay
from analytics.sessions.service import AgentSessions
from analytics.sessions.traces.reader import TraceSource
from model.clock import Clock
from storage.api.agent_sessions.records import AgentSender
from web.http.errors import BadRequestError, ForbiddenError, MissingError
from web.http.operations import Operation
from web.http.parameters import read_body, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.sessions.documents import (
    IngestedTraceDocument,
    StoredOutcomesDocument,
    ingested_document,
)
from web.sessions.forms import IngestQuery, RepositoryQuery

log = structlog.get_logger(__name__)

_TAG: Final = "sessions"
_BODY_LIMIT_BYTES: Final = 64 * 2**20
_WEBHOOK_LIMIT_BYTES: Final = 25 * 2**20
"""GitHub's own limit for a payload."""
_TRACES: Final = ("application/x-ndjson", "application/json")
_SIGNATURE: Final = "X-Hub-Signature-256"


class SessionIngestApi:
    """Receives traces from senders with a token of scope push, and GitHub's webhooks."""

    def __init__(self, sessions: AgentSessions, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        traces = Operation(
            _TAG, IngestedTraceDocument, bytes, query=IngestQuery, body_media_types=_TRACES
        )
        outcomes = Operation(_TAG, StoredOutcomesDocument, bytes, query=RepositoryQuery)
        webhook = Operation(_TAG, StoredOutcomesDocument, bytes, errors=(403, 404))
        push, public, surface = Access.PUSH, Access.PUBLIC, Surface.JSON
        large, smaller = _BODY_LIMIT_BYTES, _WEBHOOK_LIMIT_BYTES
        return tuple(
            Route(
                "POST", path, handler, access, surface, operation=operation, body_limit_bytes=limit
            )
            for path, handler, access, operation, limit in (
                ("/api/sessions/ingest", self.traces, push, traces, large),
                ("/api/session-outcomes", self.outcomes, push, outcomes, large),
                ("/api/session-outcomes/github", self.webhook, public, webhook, smaller),
            )
        )

    async def traces(self, request: web.Request) -> web.Response:
        """Store a trace file: JSON lines or a document; known requests change nothing."""
        query = read_query(request.query, IngestQuery)
        sender = AgentSender(
            developer=query.developer or "", team=query.team or "", project=query.project or ""
        )
        source = TraceSource(query.name or "upload", self._clock(), sender)
        body = await read_body(request)
        try:
            found = await self._sessions.ingestion.ingest(body, source, query.format)
        except TraceError as exc:
            raise BadRequestError(exc.reason, exc.field) from exc
        return json_response(ingested_document(found))

    async def outcomes(self, request: web.Request) -> web.Response:
        """Store pull requests, reviews and commits from answers of GitHub's API."""
        query = read_query(request.query, RepositoryQuery)
        body = await read_body(request)
        return await self._store(body, OutcomeWay.FILE, query.repository or "")

    async def webhook(self, request: web.Request) -> web.Response:
        """Store what a webhook of GitHub reports, if its signature is right."""
        try:
            secret = await self._sessions.secrets.webhook_secret()
        except SecretError as exc:
            log.warning("github_webhook_secret_unreadable", error=str(exc))
            secret = ""
        if not secret:
            hint = "set sessions.github_webhook_secret, or PUT /api/session-github"
            raise MissingError(f"to receive webhooks, {hint}")
        body = await read_body(request)
        if not is_signed(body, request.headers.get(_SIGNATURE, ""), secret):
            raise ForbiddenError(f"{_SIGNATURE} is not the signature of the body")
        return await self._store(body, OutcomeWay.WEBHOOK)

    async def _store(self, body: bytes, way: OutcomeWay, repository: str = "") -> web.Response:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise BadRequestError(f"the body is not JSON: {exc}") from exc
        taken = await self._sessions.outcomes.take(document, way, repository)
        return json_response(StoredOutcomesDocument(outcomes=taken.found, stored=taken.stored))
