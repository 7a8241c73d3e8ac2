"""Devices that push: the load of `./run bench push`, in its own process.

Each device keeps one connection open, from an address of its own, and sends its next message
when the last one is answered. It uses bare sockets: an HTTP client would dominate the measurement.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.harness.loopback import client_address
from benchmarks.harness.responses import whole_response

_METRICS = ("cpu_usage", "ram_usage", "disk_usage", "load_1", "load_5", "temperature")
_OK = b"HTTP/1.1 200"


@dataclass
class DeviceLoad:
    """The requests of all devices, and their statistics.

    Attributes:
        latencies_s: of the messages sent within the measured period.
        answered: the number of all successful messages.
        error: the first error.
    """

    host: str
    path: str
    token: str
    metrics: int
    start_s: float
    end_s: float
    latencies_s: list[float] = field(default_factory=list)
    answered: int = 0
    error: str = ""


class Device(asyncio.Protocol):
    """One device."""

    def __init__(self, number: int, load: DeviceLoad, done: "asyncio.Future[None]") -> None:
        self._number, self._load, self._done = number, load, done
        self._random = random.Random(number)
        names = [*_METRICS, *(f"sensor_{at}" for at in range(load.metrics))][: load.metrics]
        self._metrics = ",".join(
            f'{{"metric_name":"{name}","metric_value":%.3f}}' for name in names
        )
        self._values = [self._random.uniform(0, 100) for _ in names]
        self._head = (
            f"POST {load.path} HTTP/1.1\r\nHost: {load.host}\r\nX-API-Key: {load.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        self._sent = 0
        self._sent_s = 0.0
        self._answer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is not a subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        now_s = time.time()
        if now_s >= self._load.end_s:
            self._finish()
            return
        # One value changes per message, as with most devices.
        self._values[self._random.randrange(len(self._values))] = self._random.uniform(0, 100)
        self._sent += 1
        body = (
            f'{{"message_id":"{self._number}-{self._sent}-{now_s}","timestamp":{now_s:.3f},'
            f'"device_id":"device-{self._number}","source":"local",'
            f'"metrics":[{self._metrics % tuple(self._values)}]}}'
        )
        self._sent_s = now_s
        assert self._transport is not None
        self._transport.write(f"{self._head}{len(body)}\r\n\r\n{body}".encode())

    def data_received(self, data: bytes) -> None:
        answer = self._answer = self._answer + data
        head = whole_response(answer)
        if head is None:
            return
        self._answer = b""
        if not head.startswith(_OK):
            self._load.error = self._load.error or answer.decode(errors="replace")
            self._finish()
            return
        now_s = time.time()
        self._load.answered += 1
        if self._sent_s >= self._load.start_s:
            self._load.latencies_s.append(now_s - self._sent_s)
        self._send()

    def _finish(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.error = self._load.error or (f"connection lost: {exc}" if exc else "")
        if not self._done.done():
            self._done.set_result(None)


async def push(options: argparse.Namespace) -> DeviceLoad:
    """Push until the end of the measured period; return the statistics."""
    url = urlsplit(options.url)
    begun_s = time.time()
    start_s = begun_s + options.warm_up
    load = DeviceLoad(
        url.netloc, url.path, options.token, options.metrics, start_s, start_s + options.seconds
    )
    loop = asyncio.get_running_loop()
    ends = []
    for number in range(options.devices):
        done = loop.create_future()
        ends.append(done)
        await loop.create_connection(
            lambda number=number, done=done: Device(number, load, done),  # type: ignore[misc]
            url.hostname,
            url.port,
            local_addr=(client_address(number), 0),
        )
    await asyncio.gather(*ends)
    return load


def main(arguments: Sequence[str] | None = None) -> None:
    """Push and print the statistics as JSON."""
    parser = argparse.ArgumentParser(prog="devices", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--devices", type=int, default=256)
    parser.add_argument("--metrics", type=int, default=10)
    parser.add_argument("--warm-up", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--seconds", type=float, default=15.0)
    load = uvloop.run(push(parser.parse_args(arguments)))
    if load.error:
        sys.exit(f"error: {load.error}")
    latencies = sorted(load.latencies_s)
    figures = {
        "answered": load.answered,
        "measured": len(latencies),
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
