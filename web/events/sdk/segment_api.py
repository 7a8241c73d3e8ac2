"""Segment's tracking API, so that its SDKs only need another host."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import ConfigDict, Field

from analytics.product.collection.segment import TYPES, segment_submission
from model.base_models import DeferredModel
from web.events.bodies import read_sent_object
from web.events.collection import BODY_LIMIT_BYTES, EventCollection, batch_response
from web.events.documents import BatchDocument
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.routing import Access, Route, Surface

_TAG: Final = "events"
_PATHS: Final = {path: kind for kind in TYPES for path in (f"/v1/{kind}", f"/v1/{kind[0]}")}
"""Segment's script for web pages uses the short ones."""
_BATCH_PATHS: Final = ("/v1/batch", "/v1/b")


class SegmentMessageForm(DeferredModel):
    """One message; the path names its type."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    userId: str | None = None
    anonymousId: str | None = None
    messageId: str | None = None
    timestamp: str | int | float | None = None
    event: str | None = None
    name: str | None = None
    previousId: str | None = None
    groupId: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class SegmentBatchForm(DeferredModel):
    """Several messages; each names its `type`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    writeKey: str | None = None
    sentAt: str | int | float | None = None
    context: dict[str, Any] | None = None
    batch: Annotated[list[dict[str, Any]], Field(min_length=1)]


class SegmentApi:
    """Receives messages of Segment's SDKs.

    The write key, which is the project's key, is the user name of `Authorization: Basic`, or
    `writeKey` in the body.
    """

    def __init__(self, collection: EventCollection) -> None:
        self._collection = collection

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        single = Operation(_TAG, BatchDocument, SegmentMessageForm, errors=(400, 403))
        several = Operation(_TAG, BatchDocument, SegmentBatchForm, errors=(400, 403))
        return (
            *(_route(path, self._single(kind), single) for path, kind in _PATHS.items()),
            *(_route(path, self.batch, several) for path in _BATCH_PATHS),
        )

    def _single(self, kind: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def receive(request: web.Request) -> web.StreamResponse:
            """Store a message of a Segment SDK; the answer comes when it is on disk."""
            body = await read_sent_object(request)
            submission = segment_submission([body | {"type": kind}], body.get("sentAt"))
            key = _write_key(request, body)
            return batch_response(await self._collection.take(request, key, submission))

        return receive

    async def batch(self, request: web.Request) -> web.Response:
        """Store messages of a Segment SDK; the answer comes when they are on disk."""
        body = await read_sent_object(request)
        messages = body.get("batch")
        if not isinstance(messages, list):
            raise BadRequestError("batch must be a list of messages", "batch")
        submission = segment_submission(messages, body.get("sentAt"), body.get("context"))
        key = _write_key(request, body)
        return batch_response(await self._collection.take(request, key, submission))


def _route(
    path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], operation: Operation
) -> Route:
    return Route(
        "POST",
        path,
        handler,
        Access.PUBLIC,
        Surface.JSON,
        operation=operation,
        body_limit_bytes=BODY_LIMIT_BYTES,
        for_any_page=True,
    )


def _write_key(request: web.Request, body: dict[str, Any]) -> str:
    """Return the write key of a request.

    Raises:
        BadRequestError: it is missing.
    """
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            decoded = ""
        if user := decoded.partition(":")[0]:
            return user
    key = body.get("writeKey")
    if not isinstance(key, str) or not key:
        raise BadRequestError("send the write key as user name of Basic authorization", "writeKey")
    return key
