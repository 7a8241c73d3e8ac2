"""PostHog's capture API, so that its SDKs only need another host."""

import re
from dataclasses import replace
from typing import Final

from aiohttp import web

from analytics.product.collection.posthog import posthog_submission
from model.clock import Clock
from web.events.collection import BODY_LIMIT_BYTES, EventCollection, batch_response
from web.events.documents import BatchDocument
from web.events.sdk.packed_bodies import read_packed
from web.events.sdk.posthog_documents import (
    CaptureForm,
    DecideDocument,
    FlagsDocument,
    RemoteConfigDocument,
    decide_document,
    flags_document,
    remote_config_document,
)
from web.http.errors import MissingError
from web.http.operations import Operation
from web.http.responses import body_response, json_bytes, json_response
from web.http.routing import Access, Handler, Route, Surface

_TAG: Final = "events"
_CAPTURE: Final = ("/capture", "/batch", "/i/v0/e")
_CONFIG: Final = "/array/{project_key}/config"
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class PostHogApi:
    """Receives events of PostHog's SDKs, and tells them that there are no feature flags."""

    def __init__(self, collection: EventCollection, clock: Clock) -> None:
        self._collection, self._clock = collection, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, each with and without a final slash, as the SDKs write them."""
        capture = Operation(_TAG, BatchDocument, CaptureForm, errors=(400, 403))
        asked: tuple[tuple[str, str, Handler, Operation], ...] = (
            *(("POST", path, self.capture, capture) for path in _CAPTURE),
            ("POST", "/decide", self.decide, Operation(_TAG, DecideDocument)),
            ("POST", "/flags", self.flags, Operation(_TAG, FlagsDocument)),
        )
        script = Operation(_TAG, str, media_type="text/javascript", errors=(404,))
        return (
            *(
                _route(method, path + end, handler, replace(operation, id_suffix=suffix))
                for method, path, handler, operation in asked
                for end, suffix in (("", ""), ("/", "_slash"))
            ),
            _route("POST", "/e/", self.capture, capture),
            _route(
                "GET", _CONFIG, self.config, Operation(_TAG, RemoteConfigDocument, errors=(404,))
            ),
            _route("GET", _CONFIG + ".js", self.config_script, script),
        )

    async def capture(self, request: web.Request) -> web.Response:
        """Store the events of a PostHog SDK; the answer comes when they are on disk.

        The body is an event, a list of events, or an object with `batch`; as JSON, gzip, or
        base64 in the form field `data`.
        """
        key, submission = posthog_submission(await read_packed(request), self._clock())
        return batch_response(await self._collection.take(request, key, submission))

    async def decide(self, _: web.Request) -> web.Response:
        """Return that there are no feature flags, to SDKs before 2025."""
        return json_response(decide_document())

    async def flags(self, _: web.Request) -> web.Response:
        """Return that there are no feature flags."""
        return json_response(flags_document())

    async def config(self, request: web.Request) -> web.Response:
        """Return which features posthog-js may use: events only."""
        return json_response(remote_config_document(_key_in_path(request)))

    async def config_script(self, request: web.Request) -> web.Response:
        """Return the same as a script."""
        key = _key_in_path(request)
        config = json_bytes({key: {"config": remote_config_document(key), "siteApps": []}})
        script = (
            b"window._POSTHOG_REMOTE_CONFIG=Object.assign(window._POSTHOG_REMOTE_CONFIG||{},%s);"
        )
        return body_response(script % config, "text/javascript")


def _key_in_path(request: web.Request) -> str:
    key = request.match_info["project_key"]
    if not _KEY.fullmatch(key):
        raise MissingError("a project key has letters and digits only")
    return key


def _route(method: str, path: str, handler: Handler, operation: Operation) -> Route:
    return Route(
        method,
        path,
        handler,
        Access.PUBLIC,
        Surface.JSON,
        operation=operation,
        body_limit_bytes=BODY_LIMIT_BYTES,
        for_any_page=True,
    )
