"""`json_as_protobuf`, beside opentelemetry-proto."""

import json

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from ingest.errors import MalformedMessageError
from ingest.otlp.json_bodies import json_as_protobuf
from ingest.otlp.logs import decode_logs
from tests.ingest.otlp.test_logs import records

LOGS = "ExportLogsServiceRequest"
METRICS = "ExportMetricsServiceRequest"


@given(records())
def test_json_holds_what_protobuf_holds(record: LogRecord) -> None:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add(log_records=[record])
    document = MessageToDict(request)
    found = document["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    # Protobuf's own JSON writes ids as base64, OTLP's as hexadecimal.
    for name, value in (("traceId", record.trace_id), ("spanId", record.span_id)):
        if value:
            found[name] = value.hex()
    body = json.dumps(document).encode()
    ours = decode_logs(json_as_protobuf(body, LOGS))
    assert repr(ours) == repr(decode_logs(request.SerializeToString()))


def test_every_form_of_a_point_is_read() -> None:
    point = {
        "startTimeUnixNano": "1790000000000000000",
        "timeUnixNano": 1790000000000000001,
        "asInt": "-5",
        "unknown": {"deep": [1]},
        "attributes": [{"key": "k", "value": {"intValue": "7"}}, {"key": "n", "value": None}],
    }
    histogram = {
        "count": "3",
        "sum": 1.5,
        "bucketCounts": ["1", 2],
        "explicitBounds": [0.5],
        "timeUnixNano": "1",
    }
    exponential = {
        "scale": -3,
        "count": 2,
        "positive": {"offset": -2, "bucketCounts": ["1", "1"]},
        "zeroThreshold": 1e-9,
    }
    quantiles = {"quantileValues": [{"quantile": 0.5, "value": "NaN"}], "count": 1}
    metrics = [
        {"name": "a", "unit": "s", "sum": {"dataPoints": [point], "isMonotonic": True}},
        {
            "name": "b",
            "histogram": {
                "dataPoints": [histogram],
                "aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA",
            },
        },
        {"name": "c", "exponentialHistogram": {"dataPoints": [exponential]}},
        {"name": "d", "summary": {"dataPoints": [quantiles]}},
        {"name": "e", "gauge": {"dataPoints": [{"asDouble": "-Infinity"}, {"asDouble": 0}]}},
    ]
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}], "extra": 1}
    data = json_as_protobuf(json.dumps(body).encode(), METRICS)
    read = ExportMetricsServiceRequest.FromString(data)
    found = read.resource_metrics[0].scope_metrics[0].metrics
    first = found[0].sum.data_points[0]
    assert (first.as_int, first.time_unix_nano) == (-5, 1790000000000000001)
    assert [pair.key for pair in first.attributes] == ["k", "n"]
    assert found[0].sum.is_monotonic
    assert found[1].histogram.aggregation_temporality == 1
    assert list(found[1].histogram.data_points[0].bucket_counts) == [1, 2]
    assert found[2].exponential_histogram.data_points[0].scale == -3
    assert found[2].exponential_histogram.data_points[0].positive.offset == -2
    assert found[3].summary.data_points[0].quantile_values[0].quantile == 0.5
    assert found[4].gauge.data_points[0].as_double == float("-inf")
    assert found[4].gauge.data_points[1].WhichOneof("value") == "as_double"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "ExportLogsServiceRequest: is not an object"),
        (b'{"resourceLogs": {}}', "resourceLogs: is not a list"),
        (b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "xy"}]}]}]}', "traceId"),
        (b'{"resourceLogs": [{"schemaUrl": 5}]}', "schemaUrl: is not a string"),
        (
            b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": -1}]}]}]}',
            "timeUnixNano: -1 is out of range",
        ),
        (
            b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": 1.5}]}]}]}',
            "timeUnixNano: 1.5 is not an integer",
        ),
    ],
)
def test_a_wrong_type_is_named_by_its_field(body: bytes, message: str) -> None:
    with pytest.raises(MalformedMessageError, match=message):
        json_as_protobuf(body, LOGS)


def test_deep_json_is_refused() -> None:
    value = '{"arrayValue": {"values": [' * 60 + '{"intValue": 1}' + "]}}" * 60
    logs = f'{{"resourceLogs": [{{"scopeLogs": [{{"logRecords": [{{"body": {value}}}]}}]}}]}}'
    with pytest.raises(MalformedMessageError, match="nested deeper"):
        json_as_protobuf(logs.encode(), LOGS)
