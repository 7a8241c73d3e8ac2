"""Prepared request bodies over persistent connections: a load in its own process.

Each connection sends its next body when the last one is answered. It uses bare sockets: an
HTTP client would dominate the measurement.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast
from urllib.parse import urlsplit

import numpy as np
import uvloop

from benchmarks.harness.processes import Child
from benchmarks.harness.responses import whole_response


class BodyFile:
    """Bodies in a file, and their ends in a second one."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._ends = [0, *np.load(_ends_path(path)).tolist()]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def body(self, number: int) -> bytes:
        """Return a body; fastest in their order."""
        start, end = self._ends[number], self._ends[number + 1]
        if self._file.tell() != start:
            self._file.seek(start)
        return self._file.read(end - start)

    @staticmethod
    @contextmanager
    def writer(path: Path) -> Iterator[Callable[[bytes], None]]:
        """Yield a function that adds a body to a new file."""
        ends: list[int] = []
        with path.open("wb", buffering=1 << 20) as file:

            def add(body: bytes) -> None:
                file.write(body)
                ends.append(len(body) + (ends[-1] if ends else 0))

            yield add
        np.save(_ends_path(path), np.array(ends, np.int64))


def _ends_path(path: Path) -> Path:
    return path.with_name(path.name + ".npy")


@dataclass
class RequestLoad:
    """The requests of all connections.

    Attributes:
        head: the request line and the headers, up to the value of Content-Length.
        bodies: sent once each, or again and again until `end_s`.
        end_s: when to stop; infinite to send every body once.
        interval_s: the time between two requests of all connections; 0 for none.
        latencies_s: of all answered requests.
        error: the first error.
    """

    head: bytes
    bodies: BodyFile
    end_s: float
    interval_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    error: str = ""
    _next: int = 0
    _due_s: float = 0.0

    def delay_s(self) -> float:
        """Return how long the next request must wait."""
        now_s = time.monotonic()
        self._due_s = max(self._due_s + self.interval_s, now_s)
        return self._due_s - now_s

    def next_body(self) -> bytes | None:
        """Return the next body, None if the load is done."""
        if self.error or time.monotonic() >= self.end_s:
            return None
        if self._next == len(self.bodies):
            if self.end_s == float("inf"):
                return None
            self._next = 0
        self._next += 1
        return self.bodies.body(self._next - 1)


class LoadConnection(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: RequestLoad, done: "asyncio.Future[None]") -> None:
        self._load, self._done = load, done
        self._answer = b""
        self._sent_s = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send_when_due()

    def _send_when_due(self) -> None:
        if self._load.interval_s:
            asyncio.get_running_loop().call_later(self._load.delay_s(), self._send)
        else:
            self._send()

    def _send(self) -> None:
        assert self._transport is not None
        body = self._load.next_body()
        if body is None:
            self._transport.close()
            self._finish()
            return
        self._sent_s = time.monotonic()
        self._transport.writelines([self._load.head, b"%d\r\n\r\n" % len(body), body])

    def data_received(self, data: bytes) -> None:
        answer = self._answer = self._answer + data
        head = whole_response(answer)
        if head is None:
            return
        self._answer = b""
        self._load.latencies_s.append(time.monotonic() - self._sent_s)
        if not head.startswith(b"HTTP/1.1 2"):
            self._load.error = self._load.error or answer.decode(errors="replace")
        self._send_when_due()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._load.error = self._load.error or f"connection lost: {exc}"
        self._finish()

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


def request_load(
    name: str,
    url: str,
    bodies: Path,
    directory: Path,
    *,
    connections: int,
    seconds: float = 0.0,
    per_second: float = 0.0,
    key: str = "",
) -> Child:
    """Return the process of a load; `wait_figures` has what `main` prints.

    Args:
        name: of the process.
        url: where the bodies are posted.
        bodies: see `BodyFile`.
        directory: for its log.
        connections: how many there are.
        seconds: how long the bodies are repeated; 0 to send each once.
        per_second: requests a second; 0 for as many as are answered.
        key: the value of X-API-Key.
    """
    command = [
        *(sys.executable, "-m", "benchmarks.harness.events.request_load"),
        *("--connections", str(connections), "--seconds", str(seconds)),
        *("--per-second", str(per_second)),
        # A key may begin with a dash.
        *(f"--key={key}", "--", url, str(bodies)),
    ]
    return Child(name, command, directory)


async def _send_all(options: argparse.Namespace) -> tuple[RequestLoad, float]:
    url = urlsplit(options.url)
    key = f"X-API-Key: {options.key}\r\n" if options.key else ""
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n{key}"
        "Content-Type: application/json\r\nContent-Length: "
    )
    begun_s = time.monotonic()
    end_s = begun_s + options.seconds if options.seconds else float("inf")
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(options.connections)]
    with BodyFile(options.bodies) as bodies:
        interval_s = 1 / options.per_second if options.per_second else 0.0
        load = RequestLoad(head.encode(), bodies, end_s, interval_s)
        for done in ends:
            await loop.create_connection(
                lambda done=done: LoadConnection(load, done),  # type: ignore[misc]
                url.hostname,
                url.port,
            )
        await asyncio.gather(*ends)
    return load, time.monotonic() - begun_s


def main(arguments: Sequence[str] | None = None) -> None:
    """Send, and print the number of requests, the time and the latencies as JSON."""
    parser = argparse.ArgumentParser(prog="request_load", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("bodies", type=Path)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--per-second", type=float, default=0.0)
    parser.add_argument("--key", default="")
    load, elapsed_s = uvloop.run(_send_all(parser.parse_args(arguments)))
    if load.error:
        sys.exit(f"error: {load.error}")
    latencies = sorted(load.latencies_s)
    figures = {
        "requests": len(latencies),
        "elapsed_s": elapsed_s,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
