"""Probes of TCP ports, of DNS servers, and by ICMP echo.

Source: RFC 1035, section 4.1; icmp(7).
"""

import os
import secrets
import socket
import struct
import time
from typing import Final

from exporter.collectors.probes.reply import ProbeReply, host_and_port

_DNS_HEADER: Final = struct.Struct(">HHHHHH")
_RECURSION: Final = 0x0100
_RESPONSE: Final = 0x8000
_A, _AAAA, _INTERNET = 1, 28, 1
_ECHO_REQUEST, _ECHO_REPLY, _ECHO_REQUEST_6, _ECHO_REPLY_6 = 8, 0, 128, 129
_ICMP: Final = struct.Struct(">BBHHH")
_PAYLOAD_BYTES: Final = 32


def probe_tcp(target: str, timeout_s: float) -> ProbeReply:
    """Connect to HOST:PORT."""
    reply = ProbeReply()
    host, port = host_and_port(target)
    family, address = reply.resolve(host, port, socket.SOCK_STREAM)
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        with reply.phase("connect"):
            connection.connect(address)
    reply.succeeded = True
    return reply


def probe_dns(target: str, timeout_s: float) -> ProbeReply:
    """Ask a server for the address of a name: NAME@SERVER[:PORT]."""
    reply = ProbeReply()
    name, at, server = target.partition("@")
    if not at or not server:
        raise ValueError(f"{target!r} is not NAME@SERVER")
    host, port = host_and_port(server, 53)
    family, address = reply.resolve(host, port, socket.SOCK_DGRAM)
    number = secrets.randbelow(65536)
    question = _question(name, _AAAA if family == socket.AF_INET6 else _A)
    until_s = time.monotonic() + timeout_s
    with socket.socket(family, socket.SOCK_DGRAM) as connection, reply.phase("request"):
        connection.connect(address)
        connection.send(_DNS_HEADER.pack(number, _RECURSION, 1, 0, 0, 0) + question)
        while True:
            connection.settimeout(max(0.001, until_s - time.monotonic()))
            answer = connection.recv(4096)
            if len(answer) >= _DNS_HEADER.size and answer[:2] == number.to_bytes(2, "big"):
                break  # Not one to another question, which came late.
    _, flags, _, answers, authorities, additional = _DNS_HEADER.unpack_from(answer)
    reply.numbers["dns_answer_rrs"] = answers
    reply.numbers["dns_authority_rrs"] = authorities
    reply.numbers["dns_additional_rrs"] = additional
    reply.succeeded = bool(flags & _RESPONSE) and flags & 0xF == 0
    reply.numbers["dns_query_succeeded"] = reply.succeeded
    return reply


def _question(name: str, kind: int) -> bytes:
    parts = [part.encode("idna") for part in name.rstrip(".").split(".") if part]
    if sum(map(len, parts)) + len(parts) > 254:
        raise ValueError(f"{name[:80]!r} is longer than a name may be")
    encoded = b"".join(bytes((len(part),)) + part for part in parts)
    return encoded + b"\0" + struct.pack(">HH", kind, _INTERNET)


def probe_icmp(target: str, timeout_s: float) -> ProbeReply:
    """Send one echo request to a host.

    Raises:
        PermissionError: the group of this process is not in net.ipv4.ping_group_range, and the
            process lacks CAP_NET_RAW.
    """
    reply = ProbeReply()
    family, address = reply.resolve(target.strip("[]"), 0, socket.SOCK_DGRAM)
    is_six = family == socket.AF_INET6
    protocol = socket.IPPROTO_ICMPV6 if is_six else socket.IPPROTO_ICMP
    sent, wanted = (_ECHO_REQUEST_6, _ECHO_REPLY_6) if is_six else (_ECHO_REQUEST, _ECHO_REPLY)
    sequence, payload = secrets.randbelow(65536), secrets.token_bytes(_PAYLOAD_BYTES)
    until_s = time.monotonic() + timeout_s
    with reply.phase("setup"):
        connection = _echo_socket(family, protocol)
    with connection, reply.phase("rtt"):
        connection.sendto(_echo(sent, sequence, payload), address)
        while True:
            connection.settimeout(max(0.001, until_s - time.monotonic()))
            content, _ = connection.recvfrom(2048)
            if connection.type == socket.SOCK_RAW and not is_six:
                # The message follows IP's header, whose length in words is in its first byte.
                content = content[(content[0] & 0xF) * 4 :]
            # A raw socket also sees the replies to other processes.
            if content[_ICMP.size :] == payload and len(content) >= _ICMP.size:
                kind, _, _, _, number = _ICMP.unpack_from(content)
                if (kind, number) == (wanted, sequence):
                    break
    reply.succeeded = True
    return reply


def _echo_socket(family: int, protocol: int) -> socket.socket:
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
