"""Readers who keep pages open: what the scripts of the pages ask a server, without a browser."""

import asyncio
import json
import time
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from benchmarks.harness.processes import BenchmarkError

_TRENDS_S: Final = 60.0
_CHARTS_IN_VIEW: Final = 8
_SHORTEST_REFRESH_S: Final = 5.0
_LONGEST_REFRESH_S: Final = 60.0
_SUBSCRIBED_WITHIN_S: Final = 120.0


async def subscribed(
    session: aiohttp.ClientSession, url: str, page: str
) -> aiohttp.ClientWebSocketResponse:
    """Subscribe to the region of a page; return its socket with the first message.

    Raises:
        BenchmarkError: the server refuses, or sends nothing within two minutes.
    """
    address = url.replace("http", "ws", 1) + "/ws/metrics"
    socket = await session.ws_connect(address, max_msg_size=0)
    await socket.send_json({"type": "subscribe", "id": "page-1", "page": page})
    try:
        async with asyncio.timeout(_SUBSCRIBED_WITHIN_S):
            while '"type":"region"' not in (text := await socket.receive_str()):
                if '"type":"error"' in text:
                    raise BenchmarkError(f"{page}: {text}")
    except TimeoutError as exc:
        raise BenchmarkError(f"{page}: no update in {_SUBSCRIBED_WITHIN_S:.0f} s") from exc
    return socket


class OpenPage:
    """One open page: its WebSocket, and the requests that its script repeats.

    Attributes:
        name: the page's name on the socket.
        messages: the updates since `reset`.
        size_bytes: their size.
        longest_pause_s: the longest time between two of them.
    """

    def __init__(self, name: str, session: aiohttp.ClientSession, url: str) -> None:
        self.name, self._session, self._url = name, session, url
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.reset()

    def reset(self) -> None:
        """Count from now on."""
        self.messages, self.size_bytes, self.longest_pause_s = 0, 0, 0.0
        self._last_s = time.perf_counter()

    @property
    def is_expected_to_change(self) -> bool:
        """Whether every host's scrape changes what the page shows."""
        return self.name.startswith("/live/host")

    async def connect(self) -> None:
        """Load the page, subscribe to its region, and return with the first message."""
        path = self.name.removeprefix("/live")
        path = path.replace("/hosts", "/", 1) if path.startswith("/hosts") else path
        async with self._session.get(f"{self._url}{path}", headers={"Accept": "text/html"}) as page:
            page.raise_for_status()
            await page.read()
        self._socket = await subscribed(self._session, self._url, self.name)

    async def follow(self) -> None:
        """Take the updates, until cancelled."""
        if self._socket is None:
            raise BenchmarkError("the page is not connected")
        while True:
            text = await self._socket.receive_str()
            if '"type":"region"' in text[:100]:
                now_s = time.perf_counter()
                self.longest_pause_s = max(self.longest_pause_s, now_s - self._last_s)
                self._last_s = now_s
                self.messages += 1
                self.size_bytes += len(text)

    async def repeat(self) -> None:
        """Send what the page's script repeats, until cancelled."""
        if self.name.startswith("/live/hosts"):
            while True:
                await self._json("/api/fleet/trends")
                await asyncio.sleep(_TRENDS_S)
        elif self.name.startswith("/live/host/"):
            await self._follow_charts(self.name.replace("/live/host/", "/api/hosts/", 1))

    async def _follow_charts(self, source: str) -> None:
        """Load the charts in view, then their new samples."""
        found = await self._json(f"{source}/sections", range="1h")
        keys = [chart["key"] for each in found["sections"] for chart in each["charts"]]
        shown = {"range": "1h", "chart": ",".join(keys[:_CHARTS_IN_VIEW])}
        answer = await self._json(f"{source}/charts", **shown)
        while True:
            wait_s = max(answer["step_ms"] / 1000, _SHORTEST_REFRESH_S)
            await asyncio.sleep(min(wait_s, _LONGEST_REFRESH_S))
            since_ms = str(answer["end_ms"])
            answer = await self._json(f"{source}/charts", **shown, since_ms=since_ms) or answer

    async def _json(self, path: str, **parameters: str) -> Any:
        headers = {"Accept": "application/json"}
        url = f"{self._url}{path}"
        async with self._session.get(url, params=parameters, headers=headers) as answer:
            body = await answer.read()
            if answer.status == 204:
                return None
            if answer.status != 200:
                raise BenchmarkError(f"{path}: {answer.status} {body[:200]!r}")
            return json.loads(body)

    async def close(self) -> None:
        """Close the page's socket."""
        if self._socket is not None:
            await self._socket.close()


class ReaderOfPages:
    """One reader at one address, with several open pages.

    Args:
        url: the server's address.
        token: the reader's.
        address: the address from which the reader connects.
    """

    def __init__(self, url: str, token: str, address: str) -> None:
        self._url = url
        headers = {"Authorization": f"Bearer {token}"}
        connector = aiohttp.TCPConnector(limit=0, local_addr=(address, 0))
        self._session = aiohttp.ClientSession(headers=headers, connector=connector)
        self._pages: list[OpenPage] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, name: str) -> OpenPage:
        """Open a page, and follow it until the reader leaves."""
        page = OpenPage(name, self._session, self._url)
        await page.connect()
        self._pages.append(page)
        self._tasks += [asyncio.create_task(work) for work in (page.follow(), page.repeat())]
        return page

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        failed = [task for task in self._tasks if task.done() and not task.cancelled()]
        if error is not None:
            failed = []
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for page in self._pages:
            await page.close()
        await self._session.close()
        for task in failed:
            task.result()
