"""`POST /api/v1/write`: samples from another Prometheus, by remote write 1.0 or 2.0.

Source: Prometheus Remote-Write 1.0 and 2.0 specifications.
"""

import asyncio
from email.message import Message
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from ingest.errors import PushError, PushLimitError, TooMuchError
from ingest.remote_write.receiver import RemoteWriteReceiver, WriteVersion
from ingest.series.write_result import WriteResult
from model.limits import LimitName
from web.http.bodies import read_body
from web.http.errors import (
    BadRequestError,
    TooManyRequestsError,
    TooMuchInsideError,
    UnavailableError,
    UnsupportedMediaTypeError,
    WebError,
)
from web.http.operations import Operation
from web.http.routing import Access, Route, Surface, principal_of

log = structlog.get_logger(__name__)


class RefusedForNowError(WebError):
    """Some samples are refused and may be sent again later."""

    status = HTTPStatus.TOO_MANY_REQUESTS


_MEDIA_TYPE: Final = "application/x-protobuf"
_MESSAGES: Final = {
    "prometheus.WriteRequest": WriteVersion.V1,
    "io.prometheus.write.v2.Request": WriteVersion.V2,
}
_WRITTEN: Final = "X-Prometheus-Remote-Write-{}-Written"

# Prometheus sends some 100 kB at most, vmagent up to 8 MB before compression.
_BODY_BYTES: Final = 16 * 2**20
_LOG_INTERVAL_S: Final = 10.0


class RemoteWriteApi:
    """Receives remote-write requests."""

    def __init__(self, receiver: RemoteWriteReceiver) -> None:
        self._receiver = receiver
        self._log_after_s = 0.0

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation(
            tag="push",
            body=bytes,
            body_media_types=(_MEDIA_TYPE,),
            status=HTTPStatus.NO_CONTENT,
            errors=(HTTPStatus.UNSUPPORTED_MEDIA_TYPE,),
        )
        return (
            Route(
                "POST",
                "/api/v1/write",
                self.write,
                Access.PUSH,
                Surface.PROMETHEUS,
                operation=operation,
                body_limit_bytes=_BODY_BYTES,
            ),
        )

    async def write(self, request: web.Request) -> web.Response:
        """Store the samples of a remote-write request, version 1.0 or 2.0."""
        version = _version(request)
        encoding = request.headers.get("Content-Encoding", "snappy")
        if encoding != "snappy":
            raise UnsupportedMediaTypeError(f"Content-Encoding {encoding!r} is not snappy")
        body = await read_body(request)
        principal = principal_of(request)
        try:
            result = await self._receiver.receive(principal.name, body, version, principal.token)
        except TooMuchError as exc:
            raise TooMuchInsideError(str(exc)) from exc
        except PushLimitError as exc:
            raise TooManyRequestsError(str(exc), exc.retry_after_s) from exc
        except PushError as exc:
            raise BadRequestError(str(exc)) from exc
        headers = _written(result) if version is WriteVersion.V2 else {}
        if result.rejected:
            self._log_rejection(principal.name, result)
            raise _refusal(result, headers)
        return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)

    def _log_rejection(self, sender: str, result: WriteResult) -> None:
        """Log a rejection, at most one in ten seconds: senders cause thousands in a row."""
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._log_after_s:
            self._log_after_s = now_s + _LOG_INTERVAL_S
            log.warning(
                "remote_write_rejected",
                sender=sender,
                samples=result.rejected,
                reason=result.messages[0],
            )


def _version(request: web.Request) -> WriteVersion:
    """Return the version of the message by its Content-Type; 1.0 is the default."""
    header = Message()
    header["Content-Type"] = request.headers.get("Content-Type", _MEDIA_TYPE)
    name = header.get_param("proto", "prometheus.WriteRequest")
    version = _MESSAGES.get(name) if isinstance(name, str) else None
    if header.get_content_type() != _MEDIA_TYPE or version is None:
        known = ", ".join(f"{_MEDIA_TYPE};proto={message}" for message in _MESSAGES)
        raise UnsupportedMediaTypeError(f"Content-Type must be one of {known}")
    return version


def _written(result: WriteResult) -> dict[str, str]:
    """Return the headers of 2.0 that count what was stored."""
    return {
        _WRITTEN.format("Samples"): str(result.samples_written),
        _WRITTEN.format("Histograms"): str(result.histograms_written),
        _WRITTEN.format("Exemplars"): "0",
    }


def _refusal(result: WriteResult, headers: dict[str, str]) -> WebError:
    """Return the error for samples that were refused, while all others were stored.

    A sender drops the request if the status is 400, and repeats it if it is 503 and, as
    configured, 429. Repeating is harmless: samples that are stored already are accepted.
    """
    if result.retry_after_s:
        headers = {**headers, "Retry-After": str(result.retry_after_s)}
    kind: type[WebError] = BadRequestError
    if LimitName.MEMORY in result.refused:
        kind = UnavailableError
    elif result.retry_after_s:
        kind = RefusedForNowError
    return kind(_reason(result), headers=headers)


def _reason(result: WriteResult) -> str:
    total = result.written + result.rejected
    return f"{result.rejected} of {total} samples are refused: " + "; ".join(result.messages)
