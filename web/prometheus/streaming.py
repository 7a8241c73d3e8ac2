"""Streams large responses, so that memory holds only a few pieces at a time."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from aiohttp import web

_PIECE_BYTES: Final = 2**19
"""About 6 ms of compression, after which the event loop serves other requests."""
_AT_ONCE: Final = 16
"""Pieces formatted in one call of a thread, which costs as much as a third of a piece."""


async def streamed(
    request: web.Request,
    body: Iterable[bytes | memoryview],
    content_type: str,
    encoding: str | None = None,
) -> web.StreamResponse:
    """Send a body whose parts are formatted in a thread, piece by piece.

    Without an `encoding` the body is compressed if the client accepts it; else this is the
    encoding that it has already, "" for none.
    """
    answer = web.StreamResponse(headers={"Content-Type": content_type})
    if encoding is None:
        answer.enable_compression()
    elif encoding:
        answer.headers["Content-Encoding"] = encoding
    pieces = gathered(body)
    # Format before sending the status line, so that an early failure becomes an error response.
    some = await asyncio.to_thread(_some, pieces)
    if len(some) < _AT_ONCE:
        # Without a length, aiohttp copies each piece into a chunk.
        answer.content_length = sum(map(len, some))
    await answer.prepare(request)
    while some:
        for piece in some:
            await answer.write(piece)
        some = await asyncio.to_thread(_some, pieces) if len(some) == _AT_ONCE else []
    await answer.write_eof()
    return answer


def _some(pieces: Iterator[bytes]) -> list[bytes]:
    return list(islice(pieces, _AT_ONCE))


def gathered(body: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    """Join small parts into pieces of at least `_PIECE_BYTES`."""
    waiting: list[bytes | memoryview] = []
    size = 0
    for part in body:
        waiting.append(part)
        size += len(part)
        if size >= _PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def comma_separated(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the parts, all but the first with a comma in front."""
    for index, part in enumerate(parts):
        yield b"," + part if index else part
