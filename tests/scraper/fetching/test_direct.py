"""`DirectClient` and aiohttp give the same result for any response."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import Labels
from scraper.errors import FetchError
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching import fetch as fetching
from scraper.fetching.direct import IDLE_S, DirectClient, Origin
from scraper.fetching.fetch import Fetched, Fetcher
from scraper.fetching.http_access import Authorization, HttpAccess
from scraper.fetching.http_session import HttpSession
from scraper.fetching.secrets import Secret
from scraper.fetching.targets import ScrapeLimits, ScrapeTarget
from tests.patience import PATIENCE_S

TEXT = b"a 1\nb 2\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
WHOLE = HEAD + b"Content-Length: 8\r\n\r\n" + TEXT


@dataclass
class RawServer:
    """Answers each request on a connection with the next answer; b"" closes it.

    Attributes:
        requests: what was received, request by request.
        connections: how many were accepted.
        none_opened: whether none of them is open.
    """

    answers: list[list[bytes]]
    requests: list[bytes]
    connections: int = 0
    port: int = 0
    none_opened: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._opened += 1
        self.none_opened.clear()
        try:
            while self.answers:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                for piece in self.answers.pop(0):
                    if not piece:
                        return
                    writer.write(piece)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._opened -= 1
            if not self._opened:
                self.none_opened.set()
            writer.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/metrics"


@asynccontextmanager
async def raw_server(*answers: list[bytes]) -> AsyncIterator[RawServer]:
    raw = RawServer(list(answers), [])
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    async with server:
        yield raw


@asynccontextmanager
async def new_fetcher() -> AsyncIterator[Fetcher]:
    session = HttpSession()
    await session.open()
    try:
        yield Fetcher(session)
    finally:
        await session.close()


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with new_fetcher() as fetcher:
        yield fetcher


def target(url: str, **fields: object) -> ScrapeTarget:
    return ScrapeTarget(url, Labels.of(job="j"), 30.0, 20.0, **fields)  # type: ignore[arg-type]


async def fetch_by_both(answer: list[bytes], limit_bytes: int) -> list[Fetched | None]:
    """Return the result of each client, None if it failed."""
    results: list[Fetched | None] = []
    choose = fetching._can_be_direct
    deciders: list[Callable[..., bool]] = [choose, lambda *_: False]
    for decide in deciders:
        fetching._can_be_direct = decide
        try:
            # aiohttp repeats a request once if the connection closes at once.
            async with raw_server(answer, answer) as raw, new_fetcher() as fetcher:
                limits = ScrapeLimits(body_bytes=limit_bytes)
                results.append(await fetcher.fetch(target(raw.url, limits=limits)))
        except FetchError:
            results.append(None)
        finally:
            fetching._can_be_direct = choose
    return results


@st.composite
def answers(draw: st.DrawFn) -> list[bytes]:
    """The pieces of a response of any framing and encoding, complete or truncated."""
    body = draw(st.sampled_from([b"", TEXT, TEXT * 50]))
    headers = [b"Content-Type: " + draw(st.sampled_from([b"text/plain", b"text/html", b""]))]
    if draw(st.booleans()):
        body = gzip.compress(body, mtime=0)
        body = body[: len(body) - draw(st.sampled_from([0, 0, 1, 8, 12]))]
    if draw(st.integers(0, 2)):
        headers.append(b"cOnTent-encoding: " + draw(st.sampled_from([b"gzip", b"identity"])))
    framing = draw(st.sampled_from(["length", "chunked", "close", "too long"]))
    match framing:
        case "length":
            headers.append(b"Content-Length: %d" % len(body))
        case "too long":
            headers.append(b"Content-Length: %d" % (len(body) + 1))
        case "chunked":
            headers.append(b"Transfer-Encoding: chunked")
            size = draw(st.integers(1, 200))
            parts = [body[at : at + size] for at in range(0, len(body), size)] + [b""]
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    if draw(st.booleans()):
        headers.append(b"Connection: " + draw(st.sampled_from([b"close", b"keep-alive"])))
    status = draw(st.sampled_from([b"200 OK", b"200", b"204 No Content", b"500 Oh"]))
    raw = b"HTTP/1.1 " + status + b"\r\n" + b"\r\n".join(headers) + b"\r\n\r\n" + body
    if draw(st.integers(0, 3)) == 0:
        raw = raw[: draw(st.integers(1, len(raw)))]
    cuts = sorted(draw(st.lists(st.integers(0, len(raw)), max_size=3)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    return [piece for piece in pieces if piece] + [b""]


@settings(max_examples=150)
@given(answer=answers(), limit_bytes=st.sampled_from([0, 100, 10_000]))
def test_both_clients_fetch_the_same(answer: list[bytes], limit_bytes: int) -> None:
    direct, by_aiohttp = asyncio.run(fetch_by_both(answer, limit_bytes))
    assert direct == by_aiohttp


async def test_connection_is_kept_for_the_next_scrape(fetcher: Fetcher) -> None:
    async with raw_server([WHOLE], [WHOLE], [WHOLE]) as raw:
        for _ in range(3):
            assert await fetcher.fetch(target(raw.url)) == Fetched(TEXT, ExpositionFormat.TEXT)
        assert (raw.connections, len(raw.requests)) == (1, 3)


async def test_request_is_repeated_where_a_kept_connection_has_closed(fetcher: Fetcher) -> None:
    async with raw_server([WHOLE, b""], [b""], [WHOLE]) as raw:
        await fetcher.fetch(target(raw.url))
        with pytest.raises(FetchError, match="the server closed the connection"):
            await fetcher.fetch(target(raw.url))
        assert (await fetcher.fetch(target(raw.url))).body == TEXT


@pytest.mark.parametrize("surplus", [b"x", b"\r\n\r\nx", b"HTTP/1.1 200 OK\r\n", WHOLE])
async def test_connection_with_unrequested_bytes_is_not_used_again(
    fetcher: Fetcher, surplus: bytes
) -> None:
    async with raw_server([WHOLE + surplus], [WHOLE]) as raw:
        await fetcher.fetch(target(raw.url))
        assert (await fetcher.fetch(target(raw.url))).body == TEXT
        assert raw.connections == 2


async def test_old_connections_are_closed() -> None:
    now_s = 0.0
    client = DirectClient(lambda: now_s)
    async with raw_server([WHOLE], [WHOLE]) as raw:
        origin = Origin("127.0.0.1", raw.port)
        request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        await client.get(origin, request, 0)
        now_s = IDLE_S + 1
        await client.get(origin, request, 0)
        assert raw.connections == 2
    client.close()


async def test_scrape_that_is_cancelled_at_any_moment_leaves_no_connection() -> None:
    client = DirectClient(lambda: 0.0)
    async with raw_server(*[[WHOLE]] * 100) as raw:
        origin = Origin("127.0.0.1", raw.port)
        for turns in range(60):
            scrape = asyncio.create_task(client.get(origin, b"GET / HTTP/1.1\r\n\r\n", 0))
            for _ in range(turns):
                await asyncio.sleep(0)
            scrape.cancel()
            await asyncio.gather(scrape, return_exceptions=True)
        client.close()
        async with asyncio.timeout(PATIENCE_S):
            await raw.none_opened.wait()


async def test_interim_response_is_skipped(fetcher: Fetcher) -> None:
    async with raw_server([b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE]) as raw:
        assert (await fetcher.fetch(target(raw.url))).body == TEXT


async def test_headers_without_end_are_refused(fetcher: Fetcher) -> None:
    endless = [HEAD] + [b"X-Filler: " + b"x" * 1000 + b"\r\n"] * 100
    async with raw_server(endless) as raw:
        with pytest.raises(FetchError, match="headers exceed 65536 bytes"):
            await fetcher.fetch(target(raw.url))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "malformed HTTP response"),
        (HEAD + b"Content-Length: 80\r\n\r\n" + TEXT, "unexpected EOF"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(TEXT)[:-8], "unexpected EOF"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + TEXT * 9, "malformed gzip body"),
        (HEAD + b"Content-Encoding: deflate\r\n\r\n" + TEXT, 'unsupported Content-Encoding "defl'),
    ],
    ids=["no HTTP", "cut", "cut gzip", "labelled gzip", "deflate"],
)
async def test_body_that_is_not_whole_is_refused(
    fetcher: Fetcher, answer: bytes, reason: str
) -> None:
    async with raw_server([answer, b""]) as raw:
        with pytest.raises(FetchError, match=reason):
            await fetcher.fetch(target(raw.url))


async def test_request_has_the_headers_of_its_access(fetcher: Fetcher) -> None:
    access = HttpAccess(
        auth=Authorization("Bearer", Secret("s3cret")),
        headers=(("X-Scope", Secret("a")), ("X-Scope", Secret("b"))),
        compression=False,
    )
    async with raw_server([WHOLE]) as raw:
        await fetcher.fetch(target(raw.url + "?a=%20b", access=access))
        lines = raw.requests[0].decode().split("\r\n")
    assert lines[0] == "GET /metrics?a=%20b HTTP/1.1"
    assert lines.count(f"Host: 127.0.0.1:{raw.port}") == 1
    assert {"X-Scope: a", "X-Scope: b", "Authorization: Bearer s3cret"} <= set(lines)
    assert [line for line in lines if line.startswith("Accept-Encoding")] == [
        "Accept-Encoding: identity"
    ]
