"""Reads attributes: keys with values of any type.

Source: opentelemetry-proto, common/v1/common.proto.
"""

import base64
import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Final

from ingest.errors import MalformedMessageError
from ingest.wire import FIXED64, LENGTH, VARINT, Field, fields, signed
from model.telemetry.log_records import AttributeValue

# Protobuf libraries stop at 100 nested messages; a value in a list is three of them.
_MOST_DEPTH: Final = 32
_DOUBLE: Final = struct.Struct("<d")
_PLAIN_FROM: Final = 1e-6
_PLAIN_BELOW: Final = 1e21
# Go's encoding/json escapes these, so that JSON can stand in HTML.
_ESCAPED: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def read_text(data: bytes, place: Field) -> str:
    """Return the text of a string field; bytes that are not UTF-8 are replaced."""
    place.expect(LENGTH)
    return data[place.start : place.stop].decode("utf-8", "replace")


def read_pairs(data: bytes, places: Sequence[Field]) -> list[tuple[str, AttributeValue]]:
    """Return the keys and values of `KeyValue` messages, in their order.

    Raises:
        MalformedMessageError: one is no such message.
    """
    return [_pair(data, place, 0) for place in places]


def read_attributes(data: bytes, places: Sequence[Field]) -> dict[str, AttributeValue]:
    """Return `KeyValue` messages as a dictionary; the last of equal keys counts.

    Raises:
        MalformedMessageError: one is no such message.
    """
    return dict(read_pairs(data, places))


def read_value(data: bytes, place: Field) -> AttributeValue:
    """Return the value of an `AnyValue` message.

    Raises:
        MalformedMessageError: it is no such message, or nested too deeply.
    """
    return _value(data, place, 0)


def _pair(data: bytes, place: Field, depth: int) -> tuple[str, AttributeValue]:
    place.expect(LENGTH)
    key, value = "", None
    for part in fields(data, place.start, place.stop):
        if part.number == 1:
            key = read_text(data, part)
        elif part.number == 2:
            value = _value(data, part, depth)
    return key, value


def _value(data: bytes, place: Field, depth: int) -> AttributeValue:
    place.expect(LENGTH)
    if depth > _MOST_DEPTH:
        raise MalformedMessageError(f"an attribute is nested deeper than {_MOST_DEPTH} levels")
    value: AttributeValue = None
    for part in fields(data, place.start, place.stop):
        match part.number:
            case 1:
                value = read_text(data, part)
            case 2 | 3:
                part.expect(VARINT)
                value = bool(part.start) if part.number == 2 else signed(part.start)
            case 4:
                part.expect(FIXED64)
                value = _DOUBLE.unpack_from(data, part.start)[0]
            case 5:
                part.expect(LENGTH)
                value = [_value(data, one, depth + 1) for one in _ones(data, part)]
            case 6:
                part.expect(LENGTH)
                value = dict(_pair(data, one, depth + 1) for one in _ones(data, part))
            case 7:
                part.expect(LENGTH)
                value = data[part.start : part.stop]
    return value


def _ones(data: bytes, place: Field) -> list[Field]:
    """Return the fields with the number 1: the items of a list or map."""
    return [part for part in fields(data, place.start, place.stop) if part.number == 1]


def text_of(value: AttributeValue) -> str:
    """Return a value as the text of a label, as OpenTelemetry's Go library does."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    try:
        return _json(value)
    except ValueError:
        # JSON has no NaN and no infinity; Go's library returns nothing then.
        return ""


def _number(value: float) -> str:
    """Return a number in the shortest form, with an exponent if it is very large or small."""
    if math.isnan(value) or math.isinf(value):
        return "json: unsupported value: " + _UNSUPPORTED[str(value)]
    if value.is_integer() and abs(value) < _PLAIN_BELOW:
        return f"-{-value:.0f}" if math.copysign(1, value) < 0 else f"{value:.0f}"
    if _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        text = repr(value)
        return _without_exponent(value) if "e" in text else text
    mantissa, _, exponent = repr(value).partition("e")
    sign, digits = exponent[0], exponent[1:].lstrip("0")
    return f"{mantissa.removesuffix('.0')}e{sign}{digits}"


_UNSUPPORTED: Final = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}


def _without_exponent(value: float) -> str:
    from decimal import Decimal

    return f"{Decimal(repr(value)):f}"


def _json(value: AttributeValue) -> str:
    """Return a value as Go's encoding/json writes it.

    Raises:
        ValueError: a number in it is not finite.
    """
    if isinstance(value, Mapping):
        items = (f"{_quoted(key)}:{_json(value[key])}" for key in sorted(value))
        return "{" + ",".join(items) + "}"
    if isinstance(value, bytes):
        return _quoted(base64.b64encode(value).decode("ascii"))
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("JSON has no such number")
        return _number(value)
    if isinstance(value, Sequence):
        return "[" + ",".join(map(_json, value)) + "]"
    return "null" if value is None else text_of(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPED)
