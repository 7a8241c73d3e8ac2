"""`/api/v1/notifications`: what an operator should know about this server, also as it changes.

Source: Prometheus, web/api/v1/api.go and util/notifications (texts and format).
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from aiohttp import web

from alerting.receivers.webhook_body import rfc3339
from web.http.operations import Operation
from web.http.responses import json_bytes
from web.http.routing import Route
from web.prometheus.document_types import NotificationData
from web.prometheus.envelope import success_of
from web.prometheus.operations import only_get, prometheus_operation
from web.services import Services

_RELOAD_FAILED: Final = "Configuration reload has failed."
_STOPPING: Final = "Redshank is shutting down."

_MOST_CLIENTS: Final = 16
"""Further clients get an empty response; the limit is that of Prometheus."""
_INTERVAL_S: Final = 1.0
_HEARTBEATS: Final = 20
"""A comment is sent after this many intervals, so that proxies keep the connection."""
_LONGEST_S: Final = 600.0
"""A stream ends after this time; the client connects and is authenticated again."""


class NotificationsApi:
    """Lists the current notifications, and streams their changes."""

    def __init__(self, services: Services) -> None:
        self._configuration, self._clock = services.configuration, services.clock
        self._clients = 0
        self._closed = asyncio.Event()

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path = "/api/v1/notifications"
        live = Operation("prometheus", str, media_type="text/event-stream", responses={204: None})
        return (
            only_get(path, self.current, prometheus_operation(list[NotificationData])),
            only_get(f"{path}/live", self.live, live),
        )

    def close(self) -> None:
        """End all streams and refuse new ones."""
        self._closed.set()

    async def current(self, request: web.Request) -> web.Response:
        """List the current notifications."""
        return success_of(list(self._notifications()))

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Stream the notifications, and each change of them, as server-sent events."""
        if self._closed.is_set() or self._clients >= _MOST_CLIENTS:
            # A browser's EventSource does not connect again after this status.
            return web.Response(status=HTTPStatus.NO_CONTENT)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        self._clients += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_S):
                    await self._stream(response)
            await response.write_eof()
        except ConnectionResetError:
            # The client has left.
            pass
        finally:
            self._clients -= 1
        return response

    async def _stream(self, response: web.StreamResponse) -> None:
        sent: dict[str, NotificationData] = {}
        silent = 0
        while True:
            current = {each["text"]: each for each in self._notifications()}
            ended = [sent[text] | {"active": False} for text in sent.keys() - current.keys()]
            begun = [each for text, each in current.items() if sent.get(text) != each]
            events = [b"data: %b\n\n" % json_bytes(each) for each in (*ended, *begun)]
            sent = current
            silent = 0 if events else silent + 1
            if silent >= _HEARTBEATS:
                events, silent = [b":\n\n"], 0
            if events:
                await response.write(b"".join(events))
            if self._closed.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_INTERVAL_S):
                    await self._closed.wait()

    def _notifications(self) -> Iterator[NotificationData]:
        state = self._configuration.state
        if not state.successful:
            yield _notification(_RELOAD_FAILED, state.failure_ms)
        if self._closed.is_set():
            yield _notification(_STOPPING, self._clock())


def _notification(text: str, time_ms: int | None) -> NotificationData:
    return {"text": text, "date": rfc3339(time_ms), "active": True}
