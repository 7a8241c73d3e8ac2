"""Types of durations, sizes, integers and label maps in files, for pydantic models."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

from model.documents import NumberText
from model.durations import format_duration, parse_duration_ms

# Prometheus keeps durations as nanoseconds in 64 bits.
_MAX_MS = (2**63 - 1) // 1_000_000
_SIZE = re.compile(r"(\d+)(?:([KMGTPE])i?)?B?")
_UNITS = "KMGTPE"
_UNIT_POWERS = {"": 0, **{unit: power for power, unit in enumerate(_UNITS, 1)}}
_BASE2_PART = re.compile(r"(\d+\.?\d*|\.\d+)(?:([KMGTPE])i?)?B", re.ASCII)
_BASE2_BYTES = re.compile(rf"(?:{_BASE2_PART.pattern})+", re.ASCII)
_TRUE = ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y")
_FALSE = ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N")
_OCTAL = re.compile(r"([-+]?)0o?([0-7]+)", re.ASCII)
_FRACTION = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


def _seconds(value: object) -> object:
    if isinstance(value, NumberText):
        return float(value)
    return parse_duration_ms(value) / 1000 if isinstance(value, str) else value


def _milliseconds(text: object) -> int:
    if not isinstance(text, str):
        # A ValueError, because pydantic does not report a TypeError.
        raise ValueError("write a duration with its unit, such as 30s or 5m")  # noqa: TRY004
    length_ms = parse_duration_ms(text)
    if length_ms > _MAX_MS:
        raise ValueError(f'"{text}" is longer than 292 years')
    return length_ms


def _integer(value: object) -> object:
    """Return an integer as YAML writes it: 0x1F, 010 and 0o10 (8), 1_000; other values as given."""
    if not isinstance(value, str):
        return value
    text = value.replace("_", "")
    octal = _OCTAL.fullmatch(text)
    if octal is not None:
        return int(octal[1] + octal[2], 8)
    try:
        return int(text, 0)
    except ValueError:
        # Prometheus cuts `1.7` to 1.
        try:
            return int(float(text)) if _FRACTION.fullmatch(text) else value
        except OverflowError:
            return value


def _flag(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value in _TRUE or value in _FALSE:
        return value in _TRUE
    raise ValueError(f'"{value}" is neither true nor false')


def _base2_bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value == "0":
        return 0
    if not value or _BASE2_BYTES.fullmatch(value) is None:
        raise ValueError(f'"{value}" is not a size with its unit, such as 512KB or 10MiB')
    parts = _BASE2_PART.findall(value)
    return int(sum(float(number) * 1024 ** _UNIT_POWERS[unit] for number, unit in parts))


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError(f'"{value}" is not a size such as 512KB or 10MB')
    # KB and KiB are both powers of 1024, as in Prometheus.
    return int(match[1]) * 1024 ** (_UNITS.index(match[2]) + 1 if match[2] else 0)


def _empty_as_text(data: object) -> object:
    if isinstance(data, dict):
        return {key: "" if value is None else value for key, value in data.items()}
    return data


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

Base2Bytes = Annotated[int, BeforeValidator(_base2_bytes), Field(ge=0)]
"""A size as Prometheus reads it: `10MB` or `1.5GiB`; without a unit only `0`."""

YamlInt = Annotated[int, BeforeValidator(_integer)]
"""An integer as Prometheus reads it: `5`, `0x1F`, `010` (8)."""

YamlBool = Annotated[bool, BeforeValidator(_flag)]
"""True or false as Prometheus reads them: `true`, `yes`, `on`, not `1`."""

TextMap = Annotated[dict[str, str], BeforeValidator(_empty_as_text)]
"""Text by name, for example labels; an empty value is empty text."""
