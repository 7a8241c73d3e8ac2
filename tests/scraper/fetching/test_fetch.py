import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from model.labels import Labels
from scraper.errors import FetchError
from scraper.exposition.formats import ExpositionFormat
from scraper.fetching.fetch import Fetched, Fetcher
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession
from scraper.fetching.protocols import EscapingScheme, ScrapeProtocol, parse_media_type
from scraper.fetching.targets import ScrapeLimits, ScrapeTarget
from tests.scraper.exposing_server import Answer, body, serving, stream


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    session = HttpSession()
    await session.open()
    yield Fetcher(session)
    await session.close()


def target(url: str, timeout_s: float = 20.0, **fields: object) -> ScrapeTarget:
    return ScrapeTarget(url, Labels.of(job="j"), 30.0, timeout_s, **fields)  # type: ignore[arg-type]


async def fetched(
    fetcher: Fetcher, answer: Answer, timeout_s: float = 20.0, **fields: object
) -> Fetched:
    async with serving(metrics=answer) as url:
        return await fetcher.fetch(target(url("metrics"), timeout_s, **fields))


async def test_body_is_returned_with_its_format(fetcher: Fetcher) -> None:
    assert await fetched(fetcher, body("a 1\n")) == Fetched(b"a 1\n", ExpositionFormat.TEXT)
    answer = body("# EOF\n", "application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert (await fetched(fetcher, answer)).format is ExpositionFormat.OPENMETRICS
    assert (await fetched(fetcher, body("a 1\n", "text/plain"))).format is ExpositionFormat.TEXT


async def test_request_headers_equal_prometheus(fetcher: Fetcher) -> None:
    seen: dict[str, str] = {}

    async def answer(request: web.Request) -> web.Response:
        seen.update(request.headers)
        return web.Response(text="a 1\n")

    await fetched(fetcher, answer, timeout_s=2.5)
    assert seen["Accept"].startswith("application/openmetrics-text;version=1.0.0;")
    assert "text/plain;version=0.0.4" in seen["Accept"]
    assert seen["X-Prometheus-Scrape-Timeout-Seconds"] == "2.5"
    assert seen["User-Agent"] == "redshank"
    assert seen["Accept-Encoding"] == "gzip"


async def test_gzip_is_decompressed(fetcher: Fetcher) -> None:
    text = b"a 1\n" * 1000

    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            body=gzip.compress(text),
            headers={"Content-Type": "text/plain", "Content-Encoding": "gzip"},
        )

    assert (await fetched(fetcher, answer)).body == text


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (body("x", status=500), "server returned HTTP status 500 Internal Server Error"),
        (body("x", status=404), "server returned HTTP status 404 Not Found"),
        (body("<html>", "text/html"), 'received unsupported Content-Type "text/html"'),
        (body("{}", "application/json"), "unsupported Content-Type"),
        (body("x", "application/vnd.google.protobuf"), "unsupported Content-Type"),
    ],
)
async def test_unusable_responses_are_errors(fetcher: Fetcher, answer: Answer, reason: str) -> None:
    with pytest.raises(FetchError, match=reason):
        await fetched(fetcher, answer)


async def test_fallback_protocol_applies_to_unknown_content_types(fetcher: Fetcher) -> None:
    protocol = ScrapeProtocol.TEXT_0_0_4
    html = await fetched(fetcher, body("a 1\n", "text/html"), fallback_protocol=protocol)
    assert html.format is ExpositionFormat.TEXT
    answer = body("# EOF\n", "application/openmetrics-text")
    known = await fetched(fetcher, answer, fallback_protocol=protocol)
    assert known.format is ExpositionFormat.OPENMETRICS


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        ("text/plain", "text/plain"),
        (" TEXT/Plain ; charset=utf-8 ; ", "text/plain"),
        ('application/openmetrics-text; version="1.0.0"', "application/openmetrics-text"),
        ('text/plain; a="\\"; b"', "text/plain"),
        ("", None),
        ("text", None),
        ("text /plain", None),
        ("text/plain,", None),
        ("text/plain;;", None),
        ("text/plain; charset", None),
        ("text/plain; =x", None),
        ('text/plain; a="b', None),
        ("text/plain; a=b; A=c", None),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5", None),
    ],
)
def test_media_type_of_a_content_type(content_type: str, media_type: str | None) -> None:
    assert parse_media_type(content_type) == media_type


