"""Probes of TCP ports, TLS certificates and DNS servers, and by ICMP echo."""

import asyncio
import secrets
import socket
import struct
import time
from pathlib import Path
from typing import Final

from model.probing.definitions import DnsCheck, ProbeDefinition
from model.probing.dns_messages import (
    RECORD_TYPES,
    DnsAnswer,
    is_answer_to,
    question,
    read_answer,
)
from model.probing.echo_messages import LARGEST_BYTES, EchoRequest, echo_socket
from model.probing.reply import ProbeReply, host_and_port
from scraper.probing.connecting import (
    Connector,
    ProbeFailedError,
    TlsOptions,
    failure_reason,
    raise_if_own,
)
from scraper.probing.datagrams import answered

_MOST_DNS_BYTES: Final = 4096
_LENGTH: Final = struct.Struct(">H")
_RESOLVERS: Final = Path("/etc/resolv.conf")
_DAY_S: Final = 86_400
NO_PING: Final = (
    "this system lets the server send no ping: add the server's group to"
    " net.ipv4.ping_group_range (sysctl), or use a probe of the kind tcp"
)


async def probe_tcp(connector: Connector, definition: ProbeDefinition, reply: ProbeReply) -> None:
    """Connect to HOST:PORT.

    Raises:
        ProbeFailedError: there is no connection.
    """
    host, port = host_and_port(definition.target)
    streams = await connector.connect(reply, host, port)
    streams.close()


async def probe_tls(connector: Connector, definition: ProbeDefinition, reply: ProbeReply) -> None:
    """Make a TLS handshake, and check how long the certificates are still valid.

    Raises:
        ProbeFailedError: the certificate is not trusted, or expires soon.
    """
    check = definition.tls
    host, port = host_and_port(definition.target, 443)
    tls = TlsOptions(check.server_name or host, check.verify)
    streams = await connector.connect(reply, host, port, tls)
    streams.close()
    expiry_s = reply.numbers.get("ssl_earliest_cert_expiry")
    if expiry_s is None:
        raise ProbeFailedError("the server shows no certificate")
    days = (expiry_s - time.time()) / _DAY_S
    if days < check.min_days:
        state = "has expired" if days < 0 else f"expires in {days:.1f} days"
        raise ProbeFailedError(f"the certificate {state}, {check.min_days:g} days are required")


async def probe_ping(connector: Connector, definition: ProbeDefinition, reply: ProbeReply) -> None:
    """Send one echo request to a host.

    Raises:
        ProbeFailedError: no reply, or the system lets this process send none.
    """
    found = await connector.addresses(reply, definition.target.strip("[]"), 0)
    family, _, _, _, address = found[0]
    try:
        with reply.phase("setup"):
            connection, request = echo_socket(family), EchoRequest(family)
    except PermissionError as exc:
        raise ProbeFailedError(NO_PING) from exc
    is_raw = connection.type == socket.SOCK_RAW

    def is_reply(content: bytes) -> bool:
        return request.is_answered_by(content, is_raw=is_raw)

    with connection:
        try:
            with reply.phase("rtt"):
                await answered(connection, address, request.message, is_reply, LARGEST_BYTES)
        except OSError as exc:
            raise_if_own(exc)
            raise ProbeFailedError(f"no reply: {failure_reason(exc)}") from exc


async def probe_dns(connector: Connector, definition: ProbeDefinition, reply: ProbeReply) -> None:
    """Ask a DNS server for the records of a name.

    Raises:
        ProbeFailedError: no answer, or not the expected one.
    """
    check = definition.dns
    server = check.server or await asyncio.to_thread(_system_server)
    host, port = host_and_port(server, 53)
    number, record_type = secrets.randbelow(65536), RECORD_TYPES[check.record]
    message = question(number, definition.target, record_type)
    try:
        if check.transport == "udp":
            content = await _over_udp(connector, reply, (host, port), message, number)
            answer = read_answer(content, record_type)
            if answer.is_truncated:
                content = await _over_tcp(connector, reply, (host, port), message)
                answer = read_answer(content, record_type)
        else:
            content = await _over_tcp(connector, reply, (host, port), message)
            answer = read_answer(content, record_type)
    except (OSError, EOFError) as exc:
        raise_if_own(exc)
        raise ProbeFailedError(f"no answer from {host}:{port}: {failure_reason(exc)}") from exc
    reply.take_dns(answer)
    _check_answer(check, answer)


def _check_answer(check: DnsCheck, answer: DnsAnswer) -> None:
    if answer.code != check.code:
        raise ProbeFailedError(f"the response code is {answer.code}, expected {check.code}")
    if check.answer and not any(check.answer in record for record in answer.records):
        raise ProbeFailedError(f"no {check.record} record contains the expected text")
    if check.code == "NOERROR" and not answer.records:
        raise ProbeFailedError(f"the name has no {check.record} record")


def _system_server() -> str:
    """Return the first name server of this system; blocks."""
    try:
        lines = _RESOLVERS.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            return f"[{words[1]}]" if ":" in words[1] else words[1]
    return "127.0.0.1"


async def _over_udp(
    connector: Connector,
    reply: ProbeReply,
    server: tuple[str, int],
    message: bytes,
    number: int,
) -> bytes:
    family, _, _, _, address = (await connector.addresses(reply, *server))[0]
    with reply.phase("connect"):
        connection = socket.socket(family, socket.SOCK_DGRAM)
    with connection, reply.phase("request"):

        def is_reply(content: bytes) -> bool:
            return is_answer_to(number, content)

        return await answered(connection, address, message, is_reply, _MOST_DNS_BYTES)


async def _over_tcp(
    connector: Connector, reply: ProbeReply, server: tuple[str, int], message: bytes
) -> bytes:
    streams = await connector.connect(reply, *server)
    try:
        with reply.phase("request"):
            streams.writer.write(_LENGTH.pack(len(message)) + message)
            (length,) = _LENGTH.unpack(await streams.reader.readexactly(_LENGTH.size))
            return await streams.reader.readexactly(length)
    finally:
        streams.close()
