"""Turns exceptions into error responses; no other code does."""

from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from model.process.worker_threads import drop_tracebacks
from web.http.failures import (
    READER_LANGUAGE,
    Failure,
    error_document,
    failure_of,
    in_language,
    otlp_status,
)
from web.http.responses import body_response, html_response, json_response
from web.http.routing import REQUEST_ID, Handler, Surface, surface_of

log = structlog.get_logger(__name__)

ErrorPage = Callable[[web.Request, Failure], str]
"""Renders a failure as an HTML page."""

PrometheusBody = Callable[[Failure], Any]
"""Returns a failure as the body of a Prometheus API error."""


def failures(error_page: ErrorPage, prometheus_body: PrometheusBody) -> Middleware:
    """Return the middleware."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as exc:
            if exc.status < 400:
                raise
            failure = failure_of(exc)
            # A request without a route keeps this error, whose frames keep the request.
            drop_tracebacks(exc)
        except ConnectionResetError:
            # The client left while the response was being streamed.
            raise
        except Exception as exc:
            failure = failure_of(exc)
            if not failure.expected:
                log.exception("request_failed", path=request.path)
            # The frames of the handler hold the request with its body.
            drop_tracebacks(exc)
        return _response(request, failure, error_page, prometheus_body)

    return middleware


def _response(
    request: web.Request, failure: Failure, error_page: ErrorPage, prometheus_body: PrometheusBody
) -> web.Response:
    shown = in_language(failure, request.headers.get(READER_LANGUAGE, ""))
    match surface_of(request):
        case Surface.PAGE:
            return html_response(error_page(request, failure), failure.status, failure.headers)
        case Surface.PROMETHEUS:
            return json_response(prometheus_body(shown), failure.status, failure.headers)
        case Surface.ALERTMANAGER:
            # A text, as Alertmanager's clients decode it.
            return json_response(failure.message, failure.status, failure.headers)
        case Surface.OTLP:
            body, media_type = otlp_status(failure, request.content_type)
            return body_response(body, media_type, failure.status, failure.headers)
        case Surface.JSON:
            document = error_document(shown, request.get(REQUEST_ID, ""))
            return json_response(document, failure.status, failure.headers)
