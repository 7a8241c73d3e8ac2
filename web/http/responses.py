"""JSON and HTML responses; large bodies are compressed."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web

COMPRESS_FROM_BYTES = 1400
"""A smaller response fits into one network packet anyway."""

_WITHOUT_CHARSET: Final = ("application/json", "application/x-protobuf")


def json_bytes(data: Any) -> bytes:
    """Return `data` as JSON; dataclasses become objects, NaN and infinities become null.

    As in Go, U+FFFD stands for each byte of a text that is not UTF-8.
    """
    try:
        return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return orjson.dumps(_in_utf8(data), option=orjson.OPT_NON_STR_KEYS)


def _in_utf8(data: Any) -> Any:
    """Return `data` with U+FFFD for each byte that is not UTF-8 (a lone surrogate)."""
    match data:
        case str():
            return data.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        case Mapping():
            return {_in_utf8(key): _in_utf8(value) for key, value in data.items()}
        case list() | tuple():
            return [_in_utf8(each) for each in data]
    return data


class _SentResponse(web.Response):
    """A response that drops its body once it has been sent.

    aiohttp keeps the last response of a connection until it has the next one: as long as the
    connection is idle, or becomes a WebSocket. The page of 1,000 hosts is more than a megabyte.
    """

    async def write_eof(self, data: bytes = b"") -> None:
        try:
            await super().write_eof(data)
        finally:
            self.body = None


def body_response(
    body: bytes, content_type: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a response, compressed if it is large and the client accepts it; text is UTF-8."""
    response = _SentResponse(
        body=body,
        status=status,
        headers=headers,
        content_type=content_type,
        # JSON is UTF-8 by definition, Prometheus names no charset either, and protobuf is no text.
        charset=None if content_type in _WITHOUT_CHARSET else "utf-8",
        # Larger bodies are compressed in a thread: 1 MiB of JSON takes 10 ms or more.
        zlib_executor_size=2**17,
    )
    if len(body) >= COMPRESS_FROM_BYTES:
        response.enable_compression()
    return response


def json_response(
    data: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return `data` as a JSON response."""
    return body_response(json_bytes(data), "application/json", status, headers)


def html_response(
    text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an HTML response."""
    return body_response(text.encode("utf-8", "replace"), "text/html", status, headers)
