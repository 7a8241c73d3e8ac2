"""Decompresses response bodies; an incomplete or malformed body is an error.

Source: RFC 1952 (gzip); RFC 9110, section 8.4 (Content-Encoding).
"""

import asyncio
from concurrent.futures import Executor
from typing import Final

from model.decompression import gzip_body
from scraper.errors import BodyTooLargeError, FetchError
from scraper.messages import quoted

# Compressed bytes. A body of this size decompresses to 32 MiB at most, which takes less
# than 50 ms; larger bodies are decompressed in a thread.
_THREAD_BYTES: Final = 32 * 2**10


async def decoded(
    body: bytes, content_encoding: str, limit_bytes: int, threads: Executor | None = None
) -> bytes:
    """Return a body without its content encoding.

    Args:
        body: the encoded body.
        content_encoding: the header in lower case, "" if there is none.
        limit_bytes: size limit of the decoded body, 0 for no limit.
        threads: decompress large bodies; None for those of the event loop.

    Raises:
        FetchError: the encoding is not supported, or the body is malformed, incomplete
            or too large.
    """
    match content_encoding:
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            if len(body) > _THREAD_BYTES:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(threads, gunzip, body, limit_bytes)
            return gunzip(body, limit_bytes)
        case _:
            problem = "unsupported Content-Encoding"
            raise FetchError(f"{problem} {quoted(content_encoding)}", problem)


def gunzip(body: bytes, limit_bytes: int) -> bytes:
    """Return a decompressed gzip body; blocks.

    Args:
        body: the compressed bytes.
        limit_bytes: size limit of the decompressed body, 0 for no limit.

    Raises:
        FetchError: the body is malformed, incomplete or too large.
    """
    try:
        return gzip_body.gunzip(body, limit_bytes)
    except gzip_body.GzipSizeError as exc:
        raise BodyTooLargeError(limit_bytes) from exc
    except gzip_body.TruncatedGzipError as exc:
        raise FetchError("unexpected EOF: the gzip body is incomplete") from exc
    except gzip_body.GzipError as exc:
        raise FetchError(f"malformed gzip body: {exc}") from exc
