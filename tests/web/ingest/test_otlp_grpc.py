"""OTLP over gRPC: the receiver, tokens and limits of OTLP over HTTP, with gRPC's statuses."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
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

from storage.api.errors import UnwritableError
from tests.ingest.otlp.otlp_setting import NOW_MS, counter, request
from tests.patience import PATIENCE_S
from tests.web.ingest.grpc_setting import (
    LOGS,
    METRICS,
    TRACES,
    Setting,
    grpc_setting,
    metrics,
    names_in,
    retry_after_s,
)


@pytest.fixture
async def setting(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Setting]:
    async with grpc_setting(tmp_path, aiohttp_client) as opened:
        yield opened


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
