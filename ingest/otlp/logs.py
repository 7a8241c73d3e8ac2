"""Decodes `ExportLogsServiceRequest`.

Source: opentelemetry-proto, logs/v1/logs.proto.
"""

import struct
from typing import Final

from ingest.otlp.any_value import read_attributes, read_text, read_value
from ingest.wire import FIXED64, LENGTH, VARINT, Field, fields
from model.telemetry.log_records import Attributes, LogRecord, ScopeLogs, TelemetryScope

_FIXED64: Final = struct.Struct("<Q")


def decode_logs(data: bytes) -> list[ScopeLogs]:
    """Return the log records of a request, scope by scope.

    Raises:
        MalformedMessageError: it is no such message.
    """
    found: list[ScopeLogs] = []
    for part in fields(data, 0, len(data)):
        if part.number == 1:
            part.expect(LENGTH)
            _read_resource_logs(data, part, found)
    return found


def _read_resource_logs(data: bytes, place: Field, found: list[ScopeLogs]) -> None:
    resource: Attributes = {}
    scopes = []
    for part in fields(data, place.start, place.stop):
        if part.number == 1:
            part.expect(LENGTH)
            resource = read_attributes(data, _numbered(data, part, 1))
        elif part.number == 2:
            part.expect(LENGTH)
            scopes.append(part)
    found += [_scope_logs(data, scope, resource) for scope in scopes]


def _scope_logs(data: bytes, place: Field, resource: Attributes) -> ScopeLogs:
    scope, records = TelemetryScope(), []
    for part in fields(data, place.start, place.stop):
        if part.number == 1:
            scope = read_scope(data, part)
        elif part.number == 2:
            part.expect(LENGTH)
            records.append(_record(data, part))
    return ScopeLogs(resource, scope, records)


def read_scope(data: bytes, place: Field) -> TelemetryScope:
    """Return the scope of an `InstrumentationScope` message.

    Raises:
        MalformedMessageError: it is no such message.
    """
    place.expect(LENGTH)
    texts, attributes = {1: "", 2: ""}, []
    for part in fields(data, place.start, place.stop):
        if part.number in texts:
            texts[part.number] = read_text(data, part)
        elif part.number == 3:
            attributes.append(part)
    return TelemetryScope(texts[1], texts[2], read_attributes(data, attributes))


def _record(data: bytes, place: Field) -> LogRecord:
    times, texts, ids = {1: 0, 11: 0}, {3: "", 12: ""}, {9: "", 10: ""}
    severity, body, attributes = 0, None, []
    for part in fields(data, place.start, place.stop):
        number = part.number
        if number == 6:
            attributes.append(part)
        elif number in times:
            part.expect(FIXED64)
            times[number] = _FIXED64.unpack_from(data, part.start)[0]
        elif number in texts:
            texts[number] = read_text(data, part)
        elif number == 5:
            body = read_value(data, part)
        elif number == 2:
            part.expect(VARINT)
            severity = part.start
        elif number in ids:
            part.expect(LENGTH)
            ids[number] = data[part.start : part.stop].hex()
    return LogRecord(
        time_ns=times[1] or times[11],
        observed_ns=times[11],
        severity_number=severity,
        severity_text=texts[3],
        event_name=texts[12],
        body=body,
        attributes=read_attributes(data, attributes),
        trace_id=ids[9],
        span_id=ids[10],
    )


def count_spans(data: bytes) -> int:
    """Return how many spans an `ExportTraceServiceRequest` has.

    Raises:
        MalformedMessageError: it is no such message.
    """
    spans = 0
    for resource in _numbered(data, Field(0, LENGTH, 0, len(data)), 1):
        resource.expect(LENGTH)
        for scope in _numbered(data, resource, 2):
            scope.expect(LENGTH)
            spans += len(_numbered(data, scope, 2))
    return spans


def _numbered(data: bytes, place: Field, number: int) -> list[Field]:
    """Return the fields of a message that have a number."""
    return [part for part in fields(data, place.start, place.stop) if part.number == number]
