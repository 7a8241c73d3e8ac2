"""`POST /v1/events/batch`: applications and web pages send events with the project's public key."""

from typing import Final

from aiohttp import web

from analytics.product.collection.submission import Submission
from web.events.bodies import read_sent_object
from web.events.collection import BODY_LIMIT_BYTES, EventCollection, batch_response
from web.events.documents import BatchDocument
from web.events.forms import BatchForm
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.routing import Access, Route, Surface

_TAG: Final = "events"


class BatchApi:
    """Receives events in the form of apptracker, and those of `/e.js`."""

    def __init__(self, collection: EventCollection) -> None:
        self._collection = collection

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation(_TAG, BatchDocument, BatchForm, errors=(400, 403, 429))
        return (
            Route(
                "POST",
                "/v1/events/batch",
                self.receive,
                Access.PUBLIC,
                Surface.JSON,
                operation=operation,
                body_limit_bytes=BODY_LIMIT_BYTES,
                for_any_page=True,
            ),
        )

    async def receive(self, request: web.Request) -> web.Response:
        """Store a batch of events; the answer comes when they are on disk.

        Good items are kept, bad ones are named by index and field. An event with an
        `eventId` that the project already has changes nothing and succeeds. Events of bots
        and own visits are counted, not stored.
        """
        # Not through pydantic: a thousand events would take ten milliseconds on the loop.
        body = await read_sent_object(request)
        key, items = body.get("projectKey"), body.get("events")
        if not isinstance(key, str):
            raise BadRequestError("projectKey is missing", "projectKey")
        if not isinstance(items, list) or not items:
            raise BadRequestError("events must be a list of at least one event", "events")
        submission = Submission(
            items,
            cookieless=range(len(items)) if body.get("cookieless") is True else (),
            sent_at=body.get("sentAt"),
        )
        return batch_response(await self._collection.take(request, key, submission))
