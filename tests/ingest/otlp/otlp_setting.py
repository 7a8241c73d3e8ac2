"""A receiver of OTLP over a real store, and builders of requests."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ScopeMetrics

from ingest.limits.write_limits import WriteLimits
from ingest.otlp.answers import ExportAnswer
from ingest.otlp.receiver import OtlpEncoding, OtlpReceiver
from ingest.otlp.translation_settings import TranslationSettings
from model.labels import Labels
from model.series import is_absent, is_stale
from model.telemetry.log_records import AttributeValue
from model.telemetry.persons import PseudonymSource
from storage.samples.store import SqliteSampleStore
from tests.ingest.otlp.messages import key_values

NOW_MS = 1_790_000_000_000
NS = 1_000_000
RESOURCE = {"service.name": "shop", "service.instance.id": "i1"}


def request(
    *metrics: Metric, resource: Mapping[str, AttributeValue] | None = None
) -> ExportMetricsServiceRequest:
    """Return a request with metrics of one scope."""
    message = ExportMetricsServiceRequest()
    one = message.resource_metrics.add()
    one.resource.attributes.extend(key_values(RESOURCE if resource is None else resource))
    one.scope_metrics.append(ScopeMetrics(metrics=metrics))
    return message


def counter(
    name: str,
    *points: tuple[int, int, float],
    temporality: int = 2,
    unit: str = "",
    **attributes: AttributeValue,
) -> Metric:
    """Return a monotonic sum; a point is its start and time in milliseconds, and its value."""
    metric = Metric(name=name, unit=unit)
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = temporality  # type: ignore[assignment]
    for start_ms, time_ms, value in points:
        metric.sum.data_points.add(
            start_time_unix_nano=start_ms * NS,
            time_unix_nano=time_ms * NS,
            as_double=value,
            attributes=key_values(attributes),
        )
    return metric


@dataclass
class OtlpSetting:
    receiver: OtlpReceiver
    store: SqliteSampleStore
    now: list[int]

    async def send(self, message: ExportMetricsServiceRequest) -> ExportAnswer:
        body = message.SerializeToString()
        return await self.receiver.receive_metrics(body, OtlpEncoding.PROTOBUF, "ann", "1")

    async def samples(self) -> dict[Labels, dict[int, float]]:
        """Return the samples of each series by time, without staleness markers."""
        parts = await asyncio.to_thread(self.store.select, [], 0, 2 * NOW_MS)
        found: dict[Labels, dict[int, float]] = {}
        for part in parts:
            for row, labels in enumerate(part.labels):
                columns = np.flatnonzero(
                    ~(is_absent(part.values[row]) | is_stale(part.values[row]))
                )
                times = part.times_ms[part.rows[row], columns].tolist()
                values = part.values[row, columns].tolist()
                if times:
                    found[labels] = dict(zip(times, values, strict=True))
        return found

    async def stored(self) -> dict[str, list[tuple[int, float]]]:
        """Return the samples of each series, their times relative to NOW_MS."""
        return {
            str(labels): [(time_ms - NOW_MS, value) for time_ms, value in samples.items()]
            for labels, samples in (await self.samples()).items()
        }


@asynccontextmanager
async def otlp_at(
    path: Path,
    *,
    limits: WriteLimits | None = None,
    translation: TranslationSettings | None = None,
    pseudonyms: PseudonymSource | None = None,
) -> AsyncIterator[OtlpSetting]:
    """Run a receiver over the store of a directory."""
    now = [NOW_MS]
    store = SqliteSampleStore(path / "samples", clock=lambda: now[0])
    await asyncio.to_thread(store.open)
    receiver = OtlpReceiver(
        store, store, lambda: now[0], limits, translation=translation, pseudonyms=pseudonyms
    )
    try:
        yield OtlpSetting(receiver, store, now)
    finally:
        await asyncio.to_thread(store.close)
