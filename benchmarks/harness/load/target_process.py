"""A process that serves many targets: one loopback address each, one port for all.

Its control address answers with statistics of what was served, as JSON.
"""

import asyncio
import errno
import json
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import uvloop

from benchmarks.harness.loopback import fetch, free_port
from benchmarks.harness.processes import Child

_ADDRESSES_PER_BLOCK = 250
_PORT_ATTEMPTS = 20
_REQUEST_LIMIT_BYTES = 64 * 1024

LOOPBACK = "127.0"
"""The first two bytes of the targets' addresses by default."""

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

Answer = Callable[[bytes, bool], bytes]
"""Takes a request line and whether gzip is accepted; returns a whole response."""

Control = Callable[[bytes], Mapping[str, object]]
"""Takes the request line of a control request; returns statistics."""


def ok(content_type: str, body: bytes) -> bytes:
    """Return a whole response."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def target_address(number: int, network: str = LOOPBACK) -> str:
    """Return the address of a target: 127.0.0.1 to 127.0.255.250."""
    block, host = divmod(number, _ADDRESSES_PER_BLOCK)
    return f"{network}.{block}.{host + 1}"


class TargetConnection(asyncio.Protocol):
    """A connection of one client; supports the part of HTTP/1.1 that scrapers use."""

    _transport: asyncio.Transport

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while not self._transport.is_closing():
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                if len(head) > _REQUEST_LIMIT_BYTES:
                    self._transport.abort()
                return
            self._received = rest
            self._respond(head)

    def _respond(self, head: bytes) -> None:
        request_line, _, fields = head.partition(b"\r\n")
        encodings, closes = b"", request_line.endswith(b"HTTP/1.0")
        for line in fields.lower().split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"accept-encoding":
                encodings = value
            elif name == b"connection":
                closes = b"close" in value
        self._transport.write(self._answer(request_line, b"gzip" in encodings))
        if closes:
            self._transport.close()


def _listen(targets: int, network: str) -> list[socket.socket]:
    """Open one socket per target, all on the same free port."""
    for _ in range(_PORT_ATTEMPTS):
        sockets = [socket.create_server((target_address(0, network), 0))]
        port = sockets[0].getsockname()[1]
        try:
            sockets += [
                socket.create_server((target_address(number, network), port))
                for number in range(1, targets)
            ]
        except OSError as exc:
            for opened in sockets:
                opened.close()
            if exc.errno != errno.EADDRINUSE:
                raise
        else:
            return sockets
    raise OSError(errno.EADDRINUSE, f"no port is free on {targets} loopback addresses")


def serve(
    targets: Sequence[Answer], control_address: str, control: Control, network: str = LOOPBACK
) -> None:
    """Serve targets until interrupted.

    Args:
        targets: the answer function of each.
        control_address: `HOST:PORT` for control requests.
        control: answers them; the targets' port is added.
        network: the first two bytes of the targets' addresses.
    """
    host, _, control_port = control_address.rpartition(":")

    async def run() -> None:
        sockets = _listen(len(targets), network)
        port = sockets[0].getsockname()[1]

        def answer_control(request_line: bytes, _gzipped: bool) -> bytes:
            statistics = {**control(request_line), "port": port}
            return ok("application/json", json.dumps(statistics).encode())

        loop = asyncio.get_running_loop()
        for answer, listener in zip(targets, sockets, strict=True):
            await loop.create_server(partial(TargetConnection, answer), sock=listener)
        server = await loop.create_server(
            partial(TargetConnection, answer_control), host, int(control_port)
        )
        await server.serve_forever()

    uvloop.run(run())


class TargetProcess(Child):
    """A process that serves targets while a `with` block runs."""

    def __init__(
        self,
        module: str,
        targets: int,
        log_directory: Path,
        options: Sequence[str] = (),
        network: str = LOOPBACK,
    ) -> None:
        """Set the command line.

        Args:
            module: the program's module; it takes `--control` and `--targets`.
            targets: how many.
            log_directory: where the log goes.
            options: further command line options.
            network: the first two bytes of the targets' addresses.
        """
        self._targets, self._network = targets, network
        control = f"127.0.0.1:{free_port()}"
        self._url = f"http://{control}"
        command = [sys.executable, "-m", module, "--control", control]
        command += ["--targets", str(targets), *options]
        super().__init__(module.rpartition(".")[2], command, log_directory, self._url)

    def addresses(self) -> list[str]:
        """Return `HOST:PORT` of each target."""
        port = self.ask()["port"]
        return [
            f"{target_address(number, self._network)}:{port}" for number in range(self._targets)
        ]

    def ask(self, path: str = "", data: bytes | None = None) -> dict[str, Any]:
        """Send a control request and return the statistics; POST if there is data."""
        statistics: dict[str, Any] = json.loads(fetch(f"{self._url}/{path}", data))
        return statistics
