"""`decode_logs`, beside opentelemetry-proto."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as ProtoRecord

from ingest.errors import MalformedMessageError
from ingest.otlp.logs import decode_logs
from model.telemetry.log_records import AttributeValue
from tests.ingest.otlp.messages import any_value, python_value, values

_TEXTS = st.text(max_size=8)
_IDS = st.binary(max_size=16)


@st.composite
def records(draw: st.DrawFn) -> ProtoRecord:
    record = ProtoRecord(
        time_unix_nano=draw(st.integers(0, 2**64 - 1)),
        observed_time_unix_nano=draw(st.integers(0, 2**64 - 1)),
        severity_number=draw(st.integers(0, 24)),  # type: ignore[arg-type]
        severity_text=draw(_TEXTS),
        trace_id=draw(_IDS),
        span_id=draw(_IDS),
        event_name=draw(_TEXTS),
        flags=draw(st.integers(0, 2**32 - 1)),
        dropped_attributes_count=draw(st.integers(0, 9)),
    )
    if draw(st.booleans()):
        record.body.CopyFrom(any_value(draw(values())))
    for key, value in draw(st.dictionaries(_TEXTS, values(), max_size=3)).items():
        record.attributes.append(KeyValue(key=key, value=any_value(value)))
    return record


@given(st.lists(st.tuples(_TEXTS, values(), st.lists(records(), max_size=3)), max_size=3))
def test_records_are_those_that_protobuf_reads(
    sent: list[tuple[str, AttributeValue, list[ProtoRecord]]],
) -> None:
    request = ExportLogsServiceRequest()
    for name, value, many in sent:
        resource = request.resource_logs.add(schema_url="x")
        resource.resource.attributes.append(KeyValue(key=name, value=any_value(value)))
        scope = resource.scope_logs.add(log_records=many)
        scope.scope.name = name
    found = decode_logs(request.SerializeToString())
    assert len(found) == len(sent)
    for one, (name, value, many) in zip(found, sent, strict=True):
        assert one.scope.name == name
        assert _same(one.resource, {name: value})
        for record, expected in zip(one.records, many, strict=True):
            assert record.time_ns == (expected.time_unix_nano or expected.observed_time_unix_nano)
            assert record.observed_ns == expected.observed_time_unix_nano
            assert record.severity_number == expected.severity_number
            assert record.severity_text == expected.severity_text
            assert record.event_name == expected.event_name
            assert (record.trace_id, record.span_id) == (
                expected.trace_id.hex(),
                expected.span_id.hex(),
            )
            assert _same(record.body, python_value(expected.body))
            theirs = {pair.key: python_value(pair.value) for pair in expected.attributes}
            assert _same(record.attributes, theirs)


def _same(found: Any, expected: Any) -> bool:
    """Compare by representation: a NaN equals no NaN, and True equals 1."""
    return repr(found) == repr(expected)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_message_that_is_cut_off_is_malformed_or_shorter(cut: int) -> None:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(event_name="x" * 40)
    record.attributes.append(KeyValue(key="k", value=AnyValue(int_value=-1)))
    whole = request.SerializeToString()
    assert decode_logs(whole)[0].records[0].attributes == {"k": -1}
    with pytest.raises(MalformedMessageError):
        decode_logs(whole[:-cut])


def test_deep_values_are_malformed_and_not_a_crash() -> None:
    deep = AnyValue(int_value=1)
    for _ in range(45):
        deep = AnyValue(array_value={"values": [deep]})  # type: ignore[arg-type]
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.add(body=deep)
    with pytest.raises(MalformedMessageError, match="nested deeper than 32"):
        decode_logs(request.SerializeToString())
