"""The table from exceptions to HTTP statuses.

Each surface (page, JSON, Prometheus) renders a `Failure` in its own format.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NotRequired

from aiohttp import web
from pydantic import ValidationError

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from alerting.errors import BadOverrideError, DeliveryError, UnknownReceiverError
from analytics.errors import AnalyticsError
from ingest.errors import BadTimeError, DisorderError, PushLimitError, UnknownHostError
from ingest.otlp.answers import status_protobuf
from model.limits import LimitName
from model.memory_pressure import MemoryLimitError
from promql.api import ParseError, PromQLError, QueryCanceledError, QueryTimeoutError
from storage.api.dashboards.stored import TooManyDashboardsError
from storage.api.errors import (
    LastAdminError,
    LastOwnerError,
    NotFoundError,
    StaleVersionError,
    StorageError,
    StoreClosedError,
    TakenError,
    UnwritableError,
)
from storage.api.events import EventQueryError
from storage.api.people.queries import TooManyQueriesError
from storage.api.status.pages import TooManyPagesError
from storage.api.status.probes import TooManyProbesError
from web.http.errors import WebError
from web.http.responses import json_bytes
from web.http.validation import first_field_error
from web.http.viewing.messages import translated_message
from web.http.viewing.readers import viewed
from web.http.viewing.view import LANGUAGES, View

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that left; Prometheus 3 uses it for cancelled queries."""


READER_LANGUAGE: Final = "Redshank-Language"
"""The header with which scripts of pages ask for errors in the reader's language. Programs send
none, and a browser's own `Accept-Language` does not count: they get English messages."""

_RETRY_AFTER_S = 10
"""A disk that refuses writes rarely accepts them sooner."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a client sees it.

    Attributes:
        timed_out: whether a query timed out. Prometheus distinguishes this from a server
            that is not ready, though both have status 503.
        expected: False for an internal error, which is logged with its traceback.
    """

    status: int
    message: str
    field: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    timed_out: bool = False
    expected: bool = True


_STATUS_OF: tuple[tuple[type[Exception], int], ...] = (
    (BadOverrideError, HTTPStatus.BAD_REQUEST),
    (UnknownReceiverError, HTTPStatus.NOT_FOUND),
    (DeliveryError, HTTPStatus.BAD_GATEWAY),
    (BadTimeError, HTTPStatus.BAD_REQUEST),
    (DisorderError, HTTPStatus.CONFLICT),
    (UnknownHostError, HTTPStatus.FORBIDDEN),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (StaleVersionError, HTTPStatus.CONFLICT),
    (TooManyDashboardsError, HTTPStatus.CONFLICT),
    (TooManyProbesError, HTTPStatus.CONFLICT),
    (TooManyPagesError, HTTPStatus.CONFLICT),
    (TooManyQueriesError, HTTPStatus.CONFLICT),
    (TakenError, HTTPStatus.CONFLICT),
    (LastAdminError, HTTPStatus.CONFLICT),
    (LastOwnerError, HTTPStatus.CONFLICT),
    (AnalyticsError, HTTPStatus.BAD_REQUEST),
    (EventQueryError, HTTPStatus.BAD_REQUEST),
    (StoreClosedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ParseError, HTTPStatus.BAD_REQUEST),
    (QueryTimeoutError, HTTPStatus.SERVICE_UNAVAILABLE),
    (QueryCanceledError, CLIENT_CLOSED_REQUEST),
    (PromQLError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


class ErrorDocument(TypedDict):
    """An error as JSON.

    `field` names the invalid parameter or form field. An internal error carries the
    request's id, by which the operator finds it in the log.
    """

    error: str
    field: NotRequired[str]
    request_id: NotRequired[str]


def error_document(failure: Failure, request_id: str) -> ErrorDocument:
    """Return a failure as JSON."""
    document: ErrorDocument = {"error": failure.message}
    if failure.field:
        document["field"] = failure.field
    if not failure.expected:
        document["request_id"] = request_id
    return document


def failure_of(exc: Exception) -> Failure:
    """Return the failure for an exception; an unknown exception is an internal error."""
    match exc:
        case WebError():
            return Failure(exc.status, exc.message, exc.field, exc.headers)
        case ValidationError():
            name, message = first_field_error(exc)
            return Failure(HTTPStatus.BAD_REQUEST, f"{name}: {message}" if name else message, name)
        case web.HTTPException():
            kept = {key: exc.headers[key] for key in ("Allow",) if key in exc.headers}
            return Failure(exc.status, _reason(exc), None, kept)
    if isinstance(exc, MemoryLimitError):
        retry = {"Retry-After": str(exc.retry_after_s)}
        return Failure(HTTPStatus.SERVICE_UNAVAILABLE, str(exc), None, retry)
    if isinstance(exc, UnwritableError):
        # The condition of the server is logged where it is set, once.
        retry = {"Retry-After": str(_RETRY_AFTER_S)}
        return Failure(HTTPStatus.SERVICE_UNAVAILABLE, str(exc), headers=retry)
    if isinstance(exc, PushLimitError):
        return _push_limit(exc)
    for kind, status in _STATUS_OF:
        if isinstance(exc, kind):
            timed_out = isinstance(exc, QueryTimeoutError)
            return Failure(status, str(exc), getattr(exc, "field", None), timed_out=timed_out)
    if isinstance(exc, StorageError):
        # A file is damaged: the operator must know, so it is shown and logged.
        return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, str(exc), expected=False)
    return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error", expected=False)


def in_language(failure: Failure, language: str) -> Failure:
    """Return a failure with its message in a language, in English if nobody has translated it."""
    if language not in LANGUAGES:
        return failure
    with viewed(View(language=language)):
        message = translated_message(failure.message)
    return failure if message is None else dataclasses.replace(failure, message=message)


def _push_limit(exc: PushLimitError) -> Failure:
    if not exc.retry_after_s:
        return Failure(HTTPStatus.BAD_REQUEST, str(exc))
    is_memory = exc.limit is LimitName.MEMORY
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_memory else HTTPStatus.TOO_MANY_REQUESTS
    return Failure(status, str(exc), None, {"Retry-After": str(exc.retry_after_s)})


def _reason(exc: web.HTTPException) -> str:
    match exc:
        case web.HTTPNotFound():
            return "there is nothing at this address"
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(exc.allowed_methods))
            return f"method {exc.method} is not allowed here; use {allowed}"
        case web.HTTPRequestEntityTooLarge():
            return "the request body is too large"
    return exc.reason.lower()


_JSON: Final = "application/json"
_PROTOBUF: Final = "application/x-protobuf"
_INTERNAL: Final = 13
_CODES: Final = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.REQUEST_TIMEOUT: 4,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 8,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: 3,
    HTTPStatus.TOO_MANY_REQUESTS: 8,
    HTTPStatus.SERVICE_UNAVAILABLE: 14,
}


class OtlpStatus(TypedDict):
    """An error; `code` is a status code of gRPC."""

    code: int
    message: str


def otlp_status(failure: Failure, media_type: str) -> tuple[bytes, str]:
    """Return the body for a failure and its media type, in the encoding of the request."""
    code = _CODES.get(HTTPStatus(failure.status), _INTERNAL)
    if media_type == _JSON:
        document: OtlpStatus = {"code": code, "message": failure.message}
        return json_bytes(document), _JSON
    return status_protobuf(code, failure.message), _PROTOBUF
