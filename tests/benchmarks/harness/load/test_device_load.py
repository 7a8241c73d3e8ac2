"""The devices of `./run bench push` connect as a fleet does: each from its own address."""

import argparse
import asyncio
from ipaddress import IPv4Address

from benchmarks.harness.load.device_load import push
from benchmarks.harness.loopback import client_address

_HEAD_END = b"\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_clients_have_addresses_of_their_own() -> None:
    addresses = [IPv4Address(client_address(number)) for number in range(64_000)]
    assert len(set(addresses)) == 64_000
    assert all(address.is_loopback for address in addresses)
    # No client shares the address of the server or of the benchmark's own requests.
    assert IPv4Address("127.0.0.1") not in addresses


async def test_each_device_keeps_one_connection_from_its_own_address() -> None:
    connected: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(writer.get_extra_info("peername")[0])
        try:
            while True:
                head = await reader.readuntil(_HEAD_END)
                await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2]))
                writer.write(_OK)
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        options = argparse.Namespace(
            url=f"http://127.0.0.1:{port}/api/metrics",
            token="a",
            devices=5,
            metrics=3,
            warm_up=0.0,
            seconds=0.05,
        )
        load = await push(options)
    assert load.error == ""
    assert load.answered >= 5
    assert sorted(connected) == [client_address(number) for number in range(5)]
