"""Prometheus's envelope: `{"status": ..., "data": ...}` around every answer."""

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
"""What stands before the data."""

TRUNCATED: Final = "results truncated due to limit"


def failure_envelope(failure: Failure) -> dict[str, str]:
    """Return the error envelope of a failure."""
    kind = "timeout" if failure.timed_out else _ERROR_TYPES.get(failure.status, "internal")
    return {
        "status": "error",
        "errorType": kind,
        "error": failure.message,
    }


def success(
    data: bytes, annotations: Annotations | None = None, warnings: Sequence[str] = ()
) -> web.Response:
    """Return the success envelope around `data`, which is JSON already."""
    return body_response(OPENING + data + closing(annotations, warnings), "application/json")


def closing(annotations: Annotations | None, warnings: Sequence[str] = ()) -> bytes:
    """Return what follows the data: warnings and infos, and the envelope's end."""
    notes = annotations or Annotations()
    parts = []
    if all_warnings := (*notes.warnings, *warnings):
        parts += [b',"warnings":', json_bytes(all_warnings)]
    if notes.infos:
        parts += [b',"infos":', json_bytes(notes.infos)]
    return b"".join([*parts, b"}"])


def success_of(data: Any, warnings: Sequence[str] = ()) -> web.Response:
    """Return the success envelope around a value."""
    return success(json_bytes(data), warnings=warnings)
