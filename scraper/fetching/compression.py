"""Decompresses response bodies; an incomplete or malformed body is an error.

Source: RFC 1952 (gzip); RFC 9110, section 8.4 (Content-Encoding).
"""

import asyncio
from typing import Any, Final, cast

from isal import isal_zlib

from scraper.errors import FetchError
from scraper.messages import body_too_large, quoted

_GZIP_WBITS: Final = 31
_GzipError: type[Exception] = cast("Any", isal_zlib).error  # declared as an instance in the stub
# Compressed bytes. A body of this size decompresses to 32 MiB at most, which takes less
# than 50 ms; larger bodies are decompressed in a thread.
_THREAD_BYTES: Final = 32 * 2**10


async def decoded(body: bytes, content_encoding: str, limit_bytes: int) -> bytes:
    """Return a body without its content encoding.

    Args:
        body: the encoded body.
        content_encoding: the header in lower case, "" if there is none.
        limit_bytes: size limit of the decoded body, 0 for no limit.

    Raises:
        FetchError: the encoding is not supported, or the body is malformed, incomplete
            or too large.
    """
    match content_encoding:
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            if len(body) > _THREAD_BYTES:
                return await asyncio.to_thread(gunzip, body, limit_bytes)
            return gunzip(body, limit_bytes)
        case _:
            raise FetchError(f"unsupported Content-Encoding {quoted(content_encoding)}")


def gunzip(body: bytes, limit_bytes: int) -> bytes:
    """Return a decompressed gzip body of one or more members.

    Args:
        body: the compressed bytes.
        limit_bytes: size limit of the decompressed body, 0 for no limit.

    Raises:
        FetchError: the body is malformed, incomplete or too large.
    """
    members: list[bytes] = []
    size = 0
    rest = body
    while True:
        stream = isal_zlib.decompressobj(wbits=_GZIP_WBITS)
        try:
            member = stream.decompress(rest, limit_bytes - size + 1 if limit_bytes else 0)
        except _GzipError as exc:
            raise FetchError(f"malformed gzip body: {exc}") from exc
        size += len(member)
        if limit_bytes and size > limit_bytes:
            raise FetchError(body_too_large(limit_bytes))
        if not stream.eof:
            raise FetchError("unexpected EOF: the gzip body is incomplete")
        members.append(member)
        rest = stream.unused_data
        if not rest:
            return members[0] if len(members) == 1 else b"".join(members)
