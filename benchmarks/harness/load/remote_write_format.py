"""Encodes remote write 1.0: headers and protobuf fields."""

WRITE_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def varint(number: int) -> bytes:
    """Encode an integer as a varint."""
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*digits, number])


def message_field(number: int, content: bytes) -> bytes:
    """Encode a length-delimited field."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def label(name: str, value: str) -> bytes:
    """Encode one label of a series."""
    return message_field(1, message_field(1, name.encode()) + message_field(2, value.encode()))
