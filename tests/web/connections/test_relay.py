"""Connections that are relayed to a Unix socket: bytes, ends, places."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from model.clock import system_clock
from model.conditions import Conditions
from model.limits import Refusals
from tests.patience import PATIENCE_S
from tests.system.processes import until
from web.connections.accepting import Acceptor
from web.connections.places import Capacity, ConnectionPlaces
from web.connections.relay import Relay, RelayedClient
from web.settings import WebSettings

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Relaying:
    port: int
    relay: Relay
    places: ConnectionPlaces

    async def connect(self) -> Client:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def wait_until_free(self) -> None:
        async def is_free() -> bool:
            return not len(self.places) and not len(self.relay)

        await until(is_free, "the connections to end")

    async def client(self) -> RelayedClient:
        """Return the only client."""

        async def first() -> RelayedClient | None:
            return next(iter(self.relay._clients.values()), None)

        found: RelayedClient = await until(first, "the client")
        return found


@asynccontextmanager
async def relaying(folder: Path, serve: Serve | None) -> AsyncIterator[Relaying]:
    """Relay to a server; None for no server behind the path."""
    path = str(folder / "s.sock")
    server = None if serve is None else await asyncio.start_unix_server(serve, path)
    places = ConnectionPlaces(Capacity(8, 8, 10_000), lambda: 0, Refusals().count)
    relay, settings = Relay(path, places, 0.2), WebSettings()
    acceptor = Acceptor(relay, places, settings, Conditions(system_clock), http2=True)
    port = await acceptor.listen("127.0.0.1", 0)
    try:
        yield Relaying(port, relay, places)
    finally:
        await acceptor.close()
        await relay.close()
        if server is not None:
            server.close()


async def test_bytes_arrive_whole_however_slowly_they_are_read(tmp_path: Path) -> None:
    sent = bytes(range(256)) * 2**15
    received = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = b""
        while len(found) < len(sent):
            found += await reader.read(2**17)
            await asyncio.sleep(0)
        received.set_result(found)
        writer.write(found)
        await writer.drain()
        writer.close()

    async with relaying(tmp_path, serve) as found:
        reader, writer = await found.connect()
        writer.write(sent)
        async with asyncio.timeout(PATIENCE_S):
            assert await received == sent
            assert await reader.read() == sent
        writer.close()
        await found.wait_until_free()


async def test_server_knows_each_client_by_the_name_of_its_connection(tmp_path: Path) -> None:
    names = asyncio.Queue[str]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name: bytes = writer.get_extra_info("peername")
        await names.put(name.removeprefix(b"\0").decode())
        await reader.read()
        writer.close()

    async with relaying(tmp_path, serve) as found:
        one, two = await found.connect(), await found.connect()
        async with asyncio.timeout(PATIENCE_S):
            known = [found.relay.client(await names.get()) for _ in range(2)]
        assert None not in known
        assert known[0] is not known[1]
        assert {client.address for client in known if client} == {"127.0.0.1"}
        assert found.relay.client("redshank-of-another-program") is None
        for _, writer in (one, two):
            writer.close()
        await found.wait_until_free()


async def test_connection_ends_and_frees_its_place_if_there_is_no_server(tmp_path: Path) -> None:
    async with relaying(tmp_path, None) as found:
        reader, writer = await found.connect()
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()
        await found.wait_until_free()


async def test_client_that_does_not_read_cannot_keep_its_place(tmp_path: Path) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(2**25))
        writer.close()

    async with relaying(tmp_path, serve) as found:
        _, writer = await found.connect()
        transport: Any = writer.transport
        transport.pause_reading()
        await found.client()
        # What is buffered is larger than the system takes; the deadline ends the connection.
        await found.wait_until_free()
        writer.close()


async def test_requests_that_are_served_keep_a_connection_from_being_idle(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with relaying(tmp_path, serve) as found:
        _, writer = await found.connect()
        client = await found.client()

        def idle_since_s() -> float | None:
            return client.place.idle_since_s

        assert idle_since_s() is not None
        client.request_began()
        client.request_began()
        client.request_ended(5.0)
        assert idle_since_s() is None
        client.request_ended(6.0)
        assert idle_since_s() == 6.0
        writer.close()
        await found.wait_until_free()


def test_bytes_that_arrive_before_the_socket_is_connected_are_relayed(tmp_path: Path) -> None:
    """The server runs on uvloop, which reads from a connection that was paused at its begin."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        writer.close()

    async def echoed() -> list[bytes]:
        async with relaying(tmp_path, serve) as found, asyncio.timeout(PATIENCE_S):
            answers = []
            for _ in range(40):
                reader, writer = await found.connect()
                writer.write(b"hello")
                answers.append(await reader.read())
                writer.close()
            return answers

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(echoed()) == [b"hello"] * 40
