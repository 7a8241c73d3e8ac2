"""One client of `/ws/metrics`: what it asked for, and its end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from storage.api.alerts import AlertChange
from web.http.errors import BadRequestError, WebError
from web.http.failures import Failure, failure_of
from web.live.messages import (
    Auth,
    ClientMessage,
    Ping,
    Subscribe,
    Unsubscribe,
    alert_message,
    error_message,
    message,
    read_message,
)
from web.live.outbox import LARGEST_BYTES, Outbox
from web.live.sources import Source, Sources

log = structlog.get_logger(__name__)

MOST_SUBSCRIPTIONS: Final = 32

UNAUTHORIZED: Final = 4401
"""Close code of a client whose login ended, or that never told a token."""

CLOSE_S: Final = 2.0
"""How long a client has to take the close frame."""

_PAUSE_S: Final = 0.02
"""Between two messages of a client: each may cost a query."""

_DEFAULTS: Final = (
    Subscribe(type="subscribe", id="metrics", topic="metrics"),
    Subscribe(type="subscribe", id="alerts", topic="alerts"),
)
"""For a client that only listens, until it asks for something itself."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often subscriptions are read, and how long a client may take nothing, seconds."""

    interval_s: float
    write_timeout_s: float


class Connection:
    """Serves one client until either side ends it.

    One task reads what the client sends, one sends what waits in the outbox, and each
    subscription has one that fills the outbox. All belong to `run`.
    """

    def __init__(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        sources: Sources,
        pace: Pace,
        still_allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        self._request, self._socket, self._sources = request, socket, sources
        self._pace, self._still_allowed = pace, still_allowed
        self._outbox = Outbox()
        self._ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._subscriptions: dict[str, asyncio.Task[None]] = {}
        self._hears_alerts: set[str] = set()
        self._changed = asyncio.Event()
        self._by_default = True

    def end(self, code: int, reason: str) -> None:
        """Have the connection closed with a code and a reason."""
        if not self._ended.done():
            self._ended.set_result((code, reason))

    def take_changes(self, changes: Sequence[AlertChange]) -> None:
        """Tell of alerts that changed, and bring all else up to date at once."""
        for name in sorted(self._hears_alerts):
            for change in changes:
                self._put(alert_message(name, change))
        self._changed.set()
        self._changed = asyncio.Event()

    async def run(self, hello: bytes) -> None:
        """Serve until the end, then close; cancelled where the connection is lost."""
        self._put(hello)
        try:
            code, reason = await self._serve()
        except asyncio.CancelledError:
            # Broken by the other side, or by aiohttp because a ping was not answered.
            log.info("stream_ended", code=WSCloseCode.ABNORMAL_CLOSURE.value, reason="lost")
            raise
        except ExceptionGroup:
            # Not for the middleware: an answer of HTTP can no longer be sent.
            log.exception("stream_failed")
            code, reason = WSCloseCode.INTERNAL_ERROR, "a fault of ours; the log tells"
        await self._close(code, reason)

    async def _serve(self) -> tuple[int, str]:
        async with asyncio.TaskGroup() as tasks:
            own = [
                tasks.create_task(work)
                for work in (self._send(), self._receive(tasks), self._watch())
            ]
            for asked in _DEFAULTS:
                self._subscribe(asked, tasks)
            end = await self._ended
            for task in (*own, *self._subscriptions.values()):
                task.cancel()
        return end

    async def _close(self, code: int, reason: str) -> None:
        log.info("stream_ended", code=int(code), reason=reason)
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close(code=code, message=reason.encode())
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
        except ConnectionResetError:
            log.debug("stream_client_left")

    # Sending

    def _put(self, body: bytes, key: str | None = None) -> None:
        if not self._outbox.put(body, key):
            self.end(WSCloseCode.TRY_AGAIN_LATER, "too slow: too much waits to be sent")

    async def _send(self) -> None:
        while True:
            body = await self._outbox.next()
            try:
                async with asyncio.timeout(self._pace.write_timeout_s):
                    # Waits while the client's buffers are full.
                    await self._socket.send_frame(body, WSMsgType.TEXT)
            except TimeoutError:
                took = f"took nothing for {self._pace.write_timeout_s:g} s"
                self.end(WSCloseCode.TRY_AGAIN_LATER, f"too slow: {took}")
                return
            except ConnectionResetError:
                self.end(WSCloseCode.GOING_AWAY, "the client left")
                return

    async def _watch(self) -> None:
        """End with the session or token that the client came with."""
        while await self._still_allowed():
            await asyncio.wait([self._ended], timeout=self._pace.interval_s)
        self.end(UNAUTHORIZED, "the session or token has ended")

    # Receiving

    async def _receive(self, tasks: asyncio.TaskGroup) -> None:
        async for received in self._socket:
            if received.type is WSMsgType.ERROR:
                # It broke the protocol (aiohttp has answered), or left a ping unanswered.
                self.end(self._socket.close_code or WSCloseCode.ABNORMAL_CLOSURE, "lost")
                return
            if received.type is not WSMsgType.TEXT:
                self.end(WSCloseCode.UNSUPPORTED_DATA, "messages are JSON texts")
                return
            try:
                self._obey(read_message(received.data), tasks)
            except (ValidationError, WebError) as exc:
                self._put(error_message(None, failure_of(exc)))
            await asyncio.sleep(_PAUSE_S)
        self.end(self._socket.close_code or WSCloseCode.OK, "the client left")

    def _obey(self, asked: ClientMessage, tasks: asyncio.TaskGroup) -> None:
        match asked:
            case Subscribe():
                if self._by_default:
                    self._by_default = False
                    for each in _DEFAULTS:
                        self._unsubscribe(each.id)
                self._subscribe(asked, tasks)
            case Unsubscribe():
                self._unsubscribe(asked.id)
            case Ping():
                self._put(message("pong"))
            case Auth():
                raise BadRequestError("you are logged in already", "type")

    def _subscribe(self, asked: Subscribe, tasks: asyncio.TaskGroup) -> None:
        if asked.id not in self._subscriptions and (len(self._subscriptions) >= MOST_SUBSCRIPTIONS):
            raise BadRequestError(f"at most {MOST_SUBSCRIPTIONS} subscriptions", "id")
        source = self._sources.of(asked, self._request)
        self._unsubscribe(asked.id)
        # Of alerts the changes follow by themselves.
        once = asked.topic == "alerts"
        if once:
            self._hears_alerts.add(asked.id)
        work = self._once(asked, source) if once else self._produce(asked, source)
        self._subscriptions[asked.id] = tasks.create_task(work)

    def _unsubscribe(self, name: str) -> None:
        self._hears_alerts.discard(name)
        self._outbox.drop(name)
        if task := self._subscriptions.pop(name, None):
            task.cancel()

    # Subscriptions

    async def _once(self, asked: Subscribe, source: Source) -> None:
        self._put(await self._read(asked.id, source), asked.id)

    async def _produce(self, asked: Subscribe, source: Source) -> None:
        told = b""
        while True:
            changed = self._changed
            body = await self._read(asked.id, source)
            if body != told:
                self._put(body, asked.id)
                told = body
            await self._due(asked, changed)

    async def _read(self, name: str, source: Source) -> bytes:
        try:
            body = await source()
        except Exception as exc:
            failure = failure_of(exc)
            if not failure.expected:
                log.exception("stream_source_failed", subscription=name)
            return error_message(name, failure)
        if len(body) <= LARGEST_BYTES:
            return body
        much = f"the result is larger than {LARGEST_BYTES // 2**20} MiB; ask for less"
        return error_message(name, Failure(413, much))

    async def _due(self, asked: Subscribe, changed: asyncio.Event) -> None:
        """Wait until it is time to read again: after the interval, or when an alert changed."""
        interval_s = asked.interval_s or self._pace.interval_s
        if asked.query is not None:
            await asyncio.sleep(interval_s)
            return
        try:
            async with asyncio.timeout(interval_s):
                await changed.wait()
        except TimeoutError:
            return
