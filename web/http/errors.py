"""Errors that the web application raises on purpose, and the status of every error.

`failure_of` is the one table from exceptions to HTTP; each surface (page, JSON,
Prometheus) renders the `Failure` in its own envelope.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from pydantic import ValidationError

from alerting.errors import BadOverrideError, DeliveryError, UnknownReceiverError
from ingest.refusals import BadTimeError, DisorderError, UnknownHostError
from promql.api import ParseError, PromQLError, QueryCanceledError, QueryTimeoutError
from storage.api.errors import (
    LastAdminError,
    NotFoundError,
    StorageError,
    StoreClosedError,
    TakenError,
)

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that left; Prometheus 3 uses it for cancelled queries."""


class WebError(Exception):
    """Base of them all; `field` names the parameter at fault where there is one."""

    status: int = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.field, self.headers = message, field, dict(headers or {})


class BadRequestError(WebError):
    """The request cannot be understood."""

    status = HTTPStatus.BAD_REQUEST


class UnauthorizedError(WebError):
    """Nobody is logged in, or the credentials are wrong."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message, field, {"WWW-Authenticate": "Bearer"})


class ForbiddenError(WebError):
    """The user may not do this."""

    status = HTTPStatus.FORBIDDEN


class CrossSiteError(ForbiddenError):
    """Another site's page made the browser send this request."""


class MissingError(WebError):
    """There is nothing at this address."""

    status = HTTPStatus.NOT_FOUND


class ConflictError(WebError):
    """The change contradicts how things stand."""

    status = HTTPStatus.CONFLICT


class ConfigurationRefusedError(WebError):
    """Something is wrong in the configuration; the old one stays. The status is Prometheus's."""


class TooManyRequestsError(WebError):
    """Try again later."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, None, {"Retry-After": str(retry_after_s)})


class TooLargeError(WebError):
    """The body is larger than the route takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the request body is too large: more than {limit_bytes} bytes")


class TooMuchInsideError(WebError):
    """The body is small enough, but what it holds is not."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaTypeError(WebError):
    """The body is of no type that the route reads."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class BodyTimeoutError(WebError):
    """The body did not come in time."""

    status = HTTPStatus.REQUEST_TIMEOUT

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the request body did not come within {timeout_s:g} s")


class UnsupportedEncodingError(WebError):
    """Nothing here undoes the body's `Content-Encoding`."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self) -> None:
        message = "send the body as it is or as gzip"
        super().__init__(message, None, {"Accept-Encoding": "gzip"})


class UnavailableError(WebError):
    """The server cannot take this on now."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a client sees it.

    Attributes:
        timed_out: Prometheus tells a query's time-out from a server that is not ready,
            though both are 503.
        expected: whether it is no fault of ours, and not logged as one.
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
    (TakenError, HTTPStatus.CONFLICT),
    (LastAdminError, HTTPStatus.CONFLICT),
    (StoreClosedError, HTTPStatus.SERVICE_UNAVAILABLE),
    (ParseError, HTTPStatus.BAD_REQUEST),
    (QueryTimeoutError, HTTPStatus.SERVICE_UNAVAILABLE),
    (QueryCanceledError, CLIENT_CLOSED_REQUEST),
    (PromQLError, HTTPStatus.UNPROCESSABLE_ENTITY),
)


def failure_of(exc: Exception) -> Failure:
    """Return how `exc` is answered; whatever is in no table is an internal error."""
    match exc:
        case WebError():
            return Failure(exc.status, exc.message, exc.field, exc.headers)
        case ValidationError():
            name, message = first_fault(exc)
            return Failure(HTTPStatus.BAD_REQUEST, f"{name}: {message}" if name else message, name)
        case web.HTTPException():
            kept = {key: exc.headers[key] for key in ("Allow",) if key in exc.headers}
            return Failure(exc.status, _sentence(exc), None, kept)
    for kind, status in _STATUS_OF:
        if isinstance(exc, kind):
            timed_out = isinstance(exc, QueryTimeoutError)
            return Failure(status, str(exc), getattr(exc, "field", None), timed_out=timed_out)
    if isinstance(exc, StorageError):
        # The disk is full or read-only: the operator's business, so it is told and logged.
        return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, str(exc), expected=False)
    return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error", expected=False)


def faults(exc: ValidationError) -> dict[str, str]:
    """Return for each field at fault what is wrong with it, the first fault of a field."""
    found: dict[str, str] = {}
    for error in exc.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in error["loc"])
        found.setdefault(name, error["msg"].removeprefix("Value error, "))
    return found


def first_fault(exc: ValidationError) -> tuple[str, str]:
    """Return the first field at fault ("" for the whole body) and its message."""
    return next(iter(faults(exc).items()))


def _sentence(exc: web.HTTPException) -> str:
    match exc:
        case web.HTTPNotFound():
            return "there is nothing at this address"
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(exc.allowed_methods))
            return f"method {exc.method} is not allowed here; use {allowed}"
        case web.HTTPRequestEntityTooLarge():
            return "the request body is too large"
    return exc.reason.lower()
