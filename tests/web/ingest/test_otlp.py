"""`/v1/logs` and `/v1/traces`: encodings, answers and statuses of the specification."""

import asyncio
import gzip
import importlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zstandard
from aiohttp import ClientResponse
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

from analytics.sessions.log_sink import AgentLogSink
from analytics.sessions.service import AgentSessions
from analytics.sessions.settings import SessionSettings
from ingest.limits.write_limits import BudgetLimits, WriteLimits
from ingest.otlp.receiver import OtlpReceiver
from model.label_limits import LabelLimits
from model.telemetry.log_records import LogOutcome, ScopeLogs
from storage.api.accounts import Role, Scope
from storage.api.errors import UnwritableError
from storage.events import DuckEventStore
from storage.samples.store import SqliteSampleStore
from tests.ingest.otlp.messages import any_value, key_values
from tests.ingest.otlp.otlp_setting import NOW_MS, counter, request
from tests.web.world import World, world_at

PROTOBUF, JSON = "application/x-protobuf", "application/json"


@dataclass
class Sink:
    """Keeps log records; rejects those named "bad"."""

    received: list[tuple[Sequence[ScopeLogs], str]] = field(default_factory=list)
    error: Exception | None = None

    async def receive(self, logs: Sequence[ScopeLogs], sender: str, token: str) -> LogOutcome:
        if self.error is not None:
            raise self.error
        assert token
        self.received.append((logs, sender))
        bad = sum(record.event_name == "bad" for one in logs for record in one.records)
        return LogOutcome(bad, "bad ones are refused" if bad else "")


@dataclass
class Setting:
    world: World
    sink: Sink
    store: SqliteSampleStore
    headers: dict[str, str]

    async def post(self, path: str, body: Any, content_type: str, **more: str) -> ClientResponse:
        headers = {**self.headers, "Content-Type": content_type, **more}
        return await self.world.client.post(path, data=body, headers=headers)


@pytest.fixture
async def setting(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Setting]:
    sink, store = Sink(), SqliteSampleStore(tmp_path / "samples", clock=lambda: NOW_MS)
    await asyncio.to_thread(store.open)
    limits = WriteLimits(
        labels=LabelLimits(4, 100, 100, 1000), sender=BudgetLimits(new_series_per_minute=5)
    )
    receiver = OtlpReceiver(store, store, lambda: NOW_MS, limits, logs=sink)
    async with world_at(tmp_path, aiohttp_client, otlp=receiver) as world:
        scopes = frozenset({Scope.PUSH})
        yield Setting(world, sink, store, await world.bearer(Role.EDITOR, scopes))
    await asyncio.to_thread(store.close)


def logs(*names: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for name in names:
        scope.log_records.add(event_name=name)
    return request


def names_of(sink: Sink) -> list[str]:
    return [
        record.event_name for many, _ in sink.received for one in many for record in one.records
    ]


@pytest.mark.parametrize("encoding", ["", "gzip", "zstd", "chunked"])
async def test_protobuf_is_stored_whatever_its_compression(setting: Setting, encoding: str) -> None:
    body = logs("a", "b").SerializeToString()
    headers = {"Content-Encoding": encoding} if encoding in ("gzip", "zstd") else {}
    sent: Any = body
    if encoding == "gzip":
        sent = gzip.compress(body)
    elif encoding == "zstd":
        sent = zstandard.compress(body)
    elif encoding == "chunked":

        async def chunks() -> AsyncIterator[bytes]:
            yield body[:3]
            yield body[3:]

        sent = chunks()
    answer = await setting.post("/v1/logs", sent, PROTOBUF, **headers)
    assert (answer.status, answer.content_type) == (200, PROTOBUF)
    assert await answer.read() == b""
    assert names_of(setting.sink) == ["a", "b"]
    assert setting.sink.received[0][1]


async def test_json_is_answered_in_json(setting: Setting) -> None:
    record = {"eventName": "bad", "traceId": "0aF1"}
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"eventName": "b"}]}]}]}
    answer = await setting.post("/v1/logs", json.dumps(body), JSON)
    assert (answer.status, answer.content_type) == (200, JSON)
    assert await answer.json() == {
        "partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "bad ones are refused"}
    }
    assert setting.sink.received[0][0][0].records[0].trace_id == "0af1"


