"""Bodies of PostHog's SDKs: JSON, gzip, or base64 in a form."""

import asyncio
import base64
import binascii
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from aiohttp import web

from web.events.bodies import decoded
from web.http.bodies import BODY_POLICY, body_limit_bytes, gunzip
from web.http.errors import BadRequestError
from web.http.parameters import read_body

_GZIP: Final = b"\x1f\x8b"
_FORM: Final = b"data="
_IN_THREAD_FROM_BYTES: Final = 2**17


async def read_packed(request: web.Request) -> Any:
    """Return the JSON value in the body of a request.

    Raises:
        WebError: as `read_body` and `unpacked`.
    """
    body = await read_body(request)
    limit_bytes = body_limit_bytes(request)
    with request.app[BODY_POLICY].counting():
        if len(body) >= _IN_THREAD_FROM_BYTES and not body.startswith((b"{", b"[")):
            return await asyncio.to_thread(unpacked, body, limit_bytes)
        return unpacked(body, limit_bytes)


def unpacked(body: bytes, limit_bytes: int) -> Any:
    """Return the JSON value in a body; large packed bodies block for some milliseconds.

    The packing is read from the body itself: SDKs name it in a query parameter, if at all.

    Raises:
        BadRequestError: the body is neither JSON nor packed JSON.
        TooLargeError: the unpacked body is larger than the limit.
    """
    if body.startswith(_FORM):
        # A form whose first field has the events; base64 may not have been escaped.
        value = body[len(_FORM) :].partition(b"&")[0]
        body = unquote_to_bytes(value.replace(b"+", b" " if b"%" in value else b"+"))
    if body.startswith(_GZIP):
        body = gunzip(body, limit_bytes)
    elif body.lstrip()[:1] not in (b"{", b"["):
        body = _from_base64(body)
        if body.startswith(_GZIP):
            body = gunzip(body, limit_bytes)
    return decoded(body)


def _from_base64(body: bytes) -> bytes:
    text = body.strip().replace(b" ", b"+").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as exc:
        raise BadRequestError("the body is neither JSON nor gzip nor base64") from exc
