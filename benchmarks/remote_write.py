"""Throughput and latency of remote write, each request durable: `./run bench remote_write`.

Four connections send the scrapes of a fleet as fast as they are answered, from their own
process. Each server runs alone, under the same load.
"""

import argparse
import sys
from collections.abc import Sequence

from benchmarks.harness.contenders.contender import Contender, ScrapePlan
from benchmarks.harness.contenders.servers import (
    Prometheus,
    Redshank,
    VictoriaMetrics,
    choose,
    titles,
)
from benchmarks.harness.processes import Child, directory_size_bytes, work_directory
from benchmarks.harness.recordings.recording import find_recording
from benchmarks.harness.reporting.command import argument_parser, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report

_MEASURES = (
    Measure("samples_per_s", "samples/s", 0),
    Measure("p50_ms", "p50\nms", 1),
    Measure("p99_ms", "p99\nms", 1, ratio="p99"),
    Measure("cpu_us_per_sample", "CPU a sample\nus", 2, ratio="cpu"),
    Measure("seconds_per_million", "a million samples\ns", 2, ratio="time"),
    Measure("rss_mb", "RSS\nMB", 0),
    Measure("data_mb", "data directory\nMB", 0),
)
# At least 300,000 samples/s.
_LIMITS = (Limit("seconds_per_million", 1e6 / 300_000), Limit("p99_ms", 250.0))


class ReceivingPrometheus(Prometheus):
    """Prometheus as a remote-write receiver."""

    def command(self) -> list[str]:
        return [*super().command(), "--web.enable-remote-write-receiver"]


def _receiving(contender: type[Contender]) -> type[Contender]:
    return ReceivingPrometheus if contender is Prometheus else contender


def compare(options: argparse.Namespace) -> Report:
    """Send to each contender in turn."""
    chosen = [_receiving(contender) for contender in choose(options.contenders)]
    recording = find_recording(options.recording)
    results = {}
    for contender in chosen:
        progress(f"{contender.title}: writing for {options.seconds:g} s")
        results[contender.key] = measure(contender, options)
    return Report(
        "remote_write",
        f"{options.targets} targets x {recording.series} series, {options.samples} samples a "
        f"request, {options.connections} connections, {options.seconds:g} s; {recording}",
        _MEASURES,
        results,
        titles(chosen),
        _LIMITS,
    )


def measure(contender_type: type[Contender], options: argparse.Namespace) -> dict[str, float]:
    """Send to one contender; return its figures by the keys of `_MEASURES`."""
    with (
        work_directory(options.work_dir) as directory,
        contender_type(ScrapePlan((), 15.0), directory) as contender,
    ):
        headers = [f"{name}: {value}" for name, value in contender.headers().items()]
        before = contender.usage()
        command = _sender_command(contender, headers, options)
        with Child("sender", command, directory) as sender:
            sent = sender.wait_figures()
        after = contender.usage()
        data_bytes = directory_size_bytes(contender.data_directory)
    return {
        "samples_per_s": sent["samples"] / sent["seconds"],
        "p50_ms": sent["p50_ms"],
        "p99_ms": sent["p99_ms"],
        "cpu_us_per_sample": (after.cpu_s - before.cpu_s) / sent["samples"] * 1e6,
        "seconds_per_million": sent["seconds"] / sent["samples"] * 1e6,
        "rss_mb": after.rss_bytes / 1e6,
        "data_mb": data_bytes / 1e6,
    }


def _sender_command(
    contender: Contender, headers: Sequence[str], options: argparse.Namespace
) -> list[str]:
    return [
        *(
            sys.executable,
            "-m",
            "benchmarks.harness.load.remote_write_load",
            f"{contender.url}/api/v1/write",
        ),
        *(argument for header in headers for argument in ("--header", header)),
        *("--targets", str(options.targets), "--samples", str(options.samples)),
        *("--connections", str(options.connections), "--seconds", str(options.seconds)),
        *("--recording", options.recording),
    ]


def parser() -> argparse.ArgumentParser:
    """Return a parser of the options of `compare` and `measure`."""
    found = argument_parser("remote_write", main.__doc__)
    found.add_argument("--targets", type=int, default=40)
    found.add_argument("--samples", type=int, default=2000, help="in one request")
    found.add_argument("--connections", type=int, default=4)
    found.add_argument("--seconds", type=float, default=15.0)
    found.set_defaults(contenders=[Redshank.key, VictoriaMetrics.key])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare throughput, latency and cost of remote write."""
    run(compare, parser().parse_args(arguments))


if __name__ == "__main__":
    main()
