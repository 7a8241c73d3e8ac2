"""Errors that the web application raises on purpose, each with its HTTP status."""

from collections.abc import Mapping
from http import HTTPStatus


class WebError(Exception):
    """Base of every error here; `field` names the invalid parameter, None if there is none."""

    status: int = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(
        self, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.field, self.headers = message, field, dict(headers or {})


class BadRequestError(WebError):
    """The request is malformed or invalid."""

    status = HTTPStatus.BAD_REQUEST


class UnauthorizedError(WebError):
    """Nobody is logged in, or the credentials are wrong."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message, field, {"WWW-Authenticate": "Bearer"})


class ForbiddenError(WebError):
    """The sender's role or scope does not suffice."""

    status = HTTPStatus.FORBIDDEN


class CrossSiteError(ForbiddenError):
    """A page of another site made the browser send this request."""


class MissingError(WebError):
    """Nothing exists at this URL."""

    status = HTTPStatus.NOT_FOUND


class ConflictError(WebError):
    """The change contradicts the current state."""

    status = HTTPStatus.CONFLICT


class ConfigurationRefusedError(WebError):
    """A configuration file is invalid and the running configuration is kept.

    The status 500 is that of Prometheus.
    """


class TooManyRequestsError(WebError):
    """The sender is over a limit and may try again later."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message, None, {"Retry-After": str(retry_after_s)})


class TooLargeError(WebError):
    """The body is larger than the route accepts."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"the request body is too large: more than {limit_bytes} bytes")


class TooMuchInsideError(WebError):
    """The body is small enough, but its decompressed or decoded content is not."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMediaTypeError(WebError):
    """The route does not read bodies of this media type."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class BodyTimeoutError(WebError):
    """The body did not arrive in time."""

    status = HTTPStatus.REQUEST_TIMEOUT

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the request body did not arrive within {timeout_s:.0f} s")


class UnsupportedEncodingError(WebError):
    """The body's `Content-Encoding` is unknown."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self) -> None:
        message = "send the body uncompressed, or as gzip or zstd"
        super().__init__(message, None, {"Accept-Encoding": "gzip, zstd"})


class LiveSeriesError(WebError):
    """The queries of live connections yield too many series."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnavailableError(WebError):
    """The server cannot handle the request at the moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
