"""Probes of TCP ports, of DNS servers, and by ICMP echo."""

import secrets
import socket
import time

from model.probing.dns_messages import RECORD_TYPES, is_answer_to, question, read_answer
from model.probing.echo_messages import LARGEST_BYTES, EchoRequest, echo_socket
from model.probing.reply import ProbeReply, host_and_port


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
    record_type = RECORD_TYPES["AAAA" if family == socket.AF_INET6 else "A"]
    message = question(number, name, record_type)
    until_s = time.monotonic() + timeout_s
    with socket.socket(family, socket.SOCK_DGRAM) as connection, reply.phase("request"):
        connection.connect(address)
        connection.send(message)
        received = b""
        while not is_answer_to(number, received):
            connection.settimeout(max(0.001, until_s - time.monotonic()))
            received = connection.recv(4096)
    answer = read_answer(received, record_type)
    reply.take_dns(answer)
    reply.succeeded = answer.code == "NOERROR"
    return reply


def probe_icmp(target: str, timeout_s: float) -> ProbeReply:
    """Send one echo request to a host.

    Raises:
        PermissionError: the system lets this process send none.
    """
    reply = ProbeReply()
    family, address = reply.resolve(target.strip("[]"), 0, socket.SOCK_DGRAM)
    until_s = time.monotonic() + timeout_s
    with reply.phase("setup"):
        connection, request = echo_socket(family), EchoRequest(family)
    is_raw = connection.type == socket.SOCK_RAW
    with connection, reply.phase("rtt"):
        connection.sendto(request.message, address)
        content = b""
        while not request.is_answered_by(content, is_raw=is_raw):
            connection.settimeout(max(0.001, until_s - time.monotonic()))
            content, _ = connection.recvfrom(LARGEST_BYTES)
    reply.succeeded = True
    return reply
