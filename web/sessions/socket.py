"""`/ws/sessions`: sessions as they change, over a WebSocket."""

import asyncio
from contextlib import suppress
from typing import Final

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from analytics.sessions.service import AgentSessions
from model.clock import Clock
from storage.api.agent_sessions.reports import AgentSelection, SessionOrder
from web.http.errors import WebError
from web.http.operations import Operation
from web.http.routing import Access, Principal, Route, Surface
from web.live.connection import UNAUTHORIZED
from web.live.socket import MetricsSocket, StreamQuery
from web.sessions.access import check_reader
from web.sessions.documents import session_document
from web.settings import WebSettings

SOCKET_PATH: Final = "/ws/sessions"
_FIRST_SESSIONS: Final = 20
_MOST_WAITING: Final = 100
"""Changed sessions that one message holds; the client misses older ones and reads the list."""
_RECHECK_S: Final = 30.0


class SessionsSocket:
    """Streams the sessions that change to every client."""

    def __init__(
        self, sessions: AgentSessions, socket: MetricsSocket, settings: WebSettings, clock: Clock
    ) -> None:
        self._sessions, self._socket = sessions, socket
        self._settings, self._clock = settings, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the route; a client may send its token after it has connected."""
        operation = Operation("live", query=StreamQuery, status=101, errors=(401, 403, 426, 503))
        access, surface = Access.PUBLIC, Surface.JSON
        return (Route("GET", SOCKET_PATH, self.serve, access, surface, operation=operation),)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Stream sessions over a WebSocket: the latest first, then each that changes."""
        return await self._socket.admit(request, self._run)

    async def _run(
        self, sender: web.Request, principal: Principal, socket: web.WebSocketResponse
    ) -> None:
        try:
            check_reader(principal, self._settings)
        except WebError as exc:
            await socket.close(code=UNAUTHORIZED, message=exc.message.encode()[:120])
            return
        changed: dict[str, None] = {}
        wakes = asyncio.Event()

        def take(session_ids: object) -> None:
            changed.update(dict.fromkeys(session_ids))  # type: ignore[call-overload]
            while len(changed) > _MOST_WAITING:
                del changed[next(iter(changed))]
            wakes.set()

        ended = asyncio.Event()
        stop = self._sessions.ingestion.subscribe(take)
        forget = self._socket.on_close(ended.set)
        tasks = [
            asyncio.ensure_future(work)
            for work in (
                self._send(sender, principal, socket, changed, wakes),
                _until_closed(socket),
                ended.wait(),
            )
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop()
            forget()
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task
        if ended.is_set():
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server stops")

    async def _send(
        self,
        sender: web.Request,
        principal: Principal,
        socket: web.WebSocketResponse,
        changed: dict[str, None],
        wakes: asyncio.Event,
    ) -> None:
        page = await self._sessions.store.sessions(
            AgentSelection(0, self._clock() + 86_400_000),
            SessionOrder.TIMESTAMP,
            descending=True,
            limit=_FIRST_SESSIONS,
        )
        documents = [session_document(one) for one in page.sessions]
        await _send_json(socket, {"type": "sessions", "sessions": documents})
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_RECHECK_S):
                    await wakes.wait()
            if not await self._socket.still_allowed(sender, principal):
                await socket.close(code=UNAUTHORIZED, message=b"the credential is no longer valid")
                return
            if not wakes.is_set():
                continue
            wakes.clear()
            session_ids = tuple(changed)
            changed.clear()
            found = [await self._sessions.store.session(each) for each in session_ids]
            documents = [session_document(one) for one in found if one is not None]
            if documents:
                await _send_json(socket, {"type": "sessions", "sessions": documents})
            # A burst of changes becomes one message an interval.
            await asyncio.sleep(self._settings.live_interval_s)


async def _until_closed(socket: web.WebSocketResponse) -> None:
    """Read, and ignore, what a client sends until it closes."""
    while True:
        received = await socket.receive()
        if received.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
            return


async def _send_json(socket: web.WebSocketResponse, document: object) -> None:
    await socket.send_str(orjson.dumps(document).decode())