async def test_partial_success_counts_what_is_rejected(setting: Setting) -> None:
    answer = await setting.post("/v1/logs", logs("bad", "b").SerializeToString(), PROTOBUF)
    found = ExportLogsServiceResponse.FromString(await answer.read()).partial_success
    assert (found.rejected_log_records, found.error_message) == (1, "bad ones are refused")


async def test_spans_are_rejected_with_a_reason(setting: Setting) -> None:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    scope.spans.add()
    scope.spans.add()
    answer = await setting.post("/v1/traces", request.SerializeToString(), PROTOBUF)
    assert answer.status == 200
    found = ExportTraceServiceResponse.FromString(await answer.read()).partial_success
    assert found.rejected_spans == 2
    assert "traces are not stored" in found.error_message


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "status", "code"),
    [
        (b"\xff", PROTOBUF, {}, 400, 3),
        (b"{", JSON, {}, 400, 3),
        (b"x", PROTOBUF, {"Content-Encoding": "gzip"}, 400, 3),
        (b"x", PROTOBUF, {"Content-Encoding": "zstd"}, 400, 3),
        (b"x", PROTOBUF, {"Content-Encoding": "br"}, 415, 3),
        (b"x", "text/plain", {}, 415, 3),
        (b"", PROTOBUF, {"Authorization": "Bearer wrong"}, 401, 16),
        (gzip.compress(bytes(33 * 2**20)), PROTOBUF, {"Content-Encoding": "gzip"}, 413, 8),
        (zstandard.compress(bytes(33 * 2**20)), PROTOBUF, {"Content-Encoding": "zstd"}, 413, 8),
    ],
)
async def test_failures_are_statuses_in_the_encoding_of_the_request(
    setting: Setting,
    body: bytes,
    content_type: str,
    headers: dict[str, str],
    status: int,
    code: int,
) -> None:
    answer = await setting.post("/v1/logs", body, content_type, **headers)
    assert answer.status == status
    if content_type == JSON:
        found = await answer.json()
        assert found["code"] == code
        assert found["message"]
    else:
        message = Status.FromString(await answer.read())
        assert (answer.content_type, message.code) == (PROTOBUF, code)
        assert message.message
    assert not setting.sink.received


async def test_a_failed_write_is_to_be_repeated(setting: Setting) -> None:
    setting.sink.error = UnwritableError("the disk is full")
    answer = await setting.post("/v1/logs", logs("a").SerializeToString(), PROTOBUF)
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("path", ["/v1/metrics", "/api/v1/otlp/v1/metrics"])
async def test_metrics_are_stored_and_rejected_points_are_counted(
    setting: Setting, path: str
) -> None:
    good = counter("good", (NOW_MS - 1000, NOW_MS, 1.0))
    many = counter("many", (NOW_MS - 1000, NOW_MS, 1.0), a=1, b=2, c=3)
    old = counter("old", (0, 5, 1.0))
    unset = counter("unset", (0, NOW_MS, 1.0), temporality=0)
    body = request(good, many, old, unset).SerializeToString()
    answer = await setting.post(path, body, PROTOBUF)
    assert answer.status == 200
    found = ExportMetricsServiceResponse.FromString(await answer.read()).partial_success
    assert found.rejected_data_points == 3
    for reason in ("ingest.series.labels", "too old", "temporality is not set"):
        assert reason in found.error_message
    parts = await asyncio.to_thread(setting.store.select, [], 0, 2 * NOW_MS)
    assert [labels.metric for part in parts for labels in part.labels] == ["good_total"]


async def test_a_limit_that_time_lifts_is_to_be_repeated(setting: Setting) -> None:
    for first in (0, 6):
        metrics = [
            counter(f"m{number}", (NOW_MS - 1000, NOW_MS, 1.0))
            for number in range(first, first + 6)
        ]
        answer = await setting.post("/v1/metrics", request(*metrics).SerializeToString(), PROTOBUF)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert Status.FromString(await answer.read()).code == 8


