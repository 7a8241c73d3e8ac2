"""OTLP over gRPC of a real server: its port is announced, and the SDK's exporter sends to it."""

import asyncio
from pathlib import Path

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from tests.system.processes import redshank_server, until

pytestmark = pytest.mark.slow


def export(address: str, key: str, compression: grpc.Compression) -> None:
    exporter = OTLPMetricExporter(
        endpoint=f"http://{address}",
        insecure=True,
        headers=(("x-api-key", key),),
        compression=compression,
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=1e9)
    resource = Resource.create({"service.name": f"shop-{compression.name}"})
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    provider.get_meter("lib").create_counter("visits").add(3, {"route": "/"})
    assert provider.force_flush()
    provider.shutdown()


async def test_the_announced_port_takes_what_the_sdk_exports(tmp_path: Path) -> None:
    settings = {"ingest": {"otlp_grpc_listen": "127.0.0.1:0"}}
    async with redshank_server(tmp_path / "data", settings) as server:
        address = (await server.process.line(r"^  OTLP/gRPC  (127\.0\.0\.1:\d+)$"))[1]
        await server.process.line(rf"\"otlp_grpc\": \"{address}\".*server_started")
        flags = await server.get("/api/v1/status/flags")
        assert flags["data"]["ingest.otlp-grpc-listen"] == "127.0.0.1:0"
        key = server.session.headers["Authorization"].removeprefix("Bearer ")
        for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            await asyncio.to_thread(export, address, key, compression)
        found = await until(lambda: server.query('visits_total{route="/"}'), "the samples")
        jobs = {each["metric"]["job"]: each["value"][1] for each in found}
        assert jobs == {"shop-NoCompression": "3", "shop-Gzip": "3"}
        assert await server.process.stop() == 0
