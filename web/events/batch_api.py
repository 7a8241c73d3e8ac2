"""`POST /v1/events/batch`: SDKs send events; the project's public key is all they need."""

from typing import Final

from aiohttp import web

from analytics.service import Analytics
from web.events.documents import BatchDocument, batch_document
from web.events.forms import BatchForm
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.parameters import read_json_object
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface
from web.projects.access import ProjectAccess

_TAG: Final = "events"
_BODY_LIMIT_BYTES: Final = 32 * 2**20


class BatchApi:
    """Receives events from SDKs, in browsers too."""

    def __init__(self, analytics: Analytics, access: ProjectAccess) -> None:
        self._analytics, self._access = analytics, access

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation(_TAG, BatchDocument, BatchForm, errors=(400, 403))
        return (
            Route(
                "POST",
                "/v1/events/batch",
                self.receive,
                Access.PUBLIC,
                Surface.JSON,
                operation=operation,
                body_limit_bytes=_BODY_LIMIT_BYTES,
            ),
        )

    async def receive(self, request: web.Request) -> web.Response:
        """Store a batch of events; the answer comes when they are on disk.

        Good items are kept, bad ones are named by index and field. An event with an
        `eventId` that the project already has changes nothing and succeeds.
        """
        # Not through pydantic: a thousand events would take ten milliseconds on the loop.
        body = await read_json_object(request)
        key, items = body.get("projectKey"), body.get("events")
        if not isinstance(key, str):
            raise BadRequestError("projectKey is missing", "projectKey")
        project = await self._access.for_sending(key)
        most = self._analytics.settings.batch_events
        if not isinstance(items, list) or not items:
            raise BadRequestError("events must be a list of at least one event", "events")
        if len(items) > most:
            raise BadRequestError(f"more than {most} events; send several batches", "events")
        batch = await self._analytics.batches.store(project, items)
        status = 200 if batch.stored or batch.duplicates else 400
        document = batch_document(batch)
        if status == 400:
            first = batch.errors[0]
            error = f"events[{first.index}].{first.field}: {first.error}"
            return json_response({"error": error, "field": "events", **document}, status)
        return json_response(document, status)
