"""Data points a second by OTLP over HTTP, each request durable: `./run bench otlp`.

Traces of agents are the other way in: how fast transcripts are read, and sessions listed.

Connections send counters of many resources as fast as they are answered, as a Collector
does; a tenth of the points are histograms with ten buckets.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank, titles
from benchmarks.harness.processes import Child, work_directory
from benchmarks.harness.reporting.command import argument_parser, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report
from benchmarks.traces.__main__ import list_speed, read_speed

_MEASURES = (
    Measure("otlp_points_s", "points/s", 0),
    Measure("p99_ms", "p99\nms", 1),
    Measure("cpu_us_per_point", "CPU a point\nus", 2),
    Measure("seconds_per_million", "a million points\ns", 2),
    Measure("rss_mb", "RSS\nMB", 0),
    Measure("traces_mb_s", "traces\nMB/s", 0),
    Measure("traces_s_per_gb", "1 GB of traces\ns", 1),
    Measure("session_list_ms", "sessions\nms", 1),
)
# At least 150,000 points/s and 100 MB/s.
_LIMITS = (
    Limit("seconds_per_million", 1e6 / 150_000),
    Limit("traces_s_per_gb", 10.0),
    Limit("session_list_ms", 100.0),
)
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_NS = 1_000_000


def compare(options: argparse.Namespace) -> Report:
    """Send to Redshank."""
    progress(f"Redshank: sending for {options.seconds:g} s")
    results = {Redshank.key: measure(options)}
    return Report(
        "otlp",
        f"{options.resources} resources, {options.points} points a request, "
        f"{options.connections} connections, {options.seconds:g} s",
        _MEASURES,
        results,
        titles([Redshank]),
        _LIMITS,
    )


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Send to a server; return its figures by the keys of `_MEASURES`."""
    with (
        work_directory(options.work_dir) as directory,
        Redshank(ScrapePlan((), 15.0), directory) as contender,
    ):
        before = contender.usage()
        command = [sys.executable, "-m", "benchmarks.otlp", "--send", contender.url]
        for name, value in contender.headers().items():
            command += ["--header", f"{name}: {value}"]
        for name in ("resources", "points", "connections", "seconds"):
            command += [f"--{name}", str(getattr(options, name))]
        with Child("sender", command, directory) as sender:
            sent = sender.wait_figures()
        after = contender.usage()
    return traces(options) | {
        "otlp_points_s": sent["points"] / sent["seconds"],
        "p99_ms": sent["p99_ms"],
        "cpu_us_per_point": (after.cpu_s - before.cpu_s) / sent["points"] * 1e6,
        "seconds_per_million": sent["seconds"] / sent["points"] * 1e6,
        "rss_mb": after.rss_bytes / 1e6,
    }


def traces(options: argparse.Namespace) -> dict[str, float]:
    """Return how fast traces are read, and sessions listed."""
    with work_directory(options.work_dir) as directory:
        progress(f"reading {options.traces_mb} MB of traces")
        speed, _ = read_speed(directory, options.traces_mb)
        progress(f"listing the sessions of {options.session_requests:,} requests")
        list_ms, _ = asyncio.run(list_speed(directory, options.session_requests))
    return {"traces_mb_s": speed, "traces_s_per_gb": 1000 / speed, "session_list_ms": list_ms}


def body(resource: int, points: int, start_ms: int, time_ms: int) -> bytes:
    """Return a request of one resource."""
    message: Any = ExportMetricsServiceRequest()
    one = message.resource_metrics.add()
    for key, text in (("service.name", f"shop-{resource}"), ("host.name", f"host-{resource}")):
        one.resource.attributes.append(KeyValue(key=key, value=AnyValue(string_value=text)))
    scope = one.scope_metrics.add()
    for number in range(points):
        if number % 50 == 0:
            counters = scope.metrics.add(name=f"requests.{number // 50}", unit="By").sum
            counters.is_monotonic, counters.aggregation_temporality = True, 2
            waits = scope.metrics.add(name=f"wait.{number // 50}", unit="s").histogram
            waits.aggregation_temporality = 2
        where = {"start_time_unix_nano": start_ms * _NS, "time_unix_nano": time_ms * _NS}
        route = [KeyValue(key="route", value=AnyValue(string_value=f"/r/{number % 50}"))]
        if number % 10:
            counters.data_points.add(**where, as_double=float(time_ms % 997), attributes=route)
        else:
            counts = [number % 7] * (len(_BOUNDS) + 1)
            waits.data_points.add(
                **where,
                count=sum(counts),
                sum=1.0,
                bucket_counts=counts,
                explicit_bounds=_BOUNDS,
                attributes=route,
            )
    packed: bytes = message.SerializeToString()
    return packed


async def send(options: argparse.Namespace) -> dict[str, float]:
    """Send as fast as requests are answered; return what was sent."""
    headers = dict(one.split(": ", 1) for one in options.header)
    headers["Content-Type"] = "application/x-protobuf"
    begin_ms = time.time_ns() // _NS - 1_000_000
    bodies = [
        body(resource, options.points, begin_ms - 1, begin_ms)
        for resource in range(options.resources)
    ]
    times_s: list[float] = []
    begun_s = 0.0

    async def connection(session: aiohttp.ClientSession, number: int) -> None:
        turn = 1
        while time.perf_counter() - begun_s < options.seconds:
            time_bytes = ((begin_ms + 1000 * turn) * _NS).to_bytes(8, "little")
            for resource in range(number, options.resources, options.connections):
                data = bodies[resource].replace((begin_ms * _NS).to_bytes(8, "little"), time_bytes)
                sent_s = time.perf_counter()
                address = f"{options.send}/v1/metrics"
                async with session.post(address, data=data) as answer:
                    answer.raise_for_status()
                times_s.append(time.perf_counter() - sent_s)
            turn += 1

    async with aiohttp.ClientSession(headers=headers) as session:
        # The series are new in the first request, which takes longer: it is not counted.
        for one in bodies:
            async with session.post(f"{options.send}/v1/metrics", data=one) as answer:
                answer.raise_for_status()
        begun_s = time.perf_counter()
        await asyncio.gather(*(connection(session, one) for one in range(options.connections)))
    seconds = time.perf_counter() - begun_s
    times_s.sort()
    return {
        "points": len(times_s) * options.points,
        "seconds": seconds,
        "p99_ms": times_s[int(len(times_s) * 0.99)] * 1000,
    }


def parser() -> argparse.ArgumentParser:
    """Return a parser of the options of `compare` and `send`."""
    found = argument_parser("otlp", main.__doc__)
    found.add_argument("--resources", type=int, default=8)
    found.add_argument("--points", type=int, default=2000, help="in one request")
    found.add_argument("--connections", type=int, default=4)
    found.add_argument("--seconds", type=float, default=15.0)
    found.add_argument("--traces-mb", type=int, default=200)
    found.add_argument("--session-requests", type=int, default=1_000_000)
    found.add_argument("--send", default="", help=argparse.SUPPRESS)
    found.add_argument("--header", action="append", default=[], help=argparse.SUPPRESS)
    found.set_defaults(contenders=[Redshank.key])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure data points a second, latency and cost of OTLP."""
    options = parser().parse_args(arguments)
    if options.send:
        print(json.dumps(asyncio.run(send(options))))
        return
    run(compare, options)


if __name__ == "__main__":
    main()
