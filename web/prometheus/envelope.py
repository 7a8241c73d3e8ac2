"""Prometheus's envelope `{"status": ..., "data": ...}` around every response."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from promql.api import Annotations
from web.http.failures import CLIENT_CLOSED_REQUEST, Failure
from web.http.responses import body_response, json_bytes

_ERROR_TYPES: Final[dict[int, str]] = {
    HTTPStatus.BAD_REQUEST: "bad_data",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "bad_data",
    HTTPStatus.REQUEST_TIMEOUT: "timeout",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "bad_data",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "bad_data",
    HTTPStatus.UNPROCESSABLE_ENTITY: "execution",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many_requests",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
    CLIENT_CLOSED_REQUEST: "canceled",
}

OPENING: Final = b'{"status":"success","data":'
"""The start of the envelope, up to the data."""

TRUNCATED: Final = "results truncated due to limit"


def failure_envelope(failure: Failure) -> dict[str, str]:
    """Return the envelope of a failed request."""
    kind = "timeout" if failure.timed_out else _ERROR_TYPES.get(failure.status, "internal")
    return {
        "status": "error",
        "errorType": kind,
        "error": failure.message,
    }


def success(
    data: bytes, annotations: Annotations | None = None, warnings: Sequence[str] = ()
) -> web.Response:
    """Return the response with `data`, which is JSON."""
    return body_response(OPENING + data + closing(annotations, warnings), "application/json")


def closing(annotations: Annotations | None, warnings: Sequence[str] = ()) -> bytes:
    """Return the end of the envelope after the data: warnings, infos and the brace."""
    notes = annotations or Annotations()
    parts = []
    if all_warnings := (*notes.warnings, *warnings):
        parts += [b',"warnings":', json_bytes(all_warnings)]
    if notes.infos:
        parts += [b',"infos":', json_bytes(notes.infos)]
    return b"".join([*parts, b"}"])


def success_of(data: Any, warnings: Sequence[str] = ()) -> web.Response:
    """Return the response with `data` encoded as JSON."""
    return success(json_bytes(data), warnings=warnings)
