"""Types of durations and sizes in configuration files, for pydantic models."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from model.durations import format_duration, parse_duration_ms

_SIZE = re.compile(r"(\d+)(?:([KMGTPE])i?)?B?")
_UNITS = "KMGTPE"


def _seconds(value: object) -> object:
    return parse_duration_ms(value) / 1000 if isinstance(value, str) else value


def _milliseconds(text: object) -> int:
    if not isinstance(text, str):
        # A ValueError, because pydantic does not report a TypeError.
        raise ValueError("write a duration with its unit, such as 30s or 5m")  # noqa: TRY004
    return parse_duration_ms(text)


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError(f'"{value}" is not a size such as 512KB or 10MB')
    # KB and KiB are both powers of 1024, as in Prometheus.
    return int(match[1]) * 1024 ** (_UNITS.index(match[2]) + 1 if match[2] else 0)


Seconds = Annotated[
    float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False, le=10 * 365 * 86_400)
]
"""A duration: `15s`, `1h30m`, or a number of seconds."""

PositiveSeconds = Annotated[Seconds, Field(ge=0.001)]
"""A duration of at least a millisecond."""

DurationMs = Annotated[
    int,
    BeforeValidator(_milliseconds, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
]
"""A duration with its unit, such as `5m`, converted to milliseconds."""

PositiveDurationMs = Annotated[DurationMs, Field(gt=0)]
"""A duration of at least a millisecond."""

Bytes = Annotated[int, BeforeValidator(_bytes), Field(ge=0)]
"""A size: `10MB`, or a number of bytes."""
