"""Log records in OpenTelemetry's terms, and the protocol of what consumes them.

`ingest` decodes them and `analytics` consumes them; neither imports the other.

Source: OpenTelemetry specification, "Logs Data Model".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

AttributeValue = (
    str
    | bool
    | int
    | float
    | bytes
    | Sequence["AttributeValue"]
    | Mapping[str, "AttributeValue"]
    | None
)
"""The value of an attribute, or the body of a log record."""

Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class TelemetryScope:
    """The library that recorded telemetry."""

    name: str = ""
    version: str = ""
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record, or event.

    Attributes:
        time_ns: when it happened; the time of observation if the sender gave no other, and
            0 if it gave neither.
        observed_ns: when it was observed, 0 if unknown.
        event_name: the name of the event; "" for a plain log record, and for senders that
            put it into the attribute `event.name`.
        trace_id, span_id: lower-case hexadecimal, "" without one.
    """

    time_ns: int = 0
    observed_ns: int = 0
    severity_number: int = 0
    severity_text: str = ""
    event_name: str = ""
    body: AttributeValue = None
    attributes: Attributes = field(default_factory=dict)
    trace_id: str = ""
    span_id: str = ""


@dataclass(frozen=True, slots=True)
class ScopeLogs:
    """The log records of one scope of one resource.

    Attributes:
        resource: the attributes of the resource.
    """

    resource: Attributes
    scope: TelemetryScope
    records: Sequence[LogRecord]


@dataclass(frozen=True, slots=True)
class LogOutcome:
    """The outcome of a request's log records.

    Attributes:
        rejected: how many are not stored, for good.
        message: why, or a warning; "" for nothing to say.
    """

    rejected: int = 0
    message: str = ""


class LogSink(Protocol):
    """Stores log records."""

    async def receive(self, logs: Sequence[ScopeLogs], sender: str, token: str) -> LogOutcome:
        """Store the log records of one request; they are durable when this returns.

        Args:
            logs: the request; senders repeat requests that were not answered.
            sender: the name of the user whose credential the request has.
            token: the number of that credential.

        Raises:
            StorageError: the write failed; sending the request again helps.
        """
