"""A relay between the browser and a server, which can stop passing data on or refuse WebSockets."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

LARGEST_CHUNK_BYTES = 65_536


class Relay:
    """Passes bytes on, or holds them back as a server does that is too busy to answer.

    Attributes:
        url: the address for the browser.
        held: the paths of the requests that were held back, in order; "" for other data.
        refuses_websockets: whether it ends connections that ask for a WebSocket, as some
            proxies do.
        refused: how many WebSockets it has refused.
    """

    def __init__(self, target: URL) -> None:
        self._target = target
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.held: list[str] = []
        self.refuses_websockets = False
        self.refused = 0

    def hold(self) -> None:
        """Pass nothing on until `release`; connections are still accepted."""
        self.held.clear()
        self._passing.clear()

    def release(self) -> None:
        """Pass on what was held back, and what follows."""
        self._passing.set()

    def drop_connections(self) -> None:
        """End all connections."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until either side ends it."""
        upstream_reader, upstream = await asyncio.open_connection(
            self._target.host, self._target.port
        )
        self._writers |= {writer, upstream}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass_on(reader, upstream, from_browser=True))
                tasks.create_task(self._pass_on(upstream_reader, writer))
        except* OSError:
            # One side has reset the connection.
            pass
        finally:
            self._writers -= {writer, upstream}
            writer.close()
            upstream.close()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        from_browser: bool = False,
    ) -> None:
        while data := await reader.read(LARGEST_CHUNK_BYTES):
            if from_browser:
                found = re.match(rb"[A-Z]+ (\S+) HTTP", data)
                path = found[1].decode() if found else ""
                if self.refuses_websockets and path.startswith("/ws/"):
                    self.refused += 1
                    break
                if not self._passing.is_set():
                    self.held.append(path)
            await self._passing.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def relaying(target: str) -> AsyncIterator[Relay]:
    """Relay connections to a server during the `async with` block."""
    relay = Relay(URL(target))
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    relay.url = f"http://{host}:{port}"
    try:
        yield relay
    finally:
        server.close()
        relay.release()
        relay.drop_connections()
        await server.wait_closed()
