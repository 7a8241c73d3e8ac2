"""OTLP over gRPC, on a port of its own.

Imported only if `ingest.otlp_grpc_listen` is set: importing grpcio takes memory and time that
a server without it should not spend.

Source: OpenTelemetry specification, "OTLP", OTLP/gRPC.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import unquote

import grpc
import structlog
from multidict import CIMultiDict

from ingest.otlp.answers import ExportAnswer, status_protobuf
from ingest.otlp.receiver import OtlpEncoding, OtlpReceiver
from model.limits import LimitName
from model.process.worker_threads import WorkerThreads
from web.http.errors import BadRequestError
from web.http.failures import failure_of
from web.http.routing import Principal
from web.identity.push_admission import PushAdmission
from web.ingest.otlp import BODY_BYTES, Receive, stored
from web.settings import ConnectionSettings

log = structlog.get_logger(__name__)

_SERVICES: Final = {
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
}
_CODES: Final = {
    HTTPStatus.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    # Without a RetryInfo it is not to be repeated, like gRPC's own for a message too large.
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.REQUEST_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
_DETAILS: Final = "grpc-status-details-bin"
_STOP_S: Final = 10.0
_STREAMS: Final = 16
"""A connection holds at most this many messages that are being received."""
# A thread waits for each request that is being stored.
_THREADS: Final = 16
_FORWARDED: Final = "x-forwarded-for"
_PEER: Final = "unix-abstract:"

T = TypeVar("T")
Export = Callable[[Iterator[bytes], Any], bytes]


class PushClient(Protocol):
    """The client at the other end of a connection."""

    @property
    def address(self) -> str:
        """Its address."""

    @property
    def received_bytes(self) -> int:
        """What it has sent over the connection."""

    def request_began(self) -> None:
        """Note that a request is served."""

    def request_ended(self, now_s: float) -> None:
        """Note that a request has ended."""


class OtlpGrpcServer:
    """Receives what SDKs and Collectors send by OTLP over gRPC; the loop runs the receiver.

    It listens on a Unix socket, to which clients that have a place are relayed. gRPC's own
    threads read the messages: its asyncio server joins a thread on the event loop.

    Args:
        receiver: that of OTLP over HTTP.
        admission: admits the senders, by the quotas of OTLP over HTTP.
        connections: deadlines of connections.
        client: returns the client with a name of the abstract namespace.
    """

    def __init__(
        self,
        receiver: OtlpReceiver,
        admission: PushAdmission,
        connections: ConnectionSettings,
        client: Callable[[str], PushClient | None],
    ) -> None:
        self._receiver, self._admission, self._client_of = receiver, admission, client
        self._loop = asyncio.get_running_loop()
        self._threads = WorkerThreads(_THREADS, thread_name_prefix="otlp-grpc")
        self._server = grpc.server(self._threads, options=_options(connections))
        receive: dict[str, Receive] = {
            "metrics": receiver.receive_metrics,
            "logs": receiver.receive_logs,
            "traces": self._traces,
        }
        for signal, service in _SERVICES.items():
            # A stream to the server, though clients send one message: a handler of a single
            # message is called after gRPC has received the message, this one before.
            method = grpc.stream_unary_rpc_method_handler(self._export(receive[signal]))
            handler = grpc.method_handlers_generic_handler(service, {"Export": method})
            self._server.add_generic_rpc_handlers((handler,))

    async def start(self, path: str) -> None:
        """Listen on a Unix socket.

        Raises:
            RuntimeError: the path cannot be listened on.
        """
        self._server.add_insecure_port(f"unix:{path}")
        await asyncio.to_thread(self._server.start)

    async def stop(self) -> None:
        """Refuse new requests, and wait some seconds for those that are being stored."""
        stopped = self._server.stop(_STOP_S)
        await asyncio.to_thread(stopped.wait)
        await asyncio.to_thread(self._threads.shutdown)

    def _export(self, receive: Receive) -> Export:
        def export(messages: Iterator[bytes], context: Any) -> bytes:
            client = self._client_of(unquote(context.peer()).removeprefix(_PEER))
            if client is None:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the connection is closed")
                raise AssertionError
            self._loop.call_soon_threadsafe(client.request_began)
            try:
                return self._exported(receive, messages, context, client).protobuf()
            except grpc.RpcError:
                # The client has left, or its message arrived too slowly.
                raise
            except Exception as exc:
                _refuse(context, exc)
                raise
            finally:
                self._loop.call_soon_threadsafe(lambda: client.request_ended(self._loop.time()))

        return export

    def _exported(
        self, receive: Receive, messages: Iterator[bytes], context: Any, client: PushClient
    ) -> ExportAnswer:
        """Admit the sender, receive the message and store it; runs in a thread of gRPC."""
        principal, deadline = self._on_loop(self._admitted(context, client))
        try:
            body = next(messages, None)
        finally:
            self._loop.call_soon_threadsafe(deadline.cancel)

        async def answered() -> ExportAnswer:
            if body is None:
                raise BadRequestError("the request has no message")
            self._admission.bodies.admit(len(body))
            encoding = OtlpEncoding.PROTOBUF
            return await stored(receive(body, encoding, principal.name, principal.token))

        return self._on_loop(answered())

    def _on_loop(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    async def _admitted(self, context: Any, client: PushClient) -> tuple[Principal, "_Deadline"]:
        """Return the sender of a request, and the deadline of its message.

        Raises:
            UnauthorizedError, ForbiddenError, TooManyRequestsError: see `PushAdmission`.
        """
        metadata = context.invocation_metadata() or ()
        headers = CIMultiDict((name, value) for name, value in metadata if isinstance(value, str))
        forwarded = headers.getall(_FORWARDED, [])
        principal = await self._admission.sender(client.address, headers, forwarded)
        return principal, _Deadline(self._admission, client, context.cancel, self._loop)

    async def _traces(
        self, body: bytes, encoding: OtlpEncoding, _sender: str, _token: str
    ) -> ExportAnswer:
        return await self._receiver.receive_traces(body, encoding)


class _Deadline:
    """Cancels a request whose message arrives too slowly, until it is itself cancelled."""

    def __init__(
        self,
        admission: PushAdmission,
        client: PushClient,
        end: Callable[[], object],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._bodies, self._client, self._end = admission.bodies, client, end
        self._loop, self._started_s = loop, loop.time()
        self._before_bytes = client.received_bytes
        self._waiting = loop.call_later(self._bodies.timeout_s, self._check)

    def cancel(self) -> None:
        """Let the request go on."""
        self._waiting.cancel()

    def _check(self) -> None:
        allowed_s = self._bodies.allowed_s(self._client.received_bytes - self._before_bytes)
        if self._loop.time() - self._started_s < allowed_s:
            self._waiting = self._loop.call_at(self._started_s + allowed_s, self._check)
            return
        self._bodies.refusals.count(LimitName.BODY_TIME)
        self._end()


def _options(connections: ConnectionSettings) -> tuple[tuple[str, int], ...]:
    return (
        # Also of the decompressed message.
        ("grpc.max_receive_message_length", BODY_BYTES),
        ("grpc.max_concurrent_streams", _STREAMS),
        ("grpc.server_handshake_timeout_ms", round(connections.header_timeout_s * 1000)),
        ("grpc.max_connection_idle_ms", round(connections.idle_timeout_s * 1000)),
    )


def _refuse(context: Any, exc: Exception) -> None:
    """End a request with the status of an error; a client may retry if it is given a time."""
    failure = failure_of(exc)
    if not failure.expected:
        log.error("otlp_grpc_request_failed", exc_info=exc)
    code = _CODES.get(HTTPStatus(failure.status), grpc.StatusCode.INTERNAL)
    retry_after_s = int(failure.headers.get("Retry-After", 0))
    details = status_protobuf(code.value[0], failure.message, retry_after_s)
    context.set_trailing_metadata(((_DETAILS, details),))
    context.abort(code, failure.message)
