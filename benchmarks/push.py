"""Messages of devices, each durable before its answer: `./run bench push`.

Devices post over persistent connections, each its next message when the last one is
answered. Then the server is killed and started again: it must know every message that
it acknowledged. Exporters in push mode, a thousand by default, send their scrapes to a
second server. At the end another server receives remote write; `remote_write` compares that
with peers.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import remote_write
from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank, titles
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import BenchmarkError, Child, wait_until, work_directory
from benchmarks.harness.reporting.command import argument_parser, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report

_WARM_UP_S = 3.0
_READY_S = 120.0
_MEASURES = (
    Measure("messages_per_s", "messages\n1/s", 0),
    Measure("samples_per_s", "samples\n1/s", 0),
    Measure("message_us", "wall time\nus/message", 0),
    Measure("p50_ms", "p50\nms", 1),
    Measure("p99_ms", "p99\nms", 1),
    Measure("cpu_us", "CPU\nus/message", 0),
    Measure("rss_mb", "RSS\nMB", 0),
    Measure("lost", "lost after\nkill -9", 0),
    Measure("host_pushes_per_s", "hosts\npushes/s", 1),
    Measure("host_p50_ms", "hosts\np50 ms", 1),
    Measure("host_p99_ms", "hosts\np99 ms", 1),
    Measure("host_again", "hosts\nsent again", 0),
    Measure("host_cores", "hosts\nCPU cores", 2),
    Measure("host_rss_mb", "hosts\nRSS MB", 0),
    Measure("host_lost", "hosts\nlost", 0),
    Measure("written_samples_per_s", "remote write\nsamples/s", 0),
    Measure("written_million_s", "remote write\ns/million", 2),
    Measure("write_p99_ms", "remote write\np99 ms", 1),
)
# 3,000 messages and 300,000 written samples a second. A push of a host that is not answered within
# 5 s comes close to the exporter's time limit.
_LIMITS = (
    Limit("message_us", 1e6 / 3000),
    Limit("p99_ms", 250.0),
    Limit("lost", 0.0),
    Limit("host_p99_ms", 5000.0),
    Limit("host_lost", 0.0),
    Limit("written_million_s", 1e6 / 300_000),
    Limit("write_p99_ms", 250.0),
)


def compare(options: argparse.Namespace) -> Report:
    """Push to Redshank, kill it, and count the messages that it still has."""
    with (
        work_directory(options.work_dir) as directory,
        Redshank(ScrapePlan((), 15.0), directory) as server,
    ):
        figures = measure(server, directory, options)
    figures |= _hosts(options)
    figures |= _written(options)
    return Report(
        "push",
        f"{options.devices} devices, {options.metrics} metrics a message, durable before the "
        f"answer; {options.seconds:g} s, load from the same machine",
        _MEASURES,
        {server.key: figures},
        titles([server]),
        _LIMITS,
    )


def measure(server: Redshank, directory: Path, options: argparse.Namespace) -> dict[str, float]:
    """Return the figures by the keys of `_MEASURES`."""
    load = Child(
        "devices",
        [
            *(sys.executable, "-m", "benchmarks.harness.load.device_load"),
            *("--devices", str(options.devices), "--metrics", str(options.metrics)),
            *("--warm-up", str(_WARM_UP_S), "--seconds", str(options.seconds)),
            # A token may begin with a dash.
            *("--", server.url + "/api/metrics", push_token(server)),
        ],
        directory,
    )
    progress(f"{options.devices} devices push for {options.seconds:g} s")
    with load:
        time.sleep(_WARM_UP_S)
        before, used = stored_messages(server), server.usage()
        time.sleep(options.seconds)
        messages, after = stored_messages(server) - before, server.usage()
        pushed = load.wait_figures()
    server.kill()
    server.start()
    server.wait_ready()
    lost = pushed["answered"] - stored_messages(server)
    stored = sum(server.query("sum(count_over_time(cpu_usage[1h]))", time.time() + 1))
    if stored < pushed["answered"]:
        raise BenchmarkError(f"only {stored:,.0f} of {pushed['answered']:,} messages have samples")
    rate = pushed["measured"] / options.seconds
    return {
        "messages_per_s": rate,
        "samples_per_s": rate * options.metrics,
        "message_us": 1e6 / rate,
        "p50_ms": pushed["p50_ms"],
        "p99_ms": pushed["p99_ms"],
        "cpu_us": (after.cpu_s - used.cpu_s) * 1e6 / messages,
        "rss_mb": after.rss_bytes / 1e6,
        "lost": max(0, lost),
    }


def _hosts(options: argparse.Namespace) -> dict[str, float]:
    """Return the figures of exporters that push."""
    with (
        work_directory(options.work_dir) as directory,
        Redshank(ScrapePlan((), 15.0), directory) as server,
    ):
        keys = directory / "keys"
        progress(f"{options.hosts} hosts are registered")
        keys.write_text("\n".join(_registered(server, number) for number in range(options.hosts)))
        load = Child(
            "hosts",
            [
                *(sys.executable, "-m", "benchmarks.harness.load.host_load"),
                *("--interval", str(options.interval), "--seconds", str(options.host_seconds)),
                *(server.url, str(keys)),
            ],
            directory,
        )
        progress(f"they push every {options.interval:g} s, for {options.host_seconds:g} s")
        with load:
            if not wait_until(lambda: "start_s" in load.log(), _READY_S):
                raise load.error("made no scrapes")
            period = json.loads(load.log().splitlines()[0])
            time.sleep(max(0.0, period["start_s"] - time.time()))
            before, begun_s = server.usage(), time.time()
            pushed = load.wait_figures()
            after, took_s = server.usage(), time.time() - begun_s
        window_s = math.ceil(options.interval + options.host_seconds + took_s)
        stored = sum(
            server.query(f"sum(count_over_time(node_load1[{window_s}s]))", time.time() + 1)
        )
    return {
        "host_pushes_per_s": pushed["pushes_per_s"],
        "host_p50_ms": pushed["p50_ms"],
        "host_p99_ms": pushed["p99_ms"],
        "host_again": pushed["again"],
        "host_cores": (after.cpu_s - before.cpu_s) / took_s,
        "host_rss_mb": after.rss_bytes / 1e6,
        "host_lost": max(0.0, pushed["answered"] - stored),
    }


def _registered(server: Redshank, number: int) -> str:
    """Register a host that pushes; return its key."""
    body = json.dumps({"name": f"host-{number}", "push": True}).encode()
    headers = {**server.headers(), "Content-Type": "application/json"}
    return str(json.loads(fetch(f"{server.url}/api/hosts", body, headers))["key"])


def _written(options: argparse.Namespace) -> dict[str, float]:
    """Return the figures of remote write."""
    progress("Redshank receives remote write")
    usual = remote_write.parser().parse_args([])
    usual.recording, usual.work_dir = options.recording, options.work_dir
    found = remote_write.measure(Redshank, usual)
    return {
        "written_samples_per_s": found["samples_per_s"],
        "written_million_s": found["seconds_per_million"],
        "write_p99_ms": found["p99_ms"],
    }


def stored_messages(server: Redshank) -> int:
    """Return the number of messages that the server has."""
    return int(json.loads(fetch(f"{server.url}/api/health"))["total_messages"])


def push_token(server: Redshank) -> str:
    """Return a token with the scope `push` only."""
    body = json.dumps({"label": "bench", "scopes": ["push"]}).encode()
    headers = {**server.headers(), "Content-Type": "application/json"}
    answer = json.loads(fetch(f"{server.url}/api/account/tokens", body, headers))
    return str(answer["access_token"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure messages per second, each durable before its answer."""
    parser = argument_parser("push", main.__doc__)
    parser.add_argument("--devices", type=int, default=256)
    parser.add_argument("--metrics", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=15.0, help="measured period")
    parser.add_argument("--hosts", type=int, default=1000, help="exporters in push mode")
    parser.add_argument("--interval", type=float, default=15.0, help="from push to push of a host")
    parser.add_argument("--host-seconds", type=float, default=45.0, help="period measured of them")
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
