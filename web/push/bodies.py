"""Bodies of pushes: larger than the API's, bounded while they are read."""

from http import HTTPStatus

from aiohttp import web

from web.errors import WebError


class TooLargeError(WebError):
    """A body, or what it holds, goes beyond a limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaTypeError(WebError):
    """The body's type or encoding is none that can be read."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


async def bounded_body(request: web.Request, most_bytes: int) -> bytes:
    """Return the body; the application's own bound does not apply.

    Raises:
        TooLargeError: it is larger.
    """
    too_large = TooLargeError(f"the body is larger than {most_bytes} bytes")
    if (request.content_length or 0) > most_bytes:
        raise too_large
    parts = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > most_bytes:
            raise too_large
        parts.append(part)
    return b"".join(parts)
