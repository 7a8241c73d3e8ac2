"""Remote-write senders: the scrapes of a fleet, cut into requests, over connections.

Runs in its own process, so that its CPU time is not counted as the receiver's:
`python -m benchmarks.harness.load.remote_write_load` prints one line of JSON.
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

from benchmarks.harness.load.remote_write_format import WRITE_HEADERS, label, message_field
from benchmarks.harness.recordings.recording import (
    Recording,
    add_recording_argument,
    find_recording,
)
from benchmarks.harness.recordings.value_matrix import value_matrix
from model.labels import METRIC_NAME, Labels
from model.series import is_absent

# One scrape per second, beginning half an hour ago, so that no sample is in the future.
_STEP_MS = 1000
_BEGIN_MS = 30 * 60_000
_SCRAPES = 200
# Offsets of value and time in a sample, as every sender writes it.
_VALUE_AT, _TIME_AT, _SAMPLE_BYTES = 3, 12, 18
_TIME_BYTES = 6


@dataclass(frozen=True, slots=True)
class RemoteWriteLoad:
    """What the senders send.

    Attributes:
        url: of the receiver.
        headers: of every request.
        targets: the number of copies of the recorded exporter.
        samples: per request.
        connections: each sends some of the targets, one request after the other.
        seconds: how long to send.
    """

    url: str
    headers: dict[str, str]
    targets: int
    samples: int
    connections: int
    seconds: float


@dataclass(slots=True)
class SentRequests:
    """Statistics of the requests that were sent."""

    samples: int = 0
    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    def as_json(self) -> str:
        """Return one line of JSON."""
        latencies_s = np.array(self.latencies_s)
        return json.dumps(
            {
                "samples": self.samples,
                "seconds": self.seconds,
                "requests": len(self.latencies_s),
                "p50_ms": float(np.quantile(latencies_s, 0.5)) * 1000,
                "p99_ms": float(np.quantile(latencies_s, 0.99)) * 1000,
            }
        )


class Request:
    """A request whose values and times are overwritten for each scrape."""

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
        """Return the compressed body for one scrape."""
        given = values[self._columns]
        self.message[self._values_at] = given.view(np.uint8).reshape(-1, 8)
        digits = [time_ms >> 7 * place & 0x7F | 0x80 for place in range(_TIME_BYTES)]
        digits[-1] &= 0x7F
        self.message[self._times_at] = digits
        return bytes(cramjam.snappy.compress_raw(self.message.data))


def read_scrapes(recording: Recording) -> tuple[list[Labels], NDArray[np.float64]]:
    """Return the recorded series and their values, shape (scrapes, series)."""
    series, values = value_matrix(recording.scrapes[:_SCRAPES])
    values[is_absent(values)] = 1.0
    # Protobuf omits a zero, and the message would have another length.
    values[values == 0] = 0.5
    return series, values


def requests_of(load: RemoteWriteLoad, series: Sequence[Labels], connection: int) -> list[Request]:
    """Return the requests for one scrape of a connection's targets."""
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


async def send(load: RemoteWriteLoad, recording: Recording) -> SentRequests:
    """Send as fast as the receiver answers."""
    series, values = read_scrapes(recording)
    many = [requests_of(load, series, connection) for connection in range(load.connections)]
    sent = SentRequests()
    headers = load.headers | WRITE_HEADERS
    connector = aiohttp.TCPConnector(limit=load.connections)
    begin_ms = round(time.time() * 1000) - _BEGIN_MS
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        # Not measured: the first scrape, with which every series is new.
        for requests in many:
            await _send_scrape(session, load.url, requests, begin_ms, values[0], SentRequests())
        begun_s = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for requests in many:
                tasks.create_task(_connection(session, load, requests, begin_ms, values, sent))
        sent.seconds = time.monotonic() - begun_s
    return sent


async def _connection(
    session: aiohttp.ClientSession,
    load: RemoteWriteLoad,
    requests: Sequence[Request],
    begin_ms: int,
    values: NDArray[np.float64],
    sent: SentRequests,
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
    sent: SentRequests,
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
    """Send remote-write requests and print how fast they were answered."""
    parser = argparse.ArgumentParser(prog="remote_write_load", description=main.__doc__)
    parser.add_argument("url")
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("--targets", type=int, default=40)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=15.0)
    add_recording_argument(parser)
    options = parser.parse_args(arguments)
    headers = dict(header.split(": ", 1) for header in options.header)
    load = RemoteWriteLoad(
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
