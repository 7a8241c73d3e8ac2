"""A stream of deltas ends at its exact sum, whatever is killed, restarted or sent again.

An hour with a `kill -9` each minute is scaled down: as many kills as rounds, while requests
are under way.
"""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from tests.ingest.otlp.messages import key_values
from tests.system.processes import Server, redshank_server

KILLS, DELTAS = 2, 4
NS = 1_000_000
BOUNDS = (1.0, 10.0)
HEADERS = {"Content-Type": "application/x-protobuf"}


class Stream:
    """Makes deltas and adds them up."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.time_ms = time.time_ns() // NS - 1_000_000
        self.total, self.counts, self.sum = 0, [0, 0, 0], 0.0

    def restart(self) -> None:
        """Leave a gap, as a program that starts again does."""
        self.time_ms += 1500

    def next(self) -> bytes:
        """Return a request with the next deltas."""
        start_ms, self.time_ms = self.time_ms, self.time_ms + 1000
        added = self._chance.randrange(1, 100)
        counts = [self._chance.randrange(5) for _ in self.counts]
        self.total += added
        self.counts = [a + b for a, b in zip(self.counts, counts, strict=True)]
        # Multiples of an eighth add up exactly.
        grown = sum(counts) * 0.125
        self.sum += grown
        message: Any = ExportMetricsServiceRequest()
        one = message.resource_metrics.add()
        one.resource.attributes.extend(key_values({"service.name": "worker"}))
        scope = one.scope_metrics.add()
        where = {"start_time_unix_nano": start_ms * NS, "time_unix_nano": self.time_ms * NS}
        done = scope.metrics.add(name="work.done").sum
        done.is_monotonic, done.aggregation_temporality = True, 1
        done.data_points.add(**where, as_int=added)
        waits = scope.metrics.add(name="wait", unit="s").histogram
        waits.aggregation_temporality = 1
        waits.data_points.add(
            **where, count=sum(counts), sum=grown, bucket_counts=counts, explicit_bounds=BOUNDS
        )
        packed: bytes = message.SerializeToString()
        return packed


async def sent(server: Server, body: bytes) -> bool:
    """Send a request; return whether it is acknowledged."""
    try:
        async with server.session.post(
            server.url + "/v1/metrics", data=body, headers=HEADERS
        ) as answer:
            return answer.status == 200 and await answer.read() == b""
    except (aiohttp.ClientError, OSError):
        return False


async def value(server: Server, series: str, time_ms: int) -> float:
    found = await server.get("/api/v1/query", query=series, time=str(time_ms / 1000))
    ((_, text),) = [one["value"] for one in found["data"]["result"]]
    return float(text)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_deltas_add_up_exactly_across_kills_restarts_and_retries(tmp_path: Path) -> None:
    chance = random.Random(7)
    stream = Stream(chance)
    waiting: list[bytes] = []
    for round_number in range(KILLS + 1):
        is_last = round_number == KILLS
        async with redshank_server(tmp_path / "data", {"server": {"scrape_self": False}}) as server:
            if chance.random() < 0.5:
                stream.restart()
            waiting += [stream.next() for _ in range(DELTAS)]
            killed_at = -1 if is_last else chance.randrange(DELTAS)
            for number in range(len(waiting)):
                if number == killed_at:
                    sending = asyncio.ensure_future(sent(server, waiting[0]))
                    await asyncio.sleep(chance.random() * 0.01)
                    await server.process.kill()
                    if await sending:
                        waiting.pop(0)
                    break
                assert await sent(server, waiting[0])
                if chance.random() < 0.3:
                    # The answer was lost, so the sender repeats the request.
                    assert await sent(server, waiting[0])
                waiting.pop(0)
            if not is_last:
                continue
            assert not waiting
            at_ms = stream.time_ms
            assert await value(server, "work_done_total", at_ms) == stream.total
            assert await value(server, "wait_seconds_count", at_ms) == sum(stream.counts)
            assert await value(server, "wait_seconds_sum", at_ms) == stream.sum
            below = await value(server, 'wait_seconds_bucket{le="10"}', at_ms)
            assert below == sum(stream.counts[:2])
