"""The route `/ws/metrics`: who may connect, how many at once, and the end of all of them."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from storage.api.alerts import AlertChange
from web.fleet.fleet import Fleet
from web.http.cross_site import refuse_cross_site
from web.http.errors import (
    CrossSiteError,
    ForbiddenError,
    UnauthorizedError,
    UnavailableError,
    WebError,
)
from web.http.operations import Operation
from web.http.parameters import Parameters, read_query
from web.http.routing import ANONYMOUS, PRINCIPAL, Access, Principal, Route, Surface
from web.identity.authentication import Authenticator
from web.live.connection import CLOSE_S, UNAUTHORIZED, Connection, Pace
from web.live.messages import LONGEST_MESSAGE_BYTES, Auth, message, read_message
from web.live.sources import Sources
from web.services import Services
from web.settings import WebSettings

log = structlog.get_logger(__name__)

PATH: Final = "/ws/metrics"

_HEARTBEAT_S: Final = 20.0
"""A client that does not answer a ping within half of it is gone."""

_LOGIN_S: Final = 10.0
_MOST_STRANGERS: Final = 20
"""Clients that may be about to tell their token: they must not take all places."""


class UpgradeRequiredError(WebError):
    """The address takes WebSocket connections only."""

    status = 426


class StreamQuery(Parameters):
    """How a client that can send no header, such as a browser's script, tells its token."""

    token: str | None = None


class MetricsSocket:
    """Takes connections and keeps them until they end, or the server does."""

    def __init__(
        self,
        services: Services,
        settings: WebSettings,
        authenticator: Authenticator,
        fleet: Fleet,
        sources: Sources,
    ) -> None:
        self._services, self._settings, self._authenticator = services, settings, authenticator
        self._fleet, self._sources = fleet, sources
        self._connections: set[Connection] = set()
        self._open = self._strangers = 0
        self._closing = False
        self._stop_listening = services.alerting.subscribe(self._take_changes)

    def routes(self) -> tuple[Route, ...]:
        """Return the route.

        Public in the table because a token may come after the connection: nothing is
        sent before it has been told.
        """
        told = Operation("live", query=StreamQuery, status=101, errors=(401, 403, 426, 503))
        return (Route("GET", PATH, self.serve, Access.PUBLIC, Surface.JSON, operation=told),)

    @property
    def open_connections(self) -> int:
        """How many clients there are, with those that are about to tell their token."""
        return self._open

    def close(self) -> None:
        """End every connection, and take no more."""
        self._closing = True
        self._stop_listening()
        for connection in self._connections:
            connection.end(WSCloseCode.GOING_AWAY, "the server stops")

    def _take_changes(self, changes: Sequence[AlertChange]) -> None:
        self._fleet.forget()
        for connection in self._connections:
            connection.take_changes(changes)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Stream values and alerts over a WebSocket."""
        socket = web.WebSocketResponse(
            timeout=CLOSE_S,
            heartbeat=_HEARTBEAT_S,
            max_msg_size=LONGEST_MESSAGE_BYTES,
            compress=False,
        )
        if not socket.can_prepare(request).ok:
            raise UpgradeRequiredError("connect by WebSocket", None, {"Upgrade": "websocket"})
        request = self._without_foreign_cookie(request)
        if self._closing or self._open >= self._settings.live_streams:
            raise UnavailableError("too many live connections; try again later")
        token = read_query(request.query, StreamQuery).token
        sender = request if token is None else _with_token(request, token)
        principal = await self._principal(sender)
        if principal is None and self._strangers >= _MOST_STRANGERS:
            raise UnavailableError("too many connections without a login; try again later")
        self._open += 1
        try:
            await socket.prepare(request)
            found = (sender, principal) if principal else await self._introduced(request, socket)
            if found is None:
                await socket.close(code=UNAUTHORIZED, message=b"log in, or send a token first")
            else:
                await self._run(*found, socket)
        finally:
            self._open -= 1
        return socket

    def _without_foreign_cookie(self, request: web.Request) -> web.Request:
        """Return the request; of a page that `cors` lets in, without the session it carries.

        Raises:
            CrossSiteError: another site's page sent it.
        """
        try:
            refuse_cross_site(request, self._settings)
        except CrossSiteError:
            cors, origin = self._settings.cors, request.headers.get("Origin", "")
            if not (cors.opens(request.path) and cors.allows(origin)):
                raise
            headers = request.headers.copy()
            headers.popall("Cookie", None)
            return request.clone(headers=headers)
        return request

    async def _run(
        self, sender: web.Request, principal: Principal, socket: web.WebSocketResponse
    ) -> None:
        sender[PRINCIPAL] = principal

        async def still_allowed() -> bool:
            try:
                return principal is ANONYMOUS or await self._principal(sender) is not None
            except WebError:
                return False

        pace = Pace(self._settings.live_interval_s, self._settings.live_write_timeout_s)
        connection = Connection(sender, socket, self._sources, pace, still_allowed)
        self._connections.add(connection)
        try:
            await connection.run(
                message(
                    "hello",
                    version=self._services.version,
                    user=principal.name or None,
                    interval_s=pace.interval_s,
                )
            )
        finally:
            self._connections.discard(connection)

    async def _principal(self, request: web.Request) -> Principal | None:
        """Return who connects, None for somebody who has told nothing.

        Raises:
            UnauthorizedError: the token is not valid.
            ForbiddenError: it may not look.
        """
        principal = await self._authenticator.principal(request)
        if principal is None:
            return ANONYMOUS if self._settings.anonymous_viewer else None
        if not principal.may(Access.VIEWER):
            raise ForbiddenError("this needs the role viewer, and the scope read")
        return principal

    async def _introduced(
        self, request: web.Request, socket: web.WebSocketResponse
    ) -> tuple[web.Request, Principal] | None:
        """Return who the first message says is there, None if it does not say."""
        self._strangers += 1
        try:
            async with asyncio.timeout(_LOGIN_S):
                first = await socket.receive()
            if first.type is not WSMsgType.TEXT:
                return None
            asked = read_message(first.data)
            if not isinstance(asked, Auth):
                return None
            sender = _with_token(request, asked.token)
            principal = await self._principal(sender)
        except (TimeoutError, ValidationError, UnauthorizedError, ForbiddenError):
            return None
        finally:
            self._strangers -= 1
        return None if principal is None else (sender, principal)


def _with_token(request: web.Request, token: str) -> web.Request:
    """Return the request as if it carried the token in its header."""
    headers = request.headers.copy()
    headers["Authorization"] = f"Bearer {token}"
    return request.clone(headers=headers)
