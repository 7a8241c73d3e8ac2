"""Encodes protobuf messages of the response: labels and delimited fields."""

from ingest.wire import varint
from model.labels import Labels

_LENGTH = 2


def delimited(number: int, content: bytes) -> bytes:
    """Return a field whose content is a message, a text or bytes."""
    return head_of(number, len(content)) + content


def head_of(number: int, size: int) -> bytes:
    """Return the tag and the length of a delimited field."""
    return varint(number << 3 | _LENGTH) + varint(size)


def signed_number(number: int, value: int) -> bytes:
    """Return an int64 field; protobuf omits a zero."""
    return varint(number << 3) + varint(value % 2**64) if value else b""


def labels_fields(labels: Labels) -> bytes:
    """Return the labels of a series, each as field 1 with its name and value."""
    return b"".join(
        delimited(1, delimited(1, name.encode()) + delimited(2, value.encode()))
        for name, value in labels
    )
