"""`/v1/metrics`, `/v1/logs`, `/v1/traces`: OTLP over HTTP.

Source: OpenTelemetry specification, "OTLP", OTLP/HTTP.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from typing_extensions import TypedDict

from ingest.errors import PushError, PushLimitError, TooMuchError
from ingest.otlp.answers import ExportAnswer
from ingest.otlp.receiver import OtlpEncoding, OtlpReceiver
from web.http.bodies import read_body
from web.http.errors import BadRequestError, TooMuchInsideError, UnsupportedMediaTypeError
from web.http.operations import Operation
from web.http.routing import Access, Handler, Route, Surface, principal_of

_JSON: Final = "application/json"
_PROTOBUF: Final = "application/x-protobuf"
_ENCODINGS: Final = {
    _JSON: OtlpEncoding.JSON,
    _PROTOBUF: OtlpEncoding.PROTOBUF,
    "application/protobuf": OtlpEncoding.PROTOBUF,
}

# A Collector sends 8,192 points at a time, some megabytes with long attributes.
BODY_BYTES: Final = 32 * 2**20


class PartialSuccess(TypedDict, total=False):
    """What is not stored and why, or a warning; only one of the counts."""

    rejectedDataPoints: str
    rejectedLogRecords: str
    rejectedSpans: str
    errorMessage: str


class ExportDocument(TypedDict, total=False):
    """The answer to a request that is accepted; empty if everything is stored."""

    partialSuccess: PartialSuccess


Receive = Callable[[bytes, OtlpEncoding, str, str], Awaitable[ExportAnswer]]
"""Takes a body, its encoding, the sender's name and its token."""


class OtlpApi:
    """Receives what OpenTelemetry SDKs and Collectors send."""

    def __init__(self, receiver: OtlpReceiver) -> None:
        self._receiver = receiver

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            _route("/v1/metrics", self.metrics),
            _route("/api/v1/otlp/v1/metrics", self.metrics),
            _route("/v1/logs", self.logs),
            _route("/v1/traces", self.traces),
        )

    async def metrics(self, request: web.Request) -> web.Response:
        """Store the data points of an OTLP request."""
        return await _answered(request, self._receiver.receive_metrics)

    async def logs(self, request: web.Request) -> web.Response:
        """Store the log records and events of an OTLP request."""
        return await _answered(request, self._receiver.receive_logs)

    async def traces(self, request: web.Request) -> web.Response:
        """Accept an OTLP request with spans; the answer says that traces are not stored."""

        async def receive(
            body: bytes, encoding: OtlpEncoding, _sender_name: str, _token: str
        ) -> ExportAnswer:
            return await self._receiver.receive_traces(body, encoding)

        return await _answered(request, receive)


def _route(path: str, handler: Handler) -> Route:
    operation = Operation(
        tag="push",
        body=bytes,
        body_media_types=(_PROTOBUF, _JSON),
        response=ExportDocument,
        errors=(HTTPStatus.UNSUPPORTED_MEDIA_TYPE,),
    )
    return Route(
        "POST",
        path,
        handler,
        Access.PUSH,
        Surface.OTLP,
        operation=operation,
        body_limit_bytes=BODY_BYTES,
    )


async def stored(receiving: Awaitable[ExportAnswer]) -> ExportAnswer:
    """Return the answer of a receiver; its errors become those of the web.

    Raises:
        TooMuchInsideError: the request exceeds a limit.
        BadRequestError: the body is no such message.
    """
    try:
        return await receiving
    except TooMuchError as exc:
        raise TooMuchInsideError(str(exc)) from exc
    except PushLimitError:
        raise
    except PushError as exc:
        raise BadRequestError(str(exc)) from exc


async def _answered(request: web.Request, receive: Receive) -> web.Response:
    """Read a request, and answer in its own encoding."""
    encoding = _ENCODINGS.get(request.content_type)
    if encoding is None:
        raise UnsupportedMediaTypeError(f"Content-Type must be {_PROTOBUF} or {_JSON}")
    body = await read_body(request)
    principal = principal_of(request)
    answer = await stored(receive(body, encoding, principal.name, principal.token))
    if encoding is OtlpEncoding.JSON:
        return web.Response(body=answer.json(), content_type=_JSON)
    return web.Response(body=answer.protobuf(), content_type=_PROTOBUF)
