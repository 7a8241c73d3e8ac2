"""Targets on loopback: one process, one address a target, one port for all.

A control address of the process answers with what was served, as JSON.
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

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"

Answer = Callable[[bytes, bool], bytes]
"""Takes a request line and whether gzip is accepted, returns a whole response."""

Tell = Callable[[bytes], Mapping[str, object]]
"""Takes the request line of a benchmark, returns what was served."""


def ok(content_type: str, body: bytes) -> bytes:
    """Return a whole response."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def target_address(number: int) -> str:
    """Return the loopback address of a target: 127.0.0.1 to 127.0.255.250."""
    block, host = divmod(number, _ADDRESSES_PER_BLOCK)
    return f"127.0.{block}.{host + 1}"


class Connection(asyncio.Protocol):
    """One client's connection; knows of HTTP/1.1 what scrapers use."""

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


def _listen(targets: int) -> list[socket.socket]:
    """Open one socket a target, all on one port that happens to be free."""
    for _ in range(_PORT_ATTEMPTS):
        sockets = [socket.create_server((target_address(0), 0))]
        port = sockets[0].getsockname()[1]
        try:
            sockets += [
                socket.create_server((target_address(number), port)) for number in range(1, targets)
            ]
        except OSError as exc:
            for opened in sockets:
                opened.close()
            if exc.errno != errno.EADDRINUSE:
                raise
        else:
            return sockets
    raise OSError(errno.EADDRINUSE, f"no port is free on {targets} loopback addresses")


def serve(targets: Sequence[Answer], control: str, tell: Tell) -> None:
    """Serve targets until interrupted.

    Args:
        targets: how each answers.
        control: `HOST:PORT` where benchmarks ask.
        tell: what they hear, beside the targets' port.
    """
    host, _, control_port = control.rpartition(":")

    async def run() -> None:
        sockets = _listen(len(targets))
        port = sockets[0].getsockname()[1]

        def answer_control(request_line: bytes, _gzipped: bool) -> bytes:
            told = {**tell(request_line), "port": port}
            return ok("application/json", json.dumps(told).encode())

        loop = asyncio.get_running_loop()
        for answer, listener in zip(targets, sockets, strict=True):
            await loop.create_server(partial(Connection, answer), sock=listener)
        server = await loop.create_server(
            partial(Connection, answer_control), host, int(control_port)
        )
        await server.serve_forever()

    uvloop.run(run())


class TargetProcess(Child):
    """Targets in a process of their own, for the time of a `with` block."""

    def __init__(
        self, module: str, targets: int, log_directory: Path, options: Sequence[str] = ()
    ) -> None:
        """Say what will run.

        Args:
            module: of this package; it takes `--control` and `--targets`.
            targets: how many.
            log_directory: for what it prints.
            options: further ones.
        """
        self._targets = targets
        control = f"127.0.0.1:{free_port()}"
        self._url = f"http://{control}"
        command = [sys.executable, "-m", f"benchmarks.harness.{module}", "--control", control]
        command += ["--targets", str(targets), *options]
        super().__init__(module, command, log_directory, self._url)

    def addresses(self) -> list[str]:
        """Return `HOST:PORT` of each target."""
        port = self.ask()["port"]
        return [f"{target_address(number)}:{port}" for number in range(self._targets)]

    def ask(self, path: str = "", data: bytes | None = None) -> dict[str, Any]:
        """Return what was served; POST where there is data."""
        told: dict[str, Any] = json.loads(fetch(f"{self._url}/{path}", data))
        return told
