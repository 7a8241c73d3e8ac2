"""`/api/metrics` and `/api/recent`: messages of devices."""

from typing import Final

from aiohttp import web

from ingest.devices.inbox import MessageInbox
from web.http.operations import Operation
from web.http.parameters import read_json, read_query
from web.http.responses import body_response
from web.http.routing import Access, Route, Surface, principal_of
from web.ingest.models import MessageAnswer, MessageForm, RecentAnswer, RecentQuery

_TAG: Final = "push"


class MessagesApi:
    """Receives messages and lists the latest."""

    def __init__(self, inbox: MessageInbox) -> None:
        self._inbox = inbox

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        receive = Operation(_TAG, MessageAnswer, MessageForm, errors=(409,))
        recent = Operation(_TAG, RecentAnswer, query=RecentQuery)
        access, surface = Access.PUSH, Surface.JSON
        return (
            Route("POST", "/api/metrics", self.receive, access, surface, operation=receive),
            Route("GET", "/api/recent", self.recent, access, surface, operation=recent),
        )

    async def receive(self, request: web.Request) -> web.Response:
        """Store a device's message; a repeated one changes nothing and succeeds."""
        form = await read_json(request, MessageForm)
        await self._inbox.receive(form.message(), principal_of(request).name)
        answer = MessageAnswer(message_id=form.message_id, metrics_count=len(form.metrics))
        return body_response(answer.model_dump_json().encode(), "application/json")

    async def recent(self, request: web.Request) -> web.Response:
        """List the latest messages, newest first."""
        query = read_query(request.query, RecentQuery)
        documents = self._inbox.log.latest(query.limit)
        body = b'{"count":%d,"messages":[%b]}' % (len(documents), b",".join(documents))
        return body_response(body, "application/json")
