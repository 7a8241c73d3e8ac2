"""The route `/ws/metrics`: admits clients, limits their number, ends them on shutdown."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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
from web.http.failures import CLIENT_CLOSED_REQUEST
from web.http.network import client_address, is_control_socket, sender_network
from web.http.operations import Operation
from web.http.parameters import Parameters, read_query
from web.http.routing import ANONYMOUS, PRINCIPAL, Access, Principal, Route, Surface
from web.identity.authentication import Authenticator
from web.live.connection import CLOSE_S, UNAUTHORIZED, Connection, Pace
from web.live.feeds import Feeds
from web.live.messages import LARGEST_REQUEST_BYTES, Auth, message, read_message
from web.live.places import LivePlaces
from web.live.series_budget import LiveSeries
from web.services import Services
from web.settings import WebSettings

log = structlog.get_logger(__name__)

PATH: Final = "/ws/metrics"

_HEARTBEAT_S: Final = 20.0
"""Interval of pings. A client that leaves one unanswered for half of it is dropped."""

_LOGIN_S: Final = 10.0
"""How long a client may take to send its token."""

_MOST_UNAUTHENTICATED: Final = 20
"""Most clients whose token has not arrived yet, so that they cannot take all places."""


RunSocket = Callable[[web.Request, Principal, web.WebSocketResponse], Awaitable[None]]
"""Serves an accepted connection until it ends."""


class UpgradeRequiredError(WebError):
    """The endpoint accepts WebSocket connections only."""

    status = 426


class StreamQuery(Parameters):
    """The token of a client that cannot send headers, such as a script in a browser."""

    token: str | None = None


class MetricsSocket:
    """Admits WebSocket connections, and ends them when the server stops."""

    def __init__(
        self,
        services: Services,
        settings: WebSettings,
        authenticator: Authenticator,
        fleet: Fleet,
        feeds: Feeds,
    ) -> None:
        self._services, self._settings, self._authenticator = services, settings, authenticator
        self._fleet, self._feeds = fleet, feeds
        self._connections: set[Connection] = set()
        self._places = LivePlaces(settings, services.refusals)
        self._series = LiveSeries(settings, services.refusals)
        self._unauthenticated = 0
        self._closing = False
        self._endings: set[Callable[[], None]] = set()
        self._stop_listening = services.alerting.subscribe(self._take_changes)

    def routes(self) -> tuple[Route, ...]:
        """Return the route.

        It is public because a client may send its token after it has connected. Until then
        it receives nothing.
        """
        operation = Operation("live", query=StreamQuery, status=101, errors=(401, 403, 426, 503))
        return (Route("GET", PATH, self.serve, Access.PUBLIC, Surface.JSON, operation=operation),)

    def close(self) -> None:
        """End all connections and refuse new ones."""
        self._closing = True
        self._stop_listening()
        for connection in self._connections:
            connection.end(WSCloseCode.GOING_AWAY, "the server stops")
        for end in tuple(self._endings):
            end()

    def _take_changes(self, changes: Sequence[AlertChange]) -> None:
        self._fleet.forget()
        for connection in self._connections:
            connection.take_changes(changes)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Stream values and alerts over a WebSocket."""
        return await self.admit(request, self._run)

    def on_close(self, end: Callable[[], None]) -> Callable[[], None]:
        """Call `end` when the server stops; return a function that prevents it."""
        self._endings.add(end)
        return lambda: self._endings.discard(end)

    async def admit(self, request: web.Request, run: RunSocket) -> web.StreamResponse:
        """Accept a WebSocket, as far as the limits permit, and run it once its client may read."""
        socket = web.WebSocketResponse(
            timeout=CLOSE_S,
            heartbeat=_HEARTBEAT_S,
            max_msg_size=LARGEST_REQUEST_BYTES,
            compress=False,
        )
        if not socket.can_prepare(request).ok:
            raise UpgradeRequiredError("connect with a WebSocket", None, {"Upgrade": "websocket"})
        request = self._without_foreign_cookie(request)
        if self._closing:
            raise UnavailableError("the server stops")
        token = read_query(request.query, StreamQuery).token
        sender = request if token is None else _with_token(request, token)
        principal = await self._principal(sender)
        if principal is None and self._unauthenticated >= _MOST_UNAUTHENTICATED:
            raise UnavailableError("too many connections wait for their login; try again later")
        with self._places.of_address(self._network(request)):
            if principal is not None:
                with self._places.of_principal(principal):
                    if accepted := await _is_accepted(request, socket):
                        await run(sender, principal, socket)
            elif accepted := await _is_accepted(request, socket):
                await self._run_after_login(request, socket, run)
        # aiohttp would close the socket, and fail, because it was never opened.
        return socket if accepted else web.Response(status=CLIENT_CLOSED_REQUEST)

    def _network(self, request: web.Request) -> str:
        if is_control_socket(request):
            return ""
        return sender_network(client_address(request, self._settings))

    async def _run_after_login(
        self, request: web.Request, socket: web.WebSocketResponse, run: RunSocket
    ) -> None:
        """Stream to a client whose first message holds its token."""
        found = await self._authenticate(request, socket)
        if found is None:
            await socket.close(code=UNAUTHORIZED, message=b"log in, or send a token first")
            return
        try:
            with self._places.of_principal(found[1]):
                await run(*found, socket)
        except UnavailableError as exc:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=exc.message.encode())

    def _without_foreign_cookie(self, request: web.Request) -> web.Request:
        """Return the request; without its cookies if a page of another site sent it.

        Raises:
            CrossSiteError: `cors` does not admit that site.
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
            return await self.still_allowed(sender, principal)

        pace = Pace(self._settings.live_interval_s, self._settings.live_write_timeout_s)
        hello = message(
            "hello",
            version=self._services.version,
            user=principal.name or None,
            interval_s=pace.interval_s,
        )
        with self._series.share() as share:
            connection = Connection(sender, socket, self._feeds, pace, share, still_allowed)
            self._connections.add(connection)
            try:
                await connection.run(hello)
            finally:
                self._connections.discard(connection)

    async def still_allowed(self, sender: web.Request, principal: Principal) -> bool:
        """Report whether a client's credential is still valid."""
        try:
            return principal is ANONYMOUS or await self._principal(sender) is not None
        except WebError:
            return False

    async def _principal(self, request: web.Request) -> Principal | None:
        """Return the principal of a request, None if it carries no credential.

        Raises:
            UnauthorizedError: the token is invalid.
            ForbiddenError: the role or the token's scope does not allow reading.
        """
        principal = await self._authenticator.principal(request)
        if principal is None:
            return ANONYMOUS if self._settings.anonymous_viewer else None
        if not principal.may(Access.VIEWER):
            raise ForbiddenError("this needs the role viewer, and the scope read")
        return principal

    async def _authenticate(
        self, request: web.Request, socket: web.WebSocketResponse
    ) -> tuple[web.Request, Principal] | None:
        """Return the request and principal of the token in the first message, None without one."""
        self._unauthenticated += 1
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
            self._unauthenticated -= 1
        return None if principal is None else (sender, principal)


async def _is_accepted(request: web.Request, socket: web.WebSocketResponse) -> bool:
    """Answer the handshake; return False if the client has left meanwhile."""
    try:
        await socket.prepare(request)
    except ConnectionError:
        return False
    return True


def _with_token(request: web.Request, token: str) -> web.Request:
    """Return the request with the token in its `Authorization` header."""
    headers = request.headers.copy()
    headers["Authorization"] = f"Bearer {token}"
    return request.clone(headers=headers)
