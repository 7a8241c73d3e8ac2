"""ICMP echo requests, their replies, and the sockets that send them.

Source: RFC 792; RFC 4443; icmp(7).
"""

import os
import secrets
import socket
import struct
from typing import Final

_ECHO_REQUEST, _ECHO_REPLY, _ECHO_REQUEST_6, _ECHO_REPLY_6 = 8, 0, 128, 129
_ICMP: Final = struct.Struct(">BBHHH")
_PAYLOAD_BYTES: Final = 32
LARGEST_BYTES: Final = 2048


class EchoRequest:
    """One echo request to an address of a family.

    Attributes:
        message: its bytes.
    """

    def __init__(self, family: int) -> None:
        self._is_six = family == socket.AF_INET6
        self._sequence, self._payload = (
            secrets.randbelow(65536),
            secrets.token_bytes(_PAYLOAD_BYTES),
        )
        self.message = _echo(
            _ECHO_REQUEST_6 if self._is_six else _ECHO_REQUEST, self._sequence, self._payload
        )

    def is_answered_by(self, content: bytes, *, is_raw: bool) -> bool:
        """Report whether received bytes are the reply; a raw socket sees those to others too."""
        if is_raw and not self._is_six and content:
            # The message follows IP's header, whose length in words is in its first byte.
            content = content[(content[0] & 0xF) * 4 :]
        if len(content) < _ICMP.size or content[_ICMP.size :] != self._payload:
            return False
        kind, _, _, _, number = _ICMP.unpack_from(content)
        wanted = _ECHO_REPLY_6 if self._is_six else _ECHO_REPLY
        return (kind, number) == (wanted, self._sequence)


def echo_socket(family: int) -> socket.socket:
    """Return a socket for echo requests: unprivileged if the system allows it, else a raw one.

    Raises:
        PermissionError: the group of this process is not in net.ipv4.ping_group_range, and the
            process lacks CAP_NET_RAW.
    """
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError:
        return socket.socket(family, socket.SOCK_RAW, protocol)


def _echo(kind: int, sequence: int, payload: bytes) -> bytes:
    """Return an echo request; the kernel may set its identifier, and for IPv6 the checksum."""
    identifier = os.getpid() & 0xFFFF
    content = _ICMP.pack(kind, 0, 0, identifier, sequence) + payload
    total = sum(struct.unpack(f">{len(content) // 2}H", content))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return _ICMP.pack(kind, 0, ~total & 0xFFFF, identifier, sequence) + payload
