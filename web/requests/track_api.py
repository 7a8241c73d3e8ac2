"""`POST /api/v1/track`: applications report the requests that they have served."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from analytics.requests.recent_batches import RecentBatches
from analytics.requests.tracking import LONGEST_TEXT
from analytics.service import Analytics
from model.clock import Clock
from model.limits import LimitName, Refusals
from storage.api.project_keys import KeyScope
from storage.api.projects import Project
from storage.api.requests import NewRequest
from web.http.errors import BadRequestError, ForbiddenError, UnauthorizedError
from web.http.operations import Operation
from web.http.parameters import read_json_object
from web.http.responses import json_response
from web.http.routing import Access, Route, json_routes
from web.projects.event_rates import require_rate
from web.requests.documents import TrackedBatchDocument, TrackedDocument, TrackErrorDocument
from web.requests.forms import TrackBatchForm, TrackForm

_TAG: Final = "requests"
_BODY_LIMIT_BYTES: Final = 16 * 2**20


class TrackApi:
    """Receives requests with a project's API key in `X-API-Key`."""

    def __init__(self, analytics: Analytics, clock: Clock, refusals: Refusals) -> None:
        self._analytics, self._clock, self._refusals = analytics, clock, refusals
        self._recent = RecentBatches[TrackedBatchDocument](clock)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        single = Operation(_TAG, TrackedDocument, TrackForm, status=202, errors=(401, 403, 429))
        several = Operation(
            _TAG, TrackedBatchDocument, TrackBatchForm, status=202, errors=(401, 403, 429)
        )
        return json_routes(
            ("POST", "/api/v1/track", self.track, Access.PUBLIC, single),
            ("POST", "/api/v1/track/batch", self.track_batch, Access.PUBLIC, several),
            body_limit_bytes=_BODY_LIMIT_BYTES,
        )

    async def track(self, request: web.Request) -> web.Response:
        """Store one request; the answer comes when it is on disk."""
        project = await self._project(request)
        found = self._analytics.parser.request(await read_json_object(request), self._clock())
        require_rate(self._analytics, project, 1)
        await self._store(project, [found])
        return json_response(TrackedDocument(status="accepted", tracked=1), 202)

    async def track_batch(self, request: web.Request) -> web.Response:
        """Store several requests; valid ones are kept, the others named by index and field.

        A batch with a `batch_id` that was stored within the last hour is answered as the first
        time and not stored again.
        """
        project = await self._project(request)
        body = await read_json_object(request)
        items = body.get("requests")
        most = self._analytics.settings.batch_events
        if not isinstance(items, list) or not 1 <= len(items) <= most:
            if items and isinstance(items, list):
                self._refusals.count(LimitName.BATCH_EVENTS)
            raise BadRequestError(f"requests must be a list of 1 to {most} requests", "requests")
        batch_id = body.get("batch_id", "")
        if not isinstance(batch_id, str) or len(batch_id) > LONGEST_TEXT:
            raise BadRequestError(
                f"batch_id must be a text of at most {LONGEST_TEXT} characters", "batch_id"
            )
        document = await self._recent.once(
            project.id, batch_id, lambda: self._stored(project, items)
        )
        return json_response(document, 202)

    async def _stored(self, project: Project, items: Sequence[Any]) -> TrackedBatchDocument:
        # Here, so that a repeated batch that is stored already is not refused.
        require_rate(self._analytics, project, len(items))
        batch = self._analytics.parser.batch(items, self._clock())
        if batch.requests:
            await self._store(project, batch.requests)
        errors = [
            TrackErrorDocument(index=index, field=field, error=error)
            for index, field, error in batch.errors
        ]
        return TrackedBatchDocument(status="accepted", tracked=len(batch.requests), errors=errors)

    async def _store(self, project: Project, requests: Sequence[NewRequest]) -> None:
        await self._analytics.requests.append_requests(project.id, requests)
        self._analytics.counters.count_requests(project.key, requests)

    async def _project(self, request: web.Request) -> Project:
        secret = request.headers.get("X-API-Key", "")
        found = await self._analytics.keyring.find(secret) if secret else None
        if found is None:
            raise UnauthorizedError("send a valid API key of an active project in X-API-Key")
        project, scopes = found
        if KeyScope.TRACK not in scopes:
            raise ForbiddenError(
                "this needs an API key with the scope track: this key has only read"
            )
        return project
