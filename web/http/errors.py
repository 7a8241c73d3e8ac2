"""Errors that the web application raises on purpose, each with its HTTP status."""

from collections.abc import Mapping
from http import HTTPStatus


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
