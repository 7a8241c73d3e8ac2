"""Encodes OTLP's JSON as protobuf, so that one decoder reads both.

Source: OpenTelemetry specification, "OTLP", JSON Protobuf Encoding: ids are hexadecimal,
64-bit integers may be strings, enumerations are numbers, unknown fields are ignored.
"""

import base64
import binascii
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from ingest.errors import MalformedMessageError
from ingest.otlp.schema import MESSAGES, SEVERITIES, TEMPORALITIES, FieldForm, Kind
from ingest.wire import FIXED64, LENGTH, VARINT, varint

_MOST_DEPTH: Final = 100
_INT64: Final = (-(2**63), 2**63 - 1)
_UINT64: Final = (0, 2**64 - 1)
_INT32: Final = (-(2**31), 2**31 - 1)
_DOUBLE: Final = struct.Struct("<d")


def json_as_protobuf(body: bytes, message: str) -> bytes:
    """Return a JSON body as the bytes of a protobuf message.

    Args:
        body: the JSON.
        message: the name of the message in `MESSAGES`.

    Raises:
        MalformedMessageError: the body is not JSON, or a field has the wrong type.
    """
    # Imported here: few senders use JSON.
    import orjson

    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise MalformedMessageError(f"the body is not JSON: {exc}") from exc
    return _message(document, message, message, 0)


def _message(document: Any, name: str, path: str, depth: int) -> bytes:
    if not isinstance(document, Mapping):
        raise MalformedMessageError(f"{path}: is not an object")
    if depth > _MOST_DEPTH:
        raise MalformedMessageError(f"{path}: is nested deeper than {_MOST_DEPTH} levels")
    forms, parts = MESSAGES[name], bytearray()
    for key, value in document.items():
        form = forms.get(key)
        if form is None or value is None:
            continue
        if not form.repeated:
            parts += _field(value, form, key, depth)
            continue
        if not isinstance(value, list):
            raise MalformedMessageError(f"{path}.{key}: is not a list")
        for one in value:
            parts += _field(one, form, key, depth)
    return bytes(parts)


def _field(value: Any, form: FieldForm, key: str, depth: int) -> bytes:
    if form.kind is Kind.MESSAGE:
        content = _message(value, form.message, key, depth + 1)
        return varint(form.number << 3 | LENGTH) + varint(len(content)) + content
    wire_type, encode = _ENCODERS[form.kind]
    try:
        content = encode(value)
    except (ValueError, TypeError, struct.error) as exc:
        raise MalformedMessageError(f"{key}: {exc}") from exc
    if wire_type == LENGTH:
        content = varint(len(content)) + content
    return varint(form.number << 3 | wire_type) + content


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError("is not a string")
    return value.encode()


def _hex(value: Any) -> bytes:
    return bytes.fromhex(_text(value).decode())


def _base64(value: Any) -> bytes:
    text = _text(value).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as exc:
        raise ValueError(f"is not base64: {exc}") from exc


def _integer(value: Any, bounds: tuple[int, int]) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("is not an integer")
    number = int(value) if isinstance(value, int | str) else _whole(value)
    if not bounds[0] <= number <= bounds[1]:
        raise ValueError(f"{number} is out of range")
    return number


def _whole(value: float) -> int:
    if not value.is_integer():
        raise ValueError(f"{value} is not an integer")
    return int(value)


def _bool(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise TypeError("is not true or false")
    return varint(value)


def _double(value: Any) -> bytes:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("is not a number")
    return _DOUBLE.pack(float(value))


def _zigzag(value: Any) -> bytes:
    number = _integer(value, _INT32)
    return varint(number << 1 ^ number >> 63 if number < 0 else number << 1)


def _named(names: Mapping[str, int]) -> Callable[[Any], bytes]:
    def encode(value: Any) -> bytes:
        number = names.get(value) if isinstance(value, str) else None
        return varint(_integer(value, (0, _INT32[1])) if number is None else number)

    return encode


_ENCODERS: Final[Mapping[Kind, tuple[int, Callable[[Any], bytes]]]] = {
    Kind.STRING: (LENGTH, _text),
    Kind.HEX: (LENGTH, _hex),
    Kind.BASE64: (LENGTH, _base64),
    Kind.BOOL: (VARINT, _bool),
    Kind.UNSIGNED: (VARINT, lambda value: varint(_integer(value, _UINT64))),
    Kind.SIGNED: (VARINT, lambda value: varint(_integer(value, _INT64) & _UINT64[1])),
    Kind.ZIGZAG: (VARINT, _zigzag),
    Kind.FIXED64: (FIXED64, lambda value: _integer(value, _UINT64).to_bytes(8, "little")),
    Kind.SIGNED_FIXED64: (
        FIXED64,
        lambda value: _integer(value, _INT64).to_bytes(8, "little", signed=True),
    ),
    Kind.DOUBLE: (FIXED64, _double),
    Kind.TEMPORALITY: (VARINT, _named(TEMPORALITIES)),
    Kind.SEVERITY: (VARINT, _named(SEVERITIES)),
}
