"""The protobuf wire format, read without a schema.

Source: Protocol Buffers documentation, "Encoding".
"""

from collections.abc import Iterator
from typing import NamedTuple

from ingest.errors import MalformedMessageError

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
"""The wire types; groups are deprecated and not read."""

_MOST_VARINT_BYTES = 10
_SIZES = {FIXED64: 8, FIXED32: 4}


class Field(NamedTuple):
    """One field. Its content is `data[start:stop]`; for a VARINT, `start` is the value."""

    number: int
    wire_type: int
    start: int
    stop: int

    def expect(self, wire_type: int) -> None:
        """Check the wire type.

        Raises:
            MalformedMessageError: the field has another one.
        """
        if self.wire_type != wire_type:
            raise MalformedMessageError(f"field {self.number} has wire type {self.wire_type}")


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return an unsigned 64-bit number and the offset after it.

    Raises:
        MalformedMessageError: the number is cut off at `end`, or too long.
    """
    if at < end and data[at] < 0x80:
        return data[at], at + 1
    value = shift = 0
    for place in range(at, min(end, at + _MOST_VARINT_BYTES)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place + 1
        shift += 7
    raise MalformedMessageError(f"a number at offset {at} does not end")


def varint(value: int) -> bytes:
    """Encode an unsigned number."""
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def read_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the length of a field's content and the offset where it begins.

    Raises:
        MalformedMessageError: the content extends beyond `end`.
    """
    length, start = read_varint(data, at, end)
    if start + length > end:
        raise MalformedMessageError(f"the field at offset {at} is cut off")
    return length, start


def signed(value: int) -> int:
    """Return the int64 with the bits of an unsigned number."""
    return value - 2**64 if value >= 2**63 else value


def fields(data: bytes, at: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message in `data[at:end]`.

    Raises:
        MalformedMessageError: the bytes are not a protobuf message.
    """
    while at < end:
        tag, start = read_varint(data, at, end)
        number, wire_type = tag >> 3, tag & 7
        if not number:
            raise MalformedMessageError(f"the field at offset {at} has number 0")
        if wire_type == VARINT:
            value, at = read_varint(data, start, end)
            yield Field(number, wire_type, value, at)
            continue
        if wire_type == LENGTH:
            size, start = read_length(data, start, end)
        elif wire_type in _SIZES:
            size = _SIZES[wire_type]
        else:
            raise MalformedMessageError(f"the field at offset {at} has wire type {wire_type}")
        at = start + size
        if at > end:
            raise MalformedMessageError(f"the field at offset {start} is cut off")
        yield Field(number, wire_type, start, at)


def repeated_varints(data: bytes, field: Field) -> Iterator[int]:
    """Yield the values of a repeated integer field, packed or not.

    Raises:
        MalformedMessageError: the field has another wire type, or is cut off.
    """
    if field.wire_type == VARINT:
        yield field.start
        return
    field.expect(LENGTH)
    at = field.start
    while at < field.stop:
        value, at = read_varint(data, at, field.stop)
        yield value
