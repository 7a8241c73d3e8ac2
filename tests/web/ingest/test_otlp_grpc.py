"""OTLP over gRPC: the receiver, tokens and limits of OTLP over HTTP, with gRPC's statuses."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from pytest_aiohttp import AiohttpClient

from ingest.limits.write_limits import BudgetLimits, WriteLimits
from ingest.otlp.receiver import OtlpReceiver
from model.limits import Refusals
from model.telemetry.log_records import LogOutcome
from storage.api.accounts import Role, Scope
from storage.api.errors import UnwritableError
from storage.samples.store import SqliteSampleStore
from tests.ingest.otlp.otlp_setting import NOW_MS, counter, request
from tests.patience import PATIENCE_S
from tests.web.world import world_at
from web.identity.access_tokens import AccessTokens
from web.identity.authentication import Authenticator
from web.settings import QuotaSettings, WebSettings

grpc = pytest.importorskip("grpc", reason="the extra grpc is not installed")

PACKAGE = "opentelemetry.proto.collector"
METRICS = f"/{PACKAGE}.metrics.v1.MetricsService/Export"
LOGS = f"/{PACKAGE}.logs.v1.LogsService/Export"
TRACES = f"/{PACKAGE}.trace.v1.TraceService/Export"


class Sink:
    """Raises an error, or stores nothing."""

    error: Exception | None = None
    waiting: asyncio.Event | None = None

    def __init__(self) -> None:
        self.arrived = asyncio.Event()

    async def receive(self, logs: Any, sender: str, token: str) -> LogOutcome:
        if self.error is not None:
            raise self.error
        assert sender
        assert token
        self.arrived.set()
        if self.waiting is not None:
            await self.waiting.wait()
        return LogOutcome(1, "only the events of coding agents are stored")


@dataclass
class Setting:
    server: Any
    channel: Any
    port: int
    sink: Sink
    store: SqliteSampleStore
    token: str
    viewer: str

    async def call(self, path: str, body: bytes, token: str | None = None, **options: Any) -> bytes:
        token = self.token if token is None else token
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        return await self.send(path, body, metadata, **options)

    async def send(self, path: str, body: bytes, metadata: Any, **options: Any) -> bytes:
        method = self.channel.unary_unary(path)
        answer: bytes = await asyncio.to_thread(
            method, body, metadata=metadata, timeout=PATIENCE_S, **options
        )
        return answer

    async def refused(self, path: str, body: bytes, token: str | None = None) -> Any:
        with pytest.raises(grpc.RpcError) as caught:
            await self.call(path, body, token)
        return caught.value


@pytest.fixture
async def setting(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Setting]:
    from web.ingest.otlp_grpc import OtlpGrpcServer

    sink, store = Sink(), SqliteSampleStore(tmp_path / "samples", clock=lambda: NOW_MS)
    await asyncio.to_thread(store.open)
    limits = WriteLimits(sender=BudgetLimits(new_series_per_minute=5))
    receiver = OtlpReceiver(store, store, lambda: NOW_MS, limits, logs=sink)
    async with world_at(tmp_path, aiohttp_client) as world:
        clock, keys = world.services.clock, world.services.keys
        tokens = AccessTokens(world.accounts, keys, clock, 600)
        authenticator = Authenticator(world.accounts, tokens, clock, WebSettings())
        quotas = QuotaSettings(address_per_minute=0, key_per_minute=20)
        server = OtlpGrpcServer(receiver, authenticator, quotas, clock, Refusals())
        port = await server.start("127.0.0.1:0")
        push = await world.bearer(Role.EDITOR, frozenset({Scope.PUSH}))
        viewer = await world.bearer(Role.VIEWER)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Setting(
                server,
                channel,
                port,
                sink,
                store,
                push["Authorization"].removeprefix("Bearer "),
                viewer["Authorization"].removeprefix("Bearer "),
            )
        await server.stop()
    await asyncio.to_thread(store.close)


def metrics(*names: str) -> bytes:
    message = request(*(counter(name, (NOW_MS - 1000, NOW_MS, 1.0)) for name in names))
    body: bytes = message.SerializeToString()
    return body


async def names_in(store: SqliteSampleStore) -> set[str]:
    parts = await asyncio.to_thread(store.select, [], 0, 2 * time.time_ns() // 1_000_000)
    return {labels.metric for part in parts for labels in part.labels}


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
async def test_metrics_are_stored(setting: Setting, compressed: bool) -> None:
    compression = grpc.Compression.Gzip if compressed else None
    assert await setting.call(METRICS, metrics("hits"), compression=compression) == b""
    assert "hits_total" in await names_in(setting.store)


async def test_partial_success_counts_what_is_rejected(setting: Setting) -> None:
    body = request(
        counter("good", (NOW_MS - 1000, NOW_MS, 1.0)),
        counter("unset", (0, NOW_MS, 1.0), temporality=0),
    ).SerializeToString()
    found = ExportMetricsServiceResponse.FromString(await setting.call(METRICS, body))
    assert found.partial_success.rejected_data_points == 1
    assert "temporality is not set" in found.partial_success.error_message
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add(event_name="a")
    answer = await setting.call(LOGS, logs.SerializeToString())
    assert ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records == 1
    spans = ExportTraceServiceRequest()
    spans.resource_spans.add().scope_spans.add().spans.add()
    traces = await setting.call(TRACES, spans.SerializeToString())
    assert ExportTraceServiceResponse.FromString(traces).partial_success.rejected_spans == 1


async def test_senders_without_a_token_that_may_push_are_refused(setting: Setting) -> None:
    for token, code in (
        ("", grpc.StatusCode.UNAUTHENTICATED),
        ("wrong", grpc.StatusCode.UNAUTHENTICATED),
        (setting.viewer, grpc.StatusCode.PERMISSION_DENIED),
    ):
        error = await setting.refused(METRICS, metrics("hits"), token)
        assert error.code() is code
        assert error.details()
    assert not await names_in(setting.store)


async def test_key_may_be_in_x_api_key(setting: Setting) -> None:
    await setting.send(METRICS, metrics("hits"), (("x-api-key", setting.token),))
    assert "hits_total" in await names_in(setting.store)


async def test_malformed_message_is_not_to_be_repeated(setting: Setting) -> None:
    error = await setting.refused(METRICS, b"\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert retry_after_s(error) is None


async def test_limit_that_time_lifts_says_when_to_repeat(setting: Setting) -> None:
    await setting.call(METRICS, metrics(*"abcdef"))
    error = await setting.refused(METRICS, metrics(*"ghijkl"))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_after_s(error)


async def test_failed_write_is_to_be_repeated(setting: Setting) -> None:
    setting.sink.error = UnwritableError("the disk is full")
    error = await setting.refused(LOGS, b"")
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert retry_after_s(error)


async def test_unknown_error_is_internal_and_hides_its_text(setting: Setting) -> None:
    setting.sink.error = ZeroDivisionError("secret")
    error = await setting.refused(LOGS, b"")
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in error.details()


async def test_quota_of_a_key_says_when_to_repeat(setting: Setting) -> None:
    async def until_refused() -> Any:
        while True:
            await setting.call(TRACES, b"")

    with pytest.raises(grpc.RpcError) as caught:
        await asyncio.wait_for(until_refused(), PATIENCE_S)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_after_s(caught.value)
    assert "requests a minute from this key" in caught.value.details()


async def test_message_that_decompresses_to_more_than_the_limit_is_refused(
    setting: Setting,
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        await setting.call(METRICS, bytes(33 * 2**20), compression=grpc.Compression.Gzip)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_stop_waits_for_requests_that_are_being_stored(setting: Setting) -> None:
    setting.sink.waiting = asyncio.Event()
    call = asyncio.ensure_future(setting.call(LOGS, b""))
    await asyncio.wait_for(setting.sink.arrived.wait(), PATIENCE_S)
    stopping = asyncio.ensure_future(setting.server.stop())
    setting.sink.waiting.set()
    assert await call
    await stopping


@pytest.mark.slow
async def test_the_official_sdk_exports_metrics(setting: Setting) -> None:
    exporters = await asyncio.to_thread(
        pytest.importorskip,
        "opentelemetry.exporter.otlp.proto.grpc.metric_exporter",
        reason="the SDK's exporter for gRPC is not installed",
    )

    def export() -> None:
        exporter = exporters.OTLPMetricExporter(
            endpoint=f"http://127.0.0.1:{setting.port}",
            insecure=True,
            headers=(("authorization", f"Bearer {setting.token}"),),
        )
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=1e9)
        resource = Resource.create({"service.name": "shop"})
        provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        provider.get_meter("lib").create_counter("spans").add(3, {"route": "/"})
        assert provider.force_flush()
        provider.shutdown()

    await asyncio.to_thread(export)
    # The store's clock is behind the SDK's, so the receiver answers that the time is wrong.
    assert setting.server._receiver.statistics.points >= 1


def retry_after_s(error: Any) -> int | None:
    """Return the seconds of an error's `RetryInfo`, None without one."""
    for name, value in error.trailing_metadata():
        if name == "grpc-status-details-bin":
            status = Status.FromString(value)
            assert (status.code, status.message) == (error.code().value[0], error.details())
            for detail in status.details:
                assert detail.type_url == "type.googleapis.com/google.rpc.RetryInfo"
                retry = RetryInfo()
                assert detail.Unpack(retry)
                return int(retry.retry_delay.seconds)
    return None
