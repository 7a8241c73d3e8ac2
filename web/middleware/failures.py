"""Exceptions become answers here and nowhere else."""

from collections.abc import Callable

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from web.http.answers import html_answer, json_answer
from web.http.errors import Failure, failure_of
from web.http.routing import REQUEST_ID, Handler, Surface, surface_of
from web.prometheus.envelope import failure_envelope

log = structlog.get_logger(__name__)

ErrorPage = Callable[[web.Request, Failure], str]
"""Renders a failure as an HTML page."""


def failures(error_page: ErrorPage) -> Middleware:
    """Return the middleware."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as exc:
            if exc.status < 400:
                raise
            failure = failure_of(exc)
        except ConnectionResetError:
            # The client left in the middle of a streamed answer; nobody reads another.
            raise
        except Exception as exc:
            # The outermost frame: whatever it is, it is logged and answered.
            failure = failure_of(exc)
            if not failure.expected:
                log.exception("request_failed", path=request.path)
        return _answer(request, failure, error_page)

    return middleware


def _answer(request: web.Request, failure: Failure, error_page: ErrorPage) -> web.Response:
    match surface_of(request):
        case Surface.PAGE:
            return html_answer(error_page(request, failure), failure.status, failure.headers)
        case Surface.PROMETHEUS:
            return json_answer(failure_envelope(failure), failure.status, failure.headers)
        case Surface.JSON:
            body: dict[str, str] = {"error": failure.message}
            if failure.field:
                body["field"] = failure.field
            if not failure.expected:
                body["request_id"] = request.get(REQUEST_ID, "")
            return json_answer(body, failure.status, failure.headers)
