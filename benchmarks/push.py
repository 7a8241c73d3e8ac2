"""Messages of devices, each durable before its answer: `./run bench push`.

Devices post over persistent connections, each its next message when the last one is
answered. Then the server is killed and started again: it must know every message that
it acknowledged. At the end another server receives remote write; `remote_write` compares
that with peers.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import remote_write
from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank, titles
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import BenchmarkError, Child, work_directory
from benchmarks.harness.reporting.command import argument_parser, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report

_WARM_UP_S = 3.0
_MEASURES = (
    Measure("messages_per_s", "messages\n1/s", 0),
    Measure("samples_per_s", "samples\n1/s", 0),
    Measure("message_us", "wall time\nus/message", 0),
    Measure("p50_ms", "p50\nms", 1),
    Measure("p99_ms", "p99\nms", 1),
    Measure("cpu_us", "CPU\nus/message", 0),
    Measure("rss_mb", "RSS\nMB", 0),
    Measure("lost", "lost after\nkill -9", 0),
    Measure("written_samples_per_s", "remote write\nsamples/s", 0),
    Measure("written_million_s", "remote write\ns/million", 2),
    Measure("write_p99_ms", "remote write\np99 ms", 1),
)
# 3,000 messages and 300,000 written samples a second.
_LIMITS = (
    Limit("message_us", 1e6 / 3000),
    Limit("p99_ms", 250.0),
    Limit("lost", 0.0),
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
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
