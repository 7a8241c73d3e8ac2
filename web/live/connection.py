"""One client's connection to `/ws/metrics`: its messages, its subscriptions, its end."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from storage.api.alerts import AlertChange
from web.http.errors import BadRequestError, LiveSeriesError, WebError
from web.http.failures import Failure, failure_of, in_language
from web.http.routing import FURTHER_ROUTES
from web.live.feeds import Feeds, LiveFeed
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
from web.live.series_budget import StreamSeries

log = structlog.get_logger(__name__)

MOST_SUBSCRIPTIONS: Final = 32

UNAUTHORIZED: Final = 4401
"""Close code when the session or token has ended, or when none was sent."""

CLOSE_S: Final = 2.0
"""How long a client may take to answer the close frame."""

_PAUSE_S: Final = 0.02
"""Pause after each message of a client: a message may cost a query."""

_TOGETHER_S: Final = 1.0
"""Changes within this time after a message are sent together, however many they are."""

_UNANNOUNCED_S: Final = 30.0
"""How often a feed that announces its changes is read all the same: deletions are not announced."""

_REFUSED_S: Final = 30.0
"""How long a query whose result was refused is not evaluated again."""

_DEFAULTS: Final = (
    Subscribe(type="subscribe", id="metrics", topic="metrics"),
    Subscribe(type="subscribe", id="alerts", topic="alerts"),
)
"""The subscriptions of a client that has not subscribed to anything."""

_DEFAULTS_AFTER_S: Final = 0.25
"""How long a client has time to subscribe before it gets the defaults: the figures of 1,000 hosts
have 500 KB, which each open page would be sent in vain."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Timing of a connection, in seconds.

    Attributes:
        interval_s: how often a subscription is evaluated unless it names an interval.
        write_timeout_s: how long a client may accept no data.
    """

    interval_s: float
    write_timeout_s: float


class Connection:
    """Serves one client until either side ends the connection.

    One task receives messages, one sends the messages of the outbox, one checks that the
    login is still valid, one subscribes to the defaults, and each subscription has one that
    fills the outbox. All of them belong to `run`.
    """

    def __init__(
        self,
        request: web.Request,
        socket: web.WebSocketResponse,
        feeds: Feeds,
        pace: Pace,
        share: StreamSeries,
        still_allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        self._request, self._socket, self._feeds = request, socket, feeds
        self._pace, self._share, self._still_allowed = pace, share, still_allowed
        self._outbox = Outbox()
        self._ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()
        self._subscriptions: dict[str, asyncio.Task[None]] = {}
        self._alert_subscriptions: set[str] = set()
        self._refused: set[str] = set()
        self._changed = asyncio.Event()
        self._changed_s = 0.0
        self._has_defaults = True
        # A browser's WebSocket sends no headers of the page.
        self._language = request.query.get("language", "")

    def end(self, code: int, reason: str) -> None:
        """Close the connection with a code and a reason."""
        if not self._ended.done():
            self._ended.set_result((code, reason))

    def take_changes(self, changes: Sequence[AlertChange]) -> None:
        """Send alerts that changed, and evaluate page and topic subscriptions at once."""
        for name in sorted(self._alert_subscriptions):
            for change in changes:
                self._put(alert_message(name, change))
        self._changed_s = asyncio.get_running_loop().time()
        self._changed.set()
        self._changed = asyncio.Event()

    async def run(self, hello: bytes) -> None:
        """Serve until the end, then close the connection.

        Cancelled by aiohttp when the client has disconnected or left a ping unanswered.
        """
        self._put(hello)
        try:
            code, reason = await self._serve()
        except asyncio.CancelledError:
            log.info("stream_ended", code=WSCloseCode.ABNORMAL_CLOSURE.value, reason="lost")
            raise
        except ExceptionGroup:
            # Handled here: the middleware could no longer send an HTTP response.
            log.exception("stream_failed")
            code, reason = WSCloseCode.INTERNAL_ERROR, "internal error; see the server's log"
        await self._close(code, reason)

    async def _serve(self) -> tuple[int, str]:
        async with asyncio.TaskGroup() as tasks:
            own = [
                tasks.create_task(work)
                for work in (
                    self._send(),
                    self._receive(tasks),
                    self._watch(),
                    self._subscribe_defaults(tasks),
                )
            ]
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
            self.end(WSCloseCode.TRY_AGAIN_LATER, "too slow: too many messages wait to be sent")

    async def _send(self) -> None:
        while True:
            body = await self._outbox.next()
            try:
                async with asyncio.timeout(self._pace.write_timeout_s):
                    # Blocks while the client's receive buffers are full.
                    await self._socket.send_frame(body, WSMsgType.TEXT)
            except TimeoutError:
                stalled = f"accepted no data for {self._pace.write_timeout_s:g} s"
                self.end(WSCloseCode.TRY_AGAIN_LATER, f"too slow: {stalled}")
                return
            except ConnectionResetError:
                self.end(WSCloseCode.GOING_AWAY, "the client left")
                return

    async def _watch(self) -> None:
        """End the connection when the client's session or token ends."""
        while await self._still_allowed():
            await asyncio.wait([self._ended], timeout=self._pace.interval_s)
        self.end(UNAUTHORIZED, "the session or token has ended")

    # Receiving

    async def _receive(self, tasks: asyncio.TaskGroup) -> None:
        async for received in self._socket:
            if received.type is WSMsgType.ERROR:
                # A protocol error, which aiohttp has answered, or an unanswered ping.
                self.end(self._socket.close_code or WSCloseCode.ABNORMAL_CLOSURE, "lost")
                return
            if received.type is not WSMsgType.TEXT:
                self.end(WSCloseCode.UNSUPPORTED_DATA, "send JSON as text messages")
                return
            refused = None
            try:
                asked = read_message(received.data)
                if isinstance(asked, Subscribe):
                    refused = asked.id
                    if asked.page is not None:
                        # Pages that were open before a restart come back before any is loaded.
                        await self._request.app[FURTHER_ROUTES]()
                self._handle(asked, tasks)
            except (ValidationError, WebError) as exc:
                self._put(error_message(refused, failure_of(exc)))
            await asyncio.sleep(_PAUSE_S)
        self.end(self._socket.close_code or WSCloseCode.OK, "the client left")

    def _handle(self, received: ClientMessage, tasks: asyncio.TaskGroup) -> None:
        match received:
            case Subscribe():
                if self._has_defaults:
                    self._has_defaults = False
                    for each in _DEFAULTS:
                        self._unsubscribe(each.id)
                self._subscribe(received, tasks)
            case Unsubscribe():
                self._unsubscribe(received.id)
            case Ping():
                self._put(message("pong"))
            case Auth():
                raise BadRequestError("the connection is already logged in", "type")

    def _subscribe(self, subscription: Subscribe, tasks: asyncio.TaskGroup) -> None:
        is_new = subscription.id not in self._subscriptions
        if is_new and len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            raise BadRequestError(f"at most {MOST_SUBSCRIPTIONS} subscriptions", "id")
        feed = self._feeds.of(subscription, self._request, self._share)
        self._unsubscribe(subscription.id)
        if subscription.topic == "alerts":
            # Read once: `take_changes` sends every later change.
            self._alert_subscriptions.add(subscription.id)
            work = self._send_once(subscription, feed)
        else:
            work = self._send_changes(subscription, feed)
        self._subscriptions[subscription.id] = tasks.create_task(work)

    async def _subscribe_defaults(self, tasks: asyncio.TaskGroup) -> None:
        await asyncio.sleep(_DEFAULTS_AFTER_S)
        if self._has_defaults:
            for each in _DEFAULTS:
                self._subscribe(each, tasks)

    def _unsubscribe(self, name: str) -> None:
        self._alert_subscriptions.discard(name)
        self._outbox.drop(name)
        self._share.release(name)
        if task := self._subscriptions.pop(name, None):
            task.cancel()

    # Subscriptions

    async def _send_once(self, subscription: Subscribe, feed: LiveFeed) -> None:
        now_s = asyncio.get_running_loop().time()
        self._put(await self._read(subscription.id, feed, now_s), subscription.id)

    async def _send_changes(self, subscription: Subscribe, feed: LiveFeed) -> None:
        loop = asyncio.get_running_loop()
        # Not the message itself: each reader's first one may be a megabyte that nobody shares.
        sent, since_s = hash(b""), loop.time()
        while True:
            changed = self._changed
            # Before reading, so that a change meanwhile is not missed.
            following = feed.following() if feed.following is not None else None
            if feed.forget is not None and self._outbox.holds(subscription.id):
                feed.forget()
            body = await self._read(subscription.id, feed, since_s)
            if body and hash(body) != sent:
                self._put(body, subscription.id)
                sent = hash(body)
            del body
            if following is None:
                since_s = await self._wait_until_due(subscription, feed, changed)
            else:
                await _wait_for(following)
                since_s = loop.time()

    async def _read(self, name: str, feed: LiveFeed, since_s: float) -> bytes:
        """Return the feed's message, or an error message."""
        try:
            body = await feed.read(since_s)
        except LiveSeriesError as exc:
            # The query was evaluated in vain, and would be again at once.
            self._refused.add(name)
            failure = failure_of(exc)
        except Exception as exc:
            failure = failure_of(exc)
            if not failure.expected:
                log.exception("stream_feed_failed", subscription=name)
        else:
            if len(body) <= LARGEST_BYTES:
                return body
            problem = f"the result is larger than {LARGEST_BYTES // 2**20} MiB; narrow the query"
            failure = Failure(413, problem)
        if feed.forget is not None:
            feed.forget()
        return error_message(name, in_language(failure, self._language))

    async def _wait_until_due(
        self, subscription: Subscribe, feed: LiveFeed, changed: asyncio.Event
    ) -> float:
        """Wait for the interval; unless it is a query, only until an alert changes.

        Returns:
            The time of the event loop at which the feed was due.
        """
        interval_s = subscription.interval_s or self._pace.interval_s
        if subscription.id in self._refused:
            self._refused.remove(subscription.id)
            interval_s = max(interval_s, _REFUSED_S)
        now_s = asyncio.get_running_loop().time()
        due_s = due_after(now_s, interval_s, feed.phase)
        if subscription.query is not None:
            await asyncio.sleep(due_s - now_s)
            return due_s
        try:
            async with asyncio.timeout_at(due_s):
                await changed.wait()
                # Alerts may change all the time.
                await asyncio.sleep(now_s + _TOGETHER_S - asyncio.get_running_loop().time())
        except TimeoutError:
            return due_s
        return self._changed_s


def due_after(now_s: float, interval_s: float, phase: float | None) -> float:
    """Return the next time at which a feed is due: the same one for all feeds with this phase."""
    if phase is None:
        return now_s + interval_s
    return (math.floor(now_s / interval_s - phase) + 1 + phase) * interval_s


async def _wait_for(following: asyncio.Event) -> None:
    """Wait for a change that is announced, but no longer than for one that is not."""
    await asyncio.sleep(_TOGETHER_S)
    try:
        async with asyncio.timeout(_UNANNOUNCED_S):
            await following.wait()
    except TimeoutError:
        return
