"""The messages of OTLP as JSON names them: field numbers and kinds.

Sources: opentelemetry-proto, *.proto; OpenTelemetry specification, "OTLP", JSON Protobuf
Encoding.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Kind(Enum):
    """How a field is encoded."""

    MESSAGE = auto()
    STRING = auto()
    HEX = auto()
    BASE64 = auto()
    BOOL = auto()
    UNSIGNED = auto()
    SIGNED = auto()
    ZIGZAG = auto()
    FIXED64 = auto()
    SIGNED_FIXED64 = auto()
    DOUBLE = auto()
    TEMPORALITY = auto()
    SEVERITY = auto()


@dataclass(frozen=True, slots=True)
class FieldForm:
    """One field of a message.

    Attributes:
        message: the name of its type, if it is a message.
    """

    number: int
    kind: Kind
    message: str = ""
    repeated: bool = False


def _one(number: int, kind: Kind) -> FieldForm:
    return FieldForm(number, kind)


def _many(number: int, kind: Kind) -> FieldForm:
    return FieldForm(number, kind, repeated=True)


def _message(number: int, name: str) -> FieldForm:
    return FieldForm(number, Kind.MESSAGE, name)


def _messages(number: int, name: str) -> FieldForm:
    return FieldForm(number, Kind.MESSAGE, name, repeated=True)


_POINT: Final = {
    "startTimeUnixNano": _one(2, Kind.FIXED64),
    "timeUnixNano": _one(3, Kind.FIXED64),
}
_HISTOGRAM: Final = {**_POINT, "count": _one(4, Kind.FIXED64), "sum": _one(5, Kind.DOUBLE)}

MESSAGES: Final[dict[str, dict[str, FieldForm]]] = {
    "AnyValue": {
        "stringValue": _one(1, Kind.STRING),
        "boolValue": _one(2, Kind.BOOL),
        "intValue": _one(3, Kind.SIGNED),
        "doubleValue": _one(4, Kind.DOUBLE),
        "arrayValue": _message(5, "ArrayValue"),
        "kvlistValue": _message(6, "KeyValueList"),
        "bytesValue": _one(7, Kind.BASE64),
    },
    "ArrayValue": {"values": _messages(1, "AnyValue")},
    "KeyValueList": {"values": _messages(1, "KeyValue")},
    "KeyValue": {"key": _one(1, Kind.STRING), "value": _message(2, "AnyValue")},
    "Resource": {"attributes": _messages(1, "KeyValue")},
    "InstrumentationScope": {
        "name": _one(1, Kind.STRING),
        "version": _one(2, Kind.STRING),
        "attributes": _messages(3, "KeyValue"),
    },
    "ExportLogsServiceRequest": {"resourceLogs": _messages(1, "ResourceLogs")},
    "ResourceLogs": {
        "resource": _message(1, "Resource"),
        "scopeLogs": _messages(2, "ScopeLogs"),
        "schemaUrl": _one(3, Kind.STRING),
    },
    "ScopeLogs": {
        "scope": _message(1, "InstrumentationScope"),
        "logRecords": _messages(2, "LogRecord"),
        "schemaUrl": _one(3, Kind.STRING),
    },
    "LogRecord": {
        "timeUnixNano": _one(1, Kind.FIXED64),
        "observedTimeUnixNano": _one(11, Kind.FIXED64),
        "severityNumber": _one(2, Kind.SEVERITY),
        "severityText": _one(3, Kind.STRING),
        "body": _message(5, "AnyValue"),
        "attributes": _messages(6, "KeyValue"),
        "traceId": _one(9, Kind.HEX),
        "spanId": _one(10, Kind.HEX),
        "eventName": _one(12, Kind.STRING),
    },
    "ExportTraceServiceRequest": {"resourceSpans": _messages(1, "ResourceSpans")},
    "ResourceSpans": {"scopeSpans": _messages(2, "ScopeSpans")},
    "ScopeSpans": {"spans": _messages(2, "Span")},
    "Span": {"traceId": _one(1, Kind.HEX)},
    "ExportMetricsServiceRequest": {"resourceMetrics": _messages(1, "ResourceMetrics")},
    "ResourceMetrics": {
        "resource": _message(1, "Resource"),
        "scopeMetrics": _messages(2, "ScopeMetrics"),
        "schemaUrl": _one(3, Kind.STRING),
    },
    "ScopeMetrics": {
        "scope": _message(1, "InstrumentationScope"),
        "metrics": _messages(2, "Metric"),
        "schemaUrl": _one(3, Kind.STRING),
    },
    "Metric": {
        "name": _one(1, Kind.STRING),
        "description": _one(2, Kind.STRING),
        "unit": _one(3, Kind.STRING),
        "gauge": _message(5, "Gauge"),
        "sum": _message(7, "Sum"),
        "histogram": _message(9, "Histogram"),
        "exponentialHistogram": _message(10, "ExponentialHistogram"),
        "summary": _message(11, "Summary"),
    },
    "Gauge": {"dataPoints": _messages(1, "NumberDataPoint")},
    "Sum": {
        "dataPoints": _messages(1, "NumberDataPoint"),
        "aggregationTemporality": _one(2, Kind.TEMPORALITY),
        "isMonotonic": _one(3, Kind.BOOL),
    },
    "Histogram": {
        "dataPoints": _messages(1, "HistogramDataPoint"),
        "aggregationTemporality": _one(2, Kind.TEMPORALITY),
    },
    "ExponentialHistogram": {
        "dataPoints": _messages(1, "ExponentialHistogramDataPoint"),
        "aggregationTemporality": _one(2, Kind.TEMPORALITY),
    },
    "Summary": {"dataPoints": _messages(1, "SummaryDataPoint")},
    "NumberDataPoint": {
        **_POINT,
        "asDouble": _one(4, Kind.DOUBLE),
        "exemplars": _messages(5, "Exemplar"),
        "asInt": _one(6, Kind.SIGNED_FIXED64),
        "attributes": _messages(7, "KeyValue"),
        "flags": _one(8, Kind.UNSIGNED),
    },
    "HistogramDataPoint": {
        **_HISTOGRAM,
        "bucketCounts": _many(6, Kind.FIXED64),
        "explicitBounds": _many(7, Kind.DOUBLE),
        "exemplars": _messages(8, "Exemplar"),
        "attributes": _messages(9, "KeyValue"),
        "flags": _one(10, Kind.UNSIGNED),
        "min": _one(11, Kind.DOUBLE),
        "max": _one(12, Kind.DOUBLE),
    },
    "ExponentialHistogramDataPoint": {
        "attributes": _messages(1, "KeyValue"),
        **_HISTOGRAM,
        "scale": _one(6, Kind.ZIGZAG),
        "zeroCount": _one(7, Kind.FIXED64),
        "positive": _message(8, "Buckets"),
        "negative": _message(9, "Buckets"),
        "flags": _one(10, Kind.UNSIGNED),
        "exemplars": _messages(11, "Exemplar"),
        "min": _one(12, Kind.DOUBLE),
        "max": _one(13, Kind.DOUBLE),
        "zeroThreshold": _one(14, Kind.DOUBLE),
    },
    "Buckets": {"offset": _one(1, Kind.ZIGZAG), "bucketCounts": _many(2, Kind.UNSIGNED)},
    "SummaryDataPoint": {
        **_HISTOGRAM,
        "quantileValues": _messages(6, "ValueAtQuantile"),
        "attributes": _messages(7, "KeyValue"),
        "flags": _one(8, Kind.UNSIGNED),
    },
    "ValueAtQuantile": {"quantile": _one(1, Kind.DOUBLE), "value": _one(2, Kind.DOUBLE)},
    "Exemplar": {"timeUnixNano": _one(2, Kind.FIXED64)},
}
"""The fields of each message by their JSON name; those that nothing reads are left out."""

TEMPORALITIES: Final = {
    f"AGGREGATION_TEMPORALITY_{name}": number
    for number, name in enumerate(("UNSPECIFIED", "DELTA", "CUMULATIVE"))
}
SEVERITIES: Final = {
    f"SEVERITY_NUMBER_{name}{step if step > 1 else ''}": 4 * place + step
    for place, name in enumerate(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
    for step in range(1, 5)
}
