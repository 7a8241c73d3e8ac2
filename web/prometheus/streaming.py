"""Large answers, sent while they are still being written: memory holds some pieces at a time."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from aiohttp import web

_PIECE_BYTES: Final = 2**19
"""Some 6 ms of compression: the event loop has time for others between two."""
_AT_ONCE: Final = 16
"""Pieces made on one way to a thread and back, which costs as much as a third of one."""


async def streamed(
    request: web.Request, body: Iterable[bytes | memoryview], content_type: str
) -> web.StreamResponse:
    """Send a body that is made piece by piece, in a thread."""
    answer = web.StreamResponse(headers={"Content-Type": content_type})
    answer.enable_compression()
    pieces = gathered(body)
    # Made before the status line is sent: what fails at once is still answered as an error.
    some = await asyncio.to_thread(_some, pieces)
    if len(some) < _AT_ONCE:
        # Where the length is not known, aiohttp copies each piece into a chunk.
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
    """Yield the same bytes in pieces that are worth a call each."""
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
    """Yield parts with a comma between each two."""
    for index, part in enumerate(parts):
        yield b"," + part if index else part
