"""A DNS server on loopback with the records of a test."""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

from scraper.discovery.dns_sd import DnsServer

SRV, MX, NS, CNAME = 33, 15, 2, 5
NAME_ERROR, REFUSED = 3, 5

Records = Mapping[str, Sequence[tuple[int, bytes]] | int]
"""The records of each name as (type, data), or an error code."""


def encoded(name: str) -> bytes:
    """Return a name in wire format."""
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def srv(port: int, target: str) -> tuple[int, bytes]:
    return SRV, struct.pack(">HHH", 0, 0, port) + encoded(target)


def mx(exchange: str) -> tuple[int, bytes]:
    return MX, struct.pack(">H", 10) + encoded(exchange)


def ns(server: str) -> tuple[int, bytes]:
    return NS, encoded(server)


class _Answers(asyncio.DatagramProtocol):
    _transport: asyncio.DatagramTransport

    def __init__(self, records: Records) -> None:
        self._records = records

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        at, labels = 12, []
        while size := data[at]:
            labels.append(data[at + 1 : at + 1 + size].decode())
            at += 1 + size
        question = data[12 : at + 5]
        found = self._records.get(".".join(labels), NAME_ERROR)
        code, answers = (found, ()) if isinstance(found, int) else (0, found)
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(answers), 0, 0)
        body = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(content)) + content
            for kind, content in answers
        )
        self._transport.sendto(head + question + body, address)


@asynccontextmanager
async def dns_server(records: Records) -> AsyncIterator[DnsServer]:
    """Serve `records` within the block; the test may change them."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Answers(records), local_addr=("127.0.0.1", 0)
    )
    address, port = transport.get_extra_info("sockname")
    try:
        yield DnsServer(address, port)
    finally:
        transport.close()
