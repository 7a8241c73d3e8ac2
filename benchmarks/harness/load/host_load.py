"""Exporters in push mode: a load of `./run bench push`, in its own process.

Each host sends a whole scrape of this machine at its interval, on a connection of its own, as
an exporter does, and again a second later if the server does not take it. The hosts are spread
over the interval and have addresses of their own. Bodies are made beforehand.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from benchmarks.harness.loopback import client_address
from exporter.pushing.pusher import HostVectors
from exporter.settings import ExporterSettings

_BODIES = 20
_PAUSE_S = 0.1
_AGAIN_S = 1.0
_OK = b"HTTP/1.1 200"
_REFUSED = b"HTTP/1.1 4"


@dataclass
class HostLoad:
    """The pushes of all hosts, and their statistics.

    Attributes:
        bodies: compressed scrapes, which the hosts send in turn.
        start_s, end_s: the measured period.
        latencies_s: of the pushes that were sent in it.
        answered: the number of all pushes with status 200.
        again: how often a push was sent again.
        failures: the answers to pushes that were refused.
    """

    host: str
    port: int
    bodies: list[bytes]
    interval_s: float
    start_s: float
    end_s: float
    latencies_s: list[float] = field(default_factory=list)
    answered: int = 0
    again: int = 0
    failures: list[str] = field(default_factory=list)

    async def run(self, keys: Sequence[str]) -> None:
        """Push as all hosts, until the end of the period."""
        async with asyncio.TaskGroup() as group:
            for number, key in enumerate(keys):
                group.create_task(self._host(key, number, self.interval_s * number / len(keys)))

    async def _host(self, key: str, number: int, offset_s: float) -> None:
        due_s = self.start_s - self.interval_s + offset_s
        source = client_address(number)
        while due_s < self.end_s:
            await asyncio.sleep(due_s - time.time())
            await self._push(key, source, self.bodies[number % len(self.bodies)])
            number += 1
            due_s += self.interval_s

    async def _push(self, key: str, source: str, body: bytes) -> None:
        begun_s = time.time()
        head = (
            f"POST /report HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: text/plain\r\nContent-Encoding: gzip\r\nConnection: close\r\n"
            f"X-Collected-At-Ms: {int(1000 * begun_s)}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        while not (answer := await self._answer(source, head.encode() + body)).startswith(_OK):
            if answer.startswith(_REFUSED):
                self.failures.append(answer.decode(errors="replace")[:500])
                return
            self.again += 1
            await asyncio.sleep(_AGAIN_S)
        self.answered += 1
        if self.start_s <= begun_s < self.end_s:
            self.latencies_s.append(time.time() - begun_s)

    async def _answer(self, source: str, request: bytes) -> bytes:
        """Return the answer to a request, empty if the connection breaks."""
        try:
            reader, writer = await asyncio.open_connection(
                self.host, self.port, local_addr=(source, 0)
            )
        except OSError:
            return b""
        try:
            writer.write(request)
            return await reader.read()
        except OSError:
            return b""
        finally:
            writer.close()


def scrapes() -> list[bytes]:
    """Return compressed scrapes of this machine."""
    vectors = HostVectors.of(ExporterSettings(disabled=frozenset({"processes", "addresses"})))
    bodies = []
    for _ in range(_BODIES):
        bodies.append(vectors.push().body)
        time.sleep(_PAUSE_S)
    return bodies


def main(arguments: Sequence[str] | None = None) -> None:
    """Push and print the statistics as JSON."""
    parser = argparse.ArgumentParser(prog="hosts", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("keys", help="file with one host's key a line")
    parser.add_argument("--interval", type=float, default=15.0)
    parser.add_argument("--seconds", type=float, default=45.0)
    options = parser.parse_args(arguments)
    url, bodies = urlsplit(options.url), scrapes()
    # The hosts' first pushes, whose series are new, are before the measured period.
    start_s = time.time() + options.interval
    load = HostLoad(
        url.hostname or "",
        url.port or 0,
        bodies,
        options.interval,
        start_s,
        start_s + options.seconds,
    )
    print(json.dumps({"start_s": start_s, "end_s": load.end_s}), flush=True)
    uvloop.run(load.run(Path(options.keys).read_text().split()))
    if load.failures:
        sys.exit(f"error: {len(load.failures)} pushes failed, the first one: {load.failures[0]}")
    latencies = sorted(load.latencies_s)
    figures = {
        "answered": load.answered,
        "again": load.again,
        "pushes_per_s": len(latencies) / options.seconds,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
