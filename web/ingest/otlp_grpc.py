"""OTLP over gRPC, on a port of its own.

Imported only if `ingest.otlp_grpc_listen` is set: importing grpcio takes memory and time that
a server without it should not spend.

Source: OpenTelemetry specification, "OTLP", OTLP/gRPC.
"""

import asyncio
import math
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote

import grpc
import structlog
from multidict import CIMultiDict

from ingest.otlp.answers import ExportAnswer, status_protobuf
from ingest.otlp.receiver import OtlpEncoding, OtlpReceiver
from model.clock import Clock
from model.limits import Refusals
from model.process.worker_threads import WorkerThreads
from web.http.errors import ForbiddenError, TooManyRequestsError, UnauthorizedError
from web.http.failures import failure_of
from web.http.network import sender_network
from web.http.quotas import Holder, Quota
from web.http.routing import Access, Principal
from web.identity.authentication import Authenticator
from web.ingest.otlp import BODY_BYTES, Receive, stored
from web.settings import QuotaSettings

log = structlog.get_logger(__name__)

_SERVICES: Final = {
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
}
_CODES: Final = {
    HTTPStatus.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
_DETAILS: Final = "grpc-status-details-bin"
_STOP_S: Final = 10.0
# A thread waits for each request that is being stored.
_THREADS: Final = 16
_OPTIONS: Final = (
    # Also of the decompressed message.
    ("grpc.max_receive_message_length", BODY_BYTES),
    # A connection holds at most this many messages that are being received.
    ("grpc.max_concurrent_streams", 16),
    ("grpc.so_reuseport", 0),
)

Export = Callable[[bytes, Any], bytes]


class OtlpGrpcServer:
    """Receives what SDKs and Collectors send by OTLP over gRPC; the loop runs the receiver.

    gRPC's own threads read the messages: its asyncio server joins a thread on the event loop.

    Args:
        receiver: that of OTLP over HTTP.
        authenticator: finds the user of a token.
        quotas: requests a minute, counted apart from those over HTTP.
        clock: returns the current time.
        refusals: counts what a quota refuses.
    """

    def __init__(
        self,
        receiver: OtlpReceiver,
        authenticator: Authenticator,
        quotas: QuotaSettings,
        clock: Clock,
        refusals: Refusals,
    ) -> None:
        self._receiver, self._authenticator = receiver, authenticator
        self._clock, self._refusals = clock, refusals
        self._by_address, self._by_key = (
            Quota(per_minute) if per_minute else None
            for per_minute in (quotas.address_per_minute, quotas.key_per_minute)
        )
        self._loop = asyncio.get_running_loop()
        self._threads = WorkerThreads(_THREADS, thread_name_prefix="otlp-grpc")
        self._server = grpc.server(self._threads, options=_OPTIONS)
        receive: dict[str, Receive] = {
            "metrics": receiver.receive_metrics,
            "logs": receiver.receive_logs,
            "traces": self._traces,
        }
        for signal, service in _SERVICES.items():
            method = grpc.unary_unary_rpc_method_handler(self._export(receive[signal]))
            handler = grpc.method_handlers_generic_handler(service, {"Export": method})
            self._server.add_generic_rpc_handlers((handler,))

    async def start(self, address: str, tls: tuple[bytes, bytes] | None = None) -> int:
        """Listen; return the port.

        Args:
            address: HOST:PORT.
            tls: the private key and the certificates, as PEM; None for plain HTTP/2.

        Raises:
            RuntimeError: the address cannot be listened on.
        """
        if tls is None:
            port = self._server.add_insecure_port(address)
        else:
            credentials = grpc.ssl_server_credentials([tls])
            port = self._server.add_secure_port(address, credentials)
        await asyncio.to_thread(self._server.start)
        return int(port)

    async def stop(self) -> None:
        """Refuse new requests, and wait some seconds for those that are being stored."""
        stopped = self._server.stop(_STOP_S)
        await asyncio.to_thread(stopped.wait)
        await asyncio.to_thread(self._threads.shutdown)

    def _export(self, receive: Receive) -> Export:
        async def answered(body: bytes, context: Any) -> ExportAnswer:
            principal = await self._admitted(context)
            encoding = OtlpEncoding.PROTOBUF
            return await stored(receive(body, encoding, principal.name, principal.token))

        def export(body: bytes, context: Any) -> bytes:
            answering = asyncio.run_coroutine_threadsafe(answered(body, context), self._loop)
            try:
                return answering.result().protobuf()
            except Exception as exc:
                _refuse(context, exc)
                raise

        return export

    async def _traces(
        self, body: bytes, encoding: OtlpEncoding, _sender: str, _token: str
    ) -> ExportAnswer:
        return await self._receiver.receive_traces(body, encoding)

    async def _admitted(self, context: Any) -> Principal:
        """Return the sender of a request.

        Raises:
            UnauthorizedError: its metadata have no valid token.
            ForbiddenError: the token may not push.
            TooManyRequestsError: the sender has used up its quota.
        """
        self._take(self._by_address, sender_network(_address(context.peer())), Holder.ADDRESS)
        metadata = context.invocation_metadata() or ()
        headers = CIMultiDict((name, value) for name, value in metadata if isinstance(value, str))
        principal = await self._authenticator.of_headers(headers)
        if principal is None or principal.user is None:
            raise UnauthorizedError("send a token in the metadata authorization or x-api-key")
        if not principal.may(Access.PUSH):
            raise ForbiddenError("this token may not push: it needs the scope push")
        self._take(self._by_key, f"{principal.user.id} {principal.token}", Holder.KEY)
        return principal

    def _take(self, quota: Quota | None, sender: str, holder: Holder) -> None:
        if quota is None:
            return
        state = quota.take(sender, self._clock())
        if state.wait_ms:
            self._refusals.count(holder.limit)
            raise TooManyRequestsError(
                f"more than {state.limit} requests a minute from this {holder}",
                math.ceil(state.wait_ms / 1000),
            )


def _address(peer: str) -> str:
    """Return the address of a peer such as `ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")


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