async def test_repeated_accept_list_uses_the_fallback(fetcher: Fetcher) -> None:
    types = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5"
    with pytest.raises(FetchError, match="cannot parse Content-Type"):
        await fetched(fetcher, body("a 1\n", types))
    answer = body("a 1\n", types)
    found = await fetched(fetcher, answer, fallback_protocol=ScrapeProtocol.TEXT_0_0_4)
    assert found.format is ExpositionFormat.TEXT


async def test_empty_body_needs_no_content_type(fetcher: Fetcher) -> None:
    assert (await fetched(fetcher, body("", "text/html"))).body == b""


async def test_accept_header_lists_protocols_in_order(fetcher: Fetcher) -> None:
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers["Accept"])
        return web.Response(text="a 1\n")

    protocols = (ScrapeProtocol.TEXT_1_0_0, ScrapeProtocol.OPENMETRICS_0_0_1)
    await fetched(fetcher, answer, protocols=protocols, escaping=EscapingScheme.DOTS)
    text, openmetrics, anything = seen[0].split(",")
    assert text == "text/plain;version=1.0.0;escaping=dots;q=0.3"
    assert openmetrics == "application/openmetrics-text;version=0.0.1;q=0.2"
    assert anything == "*/*;q=0.1"


async def test_refused_target_is_not_requested(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="too many"):
        await fetcher.fetch(target("http://127.0.0.1:1/", refused="too many"))


async def test_missing_content_type_is_an_error(fetcher: Fetcher) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(FetchError, match="no Content-Type"):
            await fetcher.fetch(target(f"http://127.0.0.1:{port}/"))


async def test_endless_body_is_cut_at_the_limit(fetcher: Fetcher) -> None:
    sent = 0

    async def gigabytes() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 2**16
            yield b"a" * 2**16

    with pytest.raises(
        FetchError, match=r"limit of 1048576 bytes exceeded \(setting limits.body_size"
    ):
        await fetched(fetcher, stream(gigabytes), limits=ScrapeLimits(body_bytes=2**20))
    assert sent < 2**26


async def test_gzip_bomb_is_cut_at_the_limit(fetcher: Fetcher) -> None:
    def bomb() -> bytes:
        packer = zlib.compressobj(9, wbits=31)
        return b"".join(packer.compress(bytes(2**20)) for _ in range(512)) + packer.flush()

    packed = await asyncio.to_thread(bomb)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(packed), 2**16):
            yield packed[start : start + 2**16]

    with pytest.raises(FetchError, match="body size limit"):
        await fetched(
            fetcher,
            stream(pieces, {"Content-Encoding": "gzip"}),
            limits=ScrapeLimits(body_bytes=2**22),
        )


async def test_broken_gzip_is_an_error(fetcher: Fetcher) -> None:
    async def answer(_: web.Request) -> web.Response:
        headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
        return web.Response(body=b"not gzip at all", headers=headers)

    with pytest.raises(FetchError):
        await fetched(fetcher, answer)


async def test_slow_body_ends_at_the_timeout(fetcher: Fetcher) -> None:
    never = asyncio.Event()

    async def drip() -> AsyncIterator[bytes]:
        yield b"a"
        await never.wait()

    with pytest.raises(FetchError, match="timed out after"):
        await fetched(fetcher, stream(drip), timeout_s=0.2)
    never.set()


async def test_connection_closed_within_the_body_is_an_error(fetcher: Fetcher) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\na 1\n"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(FetchError):
            await fetcher.fetch(target(f"http://127.0.0.1:{port}/"))


async def test_refused_connection_is_reported_in_the_words_of_the_system(fetcher: Fetcher) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(FetchError, match=f"cannot connect to 127.0.0.1:{port}: Connection refused"):
        await fetcher.fetch(target(f"http://127.0.0.1:{port}/"))


async def test_redirects_are_followed_unless_forbidden(fetcher: Fetcher) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("/there")

    async with serving(here=elsewhere, there=body("a 1\n")) as url:
        assert (await fetcher.fetch(target(url("here")))).body == b"a 1\n"
        with pytest.raises(FetchError, match="HTTP status 302 Found"):
            await fetcher.fetch(target(url("here"), access=HttpAccess(follow_redirects=False)))


async def test_circular_redirects_are_an_error(fetcher: Fetcher) -> None:
    async def around(_: web.Request) -> web.Response:
        raise web.HTTPFound("/around")

    async with serving(around=around) as url:
        with pytest.raises(FetchError, match="too many redirects"):
            await fetcher.fetch(target(url("around")))


async def test_invalid_url_is_an_error(fetcher: Fetcher) -> None:
    with pytest.raises(FetchError):
        await fetcher.fetch(target("http://"))
