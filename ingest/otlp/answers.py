"""Encodes the answers of an OTLP receiver, as protobuf or JSON.

Sources: opentelemetry-proto, collector/*/v1/*_service.proto; OpenTelemetry specification,
"OTLP", OTLP/HTTP Response; google/rpc/status.proto.
"""

import json
from dataclasses import dataclass
from typing import Final

from ingest.wire import LENGTH, VARINT, varint

_JSON_NAMES: Final = {
    "metrics": "rejectedDataPoints",
    "logs": "rejectedLogRecords",
    "traces": "rejectedSpans",
}


@dataclass(frozen=True, slots=True)
class ExportAnswer:
    """The answer to a request that was accepted, in whole or in part.

    Attributes:
        signal: "metrics", "logs" or "traces".
        rejected: how many items are not stored.
        message: why, or a warning about items that are stored; "" for full success.
    """

    signal: str
    rejected: int = 0
    message: str = ""

    def protobuf(self) -> bytes:
        """Return the `Export…ServiceResponse` message."""
        content = _integer(1, self.rejected) + _text(2, self.message)
        return _length(1, content) if content else b""

    def json(self) -> bytes:
        """Return the message as JSON."""
        partial: dict[str, str] = {}
        if self.rejected:
            # 64-bit integers are strings in protobuf's JSON.
            partial[_JSON_NAMES[self.signal]] = str(self.rejected)
        if self.message:
            partial["errorMessage"] = self.message
        return json.dumps({"partialSuccess": partial} if partial else {}).encode()


_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"


def status_protobuf(code: int, message: str, retry_after_s: int = 0) -> bytes:
    """Return a `google.rpc.Status` message, with a `RetryInfo` if there is a time."""
    status = _integer(1, code) + _text(2, message)
    if retry_after_s:
        retry_info = _length(1, _integer(1, retry_after_s))
        status += _length(3, _text(1, _RETRY_INFO) + _length(2, retry_info))
    return status


def _integer(number: int, value: int) -> bytes:
    return varint(number << 3 | VARINT) + varint(value) if value else b""


def _text(number: int, text: str) -> bytes:
    return _length(number, text.encode("utf-8", "replace")) if text else b""


def _length(number: int, content: bytes) -> bytes:
    return varint(number << 3 | LENGTH) + varint(len(content)) + content
