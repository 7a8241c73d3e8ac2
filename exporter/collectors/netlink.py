"""Dumps of the kernel's tables over netlink.

Source: netlink(7), rtnetlink(7).
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Final

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_REQUEST_AND_DUMP: Final = 0x001 | 0x300
_ERROR: Final = 2
_DONE: Final = 3
_ATTRIBUTE_TYPE: Final = 0x3FFF
_BUFFER_BYTES: Final = 65536
# A kernel that does not answer must not hold the collector's thread for ever.
_TIMEOUT_S: Final = 2.0


def dump(protocol: int, kind: int, payload: bytes) -> Iterator[bytes]:
    """Yield the payload of each message of a dump.

    Args:
        protocol: the netlink family, such as NETLINK_ROUTE.
        kind: the type of the request.
        payload: the request's payload.

    Raises:
        OSError: the kernel refuses, or does not answer.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as connection:
        connection.settimeout(_TIMEOUT_S)
        size = _HEADER.size + len(payload)
        connection.send(_HEADER.pack(size, kind, _REQUEST_AND_DUMP, 1, 0) + payload)
        while True:
            answer = connection.recv(_BUFFER_BYTES)
            offset = 0
            while offset + _HEADER.size <= len(answer):
                length, type_, _, _, _ = _HEADER.unpack_from(answer, offset)
                if type_ == _DONE or length < _HEADER.size:
                    return
                body = answer[offset + _HEADER.size : offset + length]
                if type_ == _ERROR:
                    _raise(body)
                yield body
                offset += _aligned(length)


def attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes in `data` by type; of equal types the last one."""
    found = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, type_ = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            break
        found[type_ & _ATTRIBUTE_TYPE] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += _aligned(length)
    return found


def _raise(body: bytes) -> None:
    (number,) = struct.unpack_from("=i", body) if len(body) >= 4 else (-errno.EPROTO,)
    if number:
        raise OSError(-number, os.strerror(-number))


def _aligned(length: int) -> int:
    return (length + 3) & ~3
