"""A fleet of targets on loopback: one process, one address a target, one port for all.

    ./run bench fleet --targets 400 --control 127.0.0.1:7999

serves `http://127.0.x.y:PORT/metrics`; each target starts at its own place in the
recording and gives the next scrape at each request. The control address answers
`GET /counts` (and `GET /`, the same) with what was served, `POST /rewind` starts all
over, `POST /mark` forgets the gaps measured so far.

Benchmarks use it through `Fleet`, which runs it in a process of its own.
"""

import argparse
import asyncio
import errno
import json
import resource
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import uvloop

from benchmarks.corpus import Recording, find_recording
from benchmarks.processes import Child, fetch, free_port
from benchmarks.replay import Replay, make_replay

_ADDRESSES_PER_BLOCK = 250
_PORT_ATTEMPTS = 20
_REQUEST_LIMIT_BYTES = 64 * 1024
_NOT_ANSWERED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What a fleet serves.

    Attributes:
        targets: how many; they start evenly spread over the recording.
        churn_ratio: the share of each target's series that is replaced ...
        scrapes_per_generation: ... after so many of its scrapes, the targets in turn.
    """

    targets: int
    churn_ratio: float = 0.0
    scrapes_per_generation: int = 60


@dataclass(frozen=True, slots=True)
class FleetCounts:
    """What a fleet has served since its start or the last rewind.

    Attributes:
        responses, samples: of all targets.
        fewest_responses: of the target that was asked least.
        longest_gap_s: longest time between two responses of one target since the mark.
        cpu_s: the fleet's own CPU time.
        port: the targets' port.
    """

    responses: int
    samples: int
    fewest_responses: int
    longest_gap_s: float
    cpu_s: float
    port: int


def target_address(number: int) -> str:
    """Return the loopback address of a target: 127.0.0.1 to 127.0.255.250."""
    block, host = divmod(number, _ADDRESSES_PER_BLOCK)
    return f"127.0.{block}.{host + 1}"


class Target:
    """One target's place in the replay, and how it was asked."""

    def __init__(self, number: int, plan: FleetPlan, replay: Replay) -> None:
        self._number = number
        self._replay = replay
        self._offset = number * len(replay) // plan.targets
        # The targets' labels change one after the other, not all at once.
        self._ahead = number * plan.scrapes_per_generation // plan.targets
        self._scrapes_per_generation = plan.scrapes_per_generation
        self.rewind()

    def rewind(self) -> None:
        """Go back to where it started, counters at zero."""
        self.responses = self.samples = 0
        self._last_s: float | None = None
        self.mark()

    def mark(self) -> None:
        """Forget the gaps so far."""
        self.longest_gap_s = 0.0

    def scrape(self, gzipped: bool) -> bytes:
        """Return the next response."""
        now_s = time.monotonic()
        if self._last_s is not None:
            self.longest_gap_s = max(self.longest_gap_s, now_s - self._last_s)
        self._last_s = now_s
        generation = (self.responses + self._ahead) // self._scrapes_per_generation
        place = (self._offset + self.responses) % len(self._replay)
        response = self._replay.response(place, self._number, generation, gzipped)
        self.responses += 1
        self.samples += response.samples
        return response.content


Answer = Callable[[bytes, bool], bytes]
"""Takes a request line and whether gzip is accepted, returns a whole response."""


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


def answer_scrape(target: Target, request_line: bytes, gzipped: bool) -> bytes:
    """Answer a target's requests."""
    if request_line.startswith(b"GET /metrics"):
        return target.scrape(gzipped)
    return _NOT_ANSWERED


def answer_control(
    targets: Sequence[Target], port: int, request_line: bytes, _gzipped: bool
) -> bytes:
    """Answer a benchmark's requests."""
    if request_line.startswith(b"POST /rewind"):
        for target in targets:
            target.rewind()
    elif request_line.startswith(b"POST /mark"):
        for target in targets:
            target.mark()
    spent = resource.getrusage(resource.RUSAGE_SELF)
    counts = {
        "responses": sum(target.responses for target in targets),
        "samples": sum(target.samples for target in targets),
        "fewest_responses": min(target.responses for target in targets),
        "longest_gap_s": max(target.longest_gap_s for target in targets),
        "cpu_s": spent.ru_utime + spent.ru_stime,
        "port": port,
    }
    body = json.dumps(counts).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


def listen(targets: int) -> list[socket.socket]:
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


async def serve(plan: FleetPlan, recording: Recording, control: tuple[str, int]) -> None:
    """Serve until cancelled."""
    replay = make_replay(recording, plan.churn_ratio)
    targets = [Target(number, plan, replay) for number in range(plan.targets)]
    sockets = listen(plan.targets)
    loop = asyncio.get_running_loop()
    for target, listener in zip(targets, sockets, strict=True):
        answer = partial(answer_scrape, target)
        await loop.create_server(partial(Connection, answer), sock=listener)
    port = sockets[0].getsockname()[1]
    answer = partial(answer_control, targets, port)
    server = await loop.create_server(partial(Connection, answer), *control)
    await server.serve_forever()


class Fleet:
    """A fleet in a process of its own, for the time of a `with` block."""

    def __init__(self, plan: FleetPlan, recording: Recording, log_directory: Path) -> None:
        self.plan = plan
        self.recording = recording
        control = f"127.0.0.1:{free_port()}"
        self._url = f"http://{control}"
        command = [sys.executable, "-m", "benchmarks.fleet", "--control", control]
        command += ["--recording", str(recording.path), "--targets", str(plan.targets)]
        command += ["--churn-ratio", str(plan.churn_ratio)]
        command += ["--scrapes-per-generation", str(plan.scrapes_per_generation)]
        self._child = Child("fleet", command, log_directory)

    @property
    def series(self) -> int:
        """How many series all targets have at a time."""
        return self.plan.targets * self.recording.series

    def addresses(self) -> list[str]:
        """Return `HOST:PORT` of each target."""
        port = self.counts().port
        return [f"{target_address(number)}:{port}" for number in range(self.plan.targets)]

    def counts(self) -> FleetCounts:
        """Return what was served so far."""
        return FleetCounts(**json.loads(fetch(f"{self._url}/counts")))

    def rewind(self) -> None:
        """Start the replay and the counts from the beginning."""
        fetch(f"{self._url}/rewind", data=b"")

    def mark(self) -> None:
        """Measure `longest_gap_s` from now on."""
        fetch(f"{self._url}/mark", data=b"")

    def __enter__(self) -> Self:
        self._child.__enter__()
        try:
            self._child.wait_ready(self._url)
        except BaseException:
            self._child.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.kill()  # it keeps nothing


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a fleet of targets that replay recorded scrapes, on loopback."""
    parser = argparse.ArgumentParser(prog="bench fleet", description=main.__doc__)
    parser.add_argument("--targets", type=int, default=400)
    parser.add_argument("--control", default="127.0.0.1:7999", metavar="HOST:PORT")
    parser.add_argument("--recording", default="node_exporter", help="name or path")
    parser.add_argument("--churn-ratio", type=float, default=0.0)
    parser.add_argument("--scrapes-per-generation", type=int, default=60)
    options = parser.parse_args(arguments)
    plan = FleetPlan(options.targets, options.churn_ratio, options.scrapes_per_generation)
    host, _, port = options.control.rpartition(":")
    recording = find_recording(options.recording)
    with suppress(KeyboardInterrupt):
        uvloop.run(serve(plan, recording, (host, int(port))))


if __name__ == "__main__":
    main()
