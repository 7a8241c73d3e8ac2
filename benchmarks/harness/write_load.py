"""Remote-write senders: a fleet's scrapes, cut into requests, over several connections.

Runs in a process of its own, so that what it costs is not counted as the receiver's:
`python -m benchmarks.harness.write_load`, which prints one line of JSON.
"""

import argparse
import asyncio
import io
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp
import cramjam
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.corpus import Recording, add_recording_argument, find_recording
from benchmarks.harness.matrix import value_matrix
from benchmarks.harness.write_format import WRITE_HEADERS, label, message_field
from model.labels import METRIC_NAME, Labels
from model.series import is_absent

# One scrape a second, from half an hour ago: no sample is ever in the future.
_STEP_MS = 1000
_BEGIN_MS = 30 * 60_000
_SCRAPES = 200
# A sample's value and time, as every sender writes them.
_VALUE_AT, _TIME_AT, _SAMPLE_BYTES = 3, 12, 18
_TIME_BYTES = 6


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        url: where to.
        headers: what a request must carry.
        targets: how many copies of the recorded exporter there are.
        samples: in one request.
        connections: each sends some of the targets, one request after the other.
        seconds: for how long.
    """

    url: str
    headers: dict[str, str]
    targets: int
    samples: int
    connections: int
    seconds: float


@dataclass(slots=True)
class Sent:
    """What came of it."""

    samples: int = 0
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    def as_json(self) -> str:
        """Return one line of JSON."""
        slowest = np.array(self.latencies_s)
        return json.dumps(
            {
                "samples": self.samples,
                "seconds": self.seconds,
                "requests": len(self.latencies_s),
                "p50_ms": float(np.quantile(slowest, 0.5)) * 1000,
                "p99_ms": float(np.quantile(slowest, 0.99)) * 1000,
            }
        )


class Request:
    """A message whose values and times are overwritten for each scrape."""

    def __init__(self, series: Sequence[Labels], columns: Sequence[int]) -> None:
        parts, ends, size = [], [], 0
        for labels in series:
            block = b"".join(label(name, value) for name, value in labels)
            parts.append(message_field(1, block + bytes(_SAMPLE_BYTES)))
            size += len(parts[-1])
            ends.append(size)
        self.message = np.frombuffer(bytearray(b"".join(parts)), np.uint8)
        starts = np.array(ends)[:, np.newaxis] - _SAMPLE_BYTES
        self.message[starts + np.arange(3)] = (0x12, 0x10, 0x09)
        self.message[starts[:, 0] + _TIME_AT - 1] = 0x10
        self._values_at = starts + np.arange(_VALUE_AT, _VALUE_AT + 8)
        self._times_at = starts + np.arange(_TIME_AT, _TIME_AT + _TIME_BYTES)
        self._columns = np.array(columns)
        self.samples = len(columns)

    def body(self, time_ms: int, values: NDArray[np.float64]) -> bytes:
        """Return the compressed request for one scrape of the recording."""
        given = values[self._columns]
        self.message[self._values_at] = given.view(np.uint8).reshape(-1, 8)
        digits = [time_ms >> 7 * place & 0x7F | 0x80 for place in range(_TIME_BYTES)]
        digits[-1] &= 0x7F
        self.message[self._times_at] = digits
        return bytes(cramjam.snappy.compress_raw(self.message.data))


def read_scrapes(recording: Recording) -> tuple[list[Labels], NDArray[np.float64]]:
    """Return the recorded exporter's series and its values, shape (scrapes, series)."""
    series, values = value_matrix(recording.scrapes[:_SCRAPES])
    values[is_absent(values)] = 1.0
    # A zero is not written at all, and then the message has another length.
    values[values == 0] = 0.5
    return series, values


def requests_of(load: Load, series: Sequence[Labels], connection: int) -> list[Request]:
    """Return the requests that carry one scrape of a connection's targets."""
    whole = [
        (Labels.of(labels, job="node", instance=f"host-{target:04}:9100"), column)
        for target in range(connection, load.targets, load.connections)
        for column, labels in enumerate(series)
        if labels.get(METRIC_NAME)
    ]
    return [
        Request([labels for labels, _ in part], [column for _, column in part])
        for part in _cut(whole, load.samples)
    ]


def _cut(whole: Sequence[tuple[Labels, int]], size: int) -> Iterator[Sequence[tuple[Labels, int]]]:
    for at in range(0, len(whole), size):
        yield whole[at : at + size]


async def send(load: Load, recording: Recording) -> Sent:
    """Send for a while, as fast as the receiver answers."""
    series, values = read_scrapes(recording)
    many = [requests_of(load, series, connection) for connection in range(load.connections)]
    sent = Sent()
    headers = load.headers | WRITE_HEADERS
    connector = aiohttp.TCPConnector(limit=load.connections)
    begin_ms = round(time.time() * 1000) - _BEGIN_MS
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        # The first scrape makes every series known; that is not what is measured.
        for requests in many:
            await _send_scrape(session, load.url, requests, begin_ms, values[0], Sent())
        begun_s = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for requests in many:
                tasks.create_task(_connection(session, load, requests, begin_ms, values, sent))
        sent.seconds = time.monotonic() - begun_s
    return sent


async def _connection(
    session: aiohttp.ClientSession,
    load: Load,
    requests: Sequence[Request],
    begin_ms: int,
    values: NDArray[np.float64],
    sent: Sent,
) -> None:
    deadline_s = time.monotonic() + load.seconds
    tick = 0
    while time.monotonic() < deadline_s:
        tick += 1
        row = values[tick % len(values)]
        await _send_scrape(session, load.url, requests, begin_ms + tick * _STEP_MS, row, sent)


async def _send_scrape(
    session: aiohttp.ClientSession,
    url: str,
    requests: Sequence[Request],
    time_ms: int,
    values: NDArray[np.float64],
    sent: Sent,
) -> None:
    for request in requests:
        body = request.body(time_ms, values)
        begun_s = time.monotonic()
        async with session.post(url, data=io.BytesIO(body)) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"{answer.status} {await answer.text()}")
        sent.latencies_s.append(time.monotonic() - begun_s)
        sent.samples += request.samples


def main(arguments: Sequence[str] | None = None) -> None:
    """Send remote-write requests and tell how fast they were answered."""
    parser = argparse.ArgumentParser(prog="bench write_load", description=main.__doc__)
    parser.add_argument("url")
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("--targets", type=int, default=40)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=15.0)
    add_recording_argument(parser)
    options = parser.parse_args(arguments)
    headers = dict(header.split(": ", 1) for header in options.header)
    load = Load(
        options.url,
        headers,
        options.targets,
        options.samples,
        options.connections,
        options.seconds,
    )
    print(asyncio.run(send(load, find_recording(options.recording))).as_json())


if __name__ == "__main__":
    main()
