"""Live pages: the server sends a page's region anew whenever it changed.

Server-sent events, one stream an open page. A stream has no queue: it renders, sends,
and waits for the send to end before it renders again, so that a slow client costs
nothing but its own delay, and one that takes nothing is dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from web.http.errors import UnavailableError
from web.http.failures import failure_of
from web.settings import WebSettings

log = structlog.get_logger(__name__)

_KEEP_ALIVE_S: Final = 15.0
"""Proxies drop connections that are silent for 30 to 60 s."""

_RETRY_MS: Final = 3_000
"""How long a browser waits before it connects again after the server went away."""


class LiveStreams:
    """All open streams; bounded in number, ended together."""

    def __init__(self, settings: WebSettings) -> None:
        self._most = settings.live_streams
        self._interval_s = settings.live_interval_s
        self._write_timeout_s = settings.live_write_timeout_s
        self._open = 0
        self._closing = asyncio.Event()

    @property
    def open_streams(self) -> int:
        """How many pages are live."""
        return self._open

    def close(self) -> None:
        """End every stream."""
        self._closing.set()

    async def serve(
        self, request: web.Request, render: Callable[[], Awaitable[str]]
    ) -> web.StreamResponse:
        """Send what `render` returns, now and whenever it changes.

        `render` raises to end the stream: the session was revoked, the host removed.

        Raises:
            UnavailableError: too many pages are live.
        """
        if self._open >= self._most:
            raise UnavailableError("too many live pages; reload this one by hand")
        first = await render()
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        # nginx would hold events back to fill its buffer.
        answer.headers["X-Accel-Buffering"] = "no"
        await answer.prepare(request)
        if request.method == "HEAD":
            return answer
        self._open += 1
        try:
            await self._run(answer, first, render)
        except TimeoutError:
            log.info("live_client_dropped", timeout_s=self._write_timeout_s)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionResetError:
            log.debug("live_client_left")
        except Exception as exc:  # noqa: BLE001 -- logged below, by its kind
            # The answer has begun: all that is left is to end it. The browser connects
            # again and is told properly.
            failure = failure_of(exc)
            write = log.info if failure.expected else log.exception
            write("live_stream_ended", reason=failure.message)
        finally:
            self._open -= 1
        return answer

    async def _run(
        self, answer: web.StreamResponse, first: str, render: Callable[[], Awaitable[str]]
    ) -> None:
        await self._write(answer, f"retry: {_RETRY_MS}\n{_event(first)}")
        shown, silent_s = first, 0.0
        while not await self._ended_within(self._interval_s):
            text = await render()
            silent_s += self._interval_s
            if text != shown:
                await self._write(answer, _event(text))
                shown, silent_s = text, 0.0
            elif silent_s >= _KEEP_ALIVE_S:
                await self._write(answer, ": still here\n\n")
                silent_s = 0.0

    async def _ended_within(self, length_s: float) -> bool:
        try:
            async with asyncio.timeout(length_s):
                await self._closing.wait()
        except TimeoutError:
            return False
        return True

    async def _write(self, answer: web.StreamResponse, text: str) -> None:
        async with asyncio.timeout(self._write_timeout_s):
            # Waits while the client's buffer is full.
            await answer.write(text.encode("utf-8", "replace"))


def _event(text: str) -> str:
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: region\n{lines}\n"