async def test_events_become_a_session_and_metrics_that_repeat_them_do_not_count(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    store = SqliteSampleStore(tmp_path / "samples", clock=lambda: NOW_MS)
    await asyncio.to_thread(store.open)
    events = DuckEventStore(tmp_path / "agents.duckdb")
    sessions = AgentSessions.over(SessionSettings(), events.agent_sessions, lambda: NOW_MS)
    sink = AgentLogSink(sessions.ingestion, lambda: NOW_MS)
    receiver = OtlpReceiver(store, store, lambda: NOW_MS, logs=sink)
    async with world_at(tmp_path, aiohttp_client, otlp=receiver, agent_sessions=sessions) as world:
        headers = await world.bearer(Role.EDITOR, frozenset({Scope.PUSH}))
        values = {"event.name": "api_request", "session.id": "s-1", "request_id": "req_1"}
        tokens = {"model": "claude-sonnet-4-5", "input_tokens": "1000", "output_tokens": "2000"}
        message = ExportLogsServiceRequest()
        message.resource_logs.add().scope_logs.add().log_records.add(
            time_unix_nano=NOW_MS * 1_000_000,
            body=any_value("claude_code.api_request"),
            attributes=key_values({**values, **tokens}),
        )
        used = counter(
            "claude_code.token.usage",
            (NOW_MS - 1000, NOW_MS, 3000.0),
            temporality=1,
            unit="tokens",
            **{"session.id": "s-1"},
        )
        for path, body in (
            ("/v1/metrics", request(used)),
            ("/v1/logs", message),
            ("/v1/logs", message),
        ):
            given = {**headers, "Content-Type": PROTOBUF}
            answer = await world.client.post(path, data=body.SerializeToString(), headers=given)
            assert (answer.status, await answer.read()) == (200, b"")
    session = await sessions.store.session("s-1")
    assert session is not None
    assert (session.totals.requests, session.totals.tokens.total) == (1, 3000)
    assert session.totals.cost_usd == pytest.approx((1000 * 3 + 2000 * 15) / 1e6)
    parts = await asyncio.to_thread(store.select, [], 0, 2 * NOW_MS)
    names = {labels.metric for part in parts for labels in part.labels}
    assert "claude_code_token_usage_tokens_total" in names
    await asyncio.to_thread(store.close)
    await asyncio.to_thread(events.close)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["proto.http", "json.http"])
async def test_the_official_sdk_exports_metrics(
    tmp_path: Path, aiohttp_client: AiohttpClient, module: str
) -> None:
    store = SqliteSampleStore(tmp_path / "samples", clock=now_ms)
    await asyncio.to_thread(store.open)
    receiver = OtlpReceiver(store, store, now_ms)
    async with world_at(tmp_path, aiohttp_client, otlp=receiver) as world:
        headers = await world.bearer(Role.EDITOR, frozenset({Scope.PUSH}))
        url = str(world.client.make_url("/v1/metrics"))
        await asyncio.to_thread(export, module, url, headers)
    parts = await asyncio.to_thread(store.select, [], 0, 2 * now_ms())
    names = {labels.metric for part in parts for labels in part.labels}
    assert {"hits_total", "wait_seconds_bucket", "target_info"} <= names
    assert receiver.statistics.rejected_points == 0
    await asyncio.to_thread(store.close)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def export(module: str, url: str, headers: dict[str, str]) -> None:
    """Send a counter and a histogram with the SDK; blocks."""
    path = f"opentelemetry.exporter.otlp.{module}.metric_exporter"
    exporter = importlib.import_module(path).OTLPMetricExporter(endpoint=url, headers=headers)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=1e9)
    resource = Resource.create({"service.name": "shop"})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = provider.get_meter("lib")
    meter.create_counter("hits").add(3, {"route": "/"})
    meter.create_histogram("wait", unit="s").record(0.2)
    assert provider.force_flush()
    provider.shutdown()


async def test_documented_media_types_are_those_of_the_answers(setting: Setting) -> None:
    client = setting.world.client
    paths = (await (await client.get("/openapi.json")).json())["paths"]
    for path in ("/v1/metrics", "/v1/logs", "/v1/traces"):
        responses = paths[path]["post"]["responses"]
        for sent, body in ((JSON, b"{}"), (PROTOBUF, b"")):
            for headers, status in ((setting.headers, "200"), ({}, "401")):
                given = {**headers, "Content-Type": sent}
                answer = await client.post(path, data=body, headers=given)
                assert (str(answer.status), answer.headers["Content-Type"]) == (status, sent)
                assert sent in responses[status]["content"]
