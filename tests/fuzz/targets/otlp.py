"""Fuzz targets: the bodies of OTLP."""

from contextlib import suppress

from ingest.errors import PushError
from ingest.limits.write_limits import LABEL_LIMITS, RequestLimits
from ingest.otlp.json_bodies import json_as_protobuf
from ingest.otlp.logs import count_spans, decode_logs
from ingest.otlp.metrics import MetricsDecoder
from ingest.otlp.series_identities import Identities
from ingest.otlp.translation_settings import TranslationSettings
from ingest.series.sample_batch import SeriesKey
from tests.fuzz.targets.target import FuzzTarget

_LIMITS = RequestLimits(series=500, samples=2_000)


def _nothing_known(key: SeriesKey) -> int | None:
    return None


def _metrics(data: bytes) -> None:
    identities = Identities(TranslationSettings(promote_all=True, promote_scope=True), LABEL_LIMITS)
    with suppress(PushError):
        decoder = MetricsDecoder(data, _nothing_known, identities, _LIMITS)
        for key in decoder.batch().unknown:
            with suppress(PushError):
                decoder.labels_of(key)


def _logs(data: bytes) -> None:
    with suppress(PushError):
        decode_logs(data)


def _spans(data: bytes) -> None:
    with suppress(PushError):
        count_spans(data)


def _json(data: bytes) -> None:
    with suppress(PushError):
        _metrics(json_as_protobuf(data, "ExportMetricsServiceRequest"))
    with suppress(PushError):
        _logs(json_as_protobuf(data, "ExportLogsServiceRequest"))


_WORDS = ("service.name", "\x0a", "\x12", "\x1a", "\x11", "\x19", "\x21", "\x3a", "\x4a")
_KEYS = ("resourceMetrics", "scopeMetrics", "dataPoints", "asInt", "timeUnixNano", "attributes")

TARGETS = (
    FuzzTarget("otlp_metrics", _metrics, _WORDS),
    FuzzTarget("otlp_logs", _logs, _WORDS),
    FuzzTarget("otlp_spans", _spans, _WORDS),
    FuzzTarget("otlp_json", _json, _KEYS),
)
