"""Looks for memory, descriptors and files that grow without end: `./run bench soak --minutes 60`.

A server scrapes a fleet with churn, evaluates rules and answers queries. Beside these,
targets answer garbage or nothing, and clients send queries and pushes that must be
refused. Its memory, descriptors, threads and files are measured every two seconds. Growth
per hour is the slope of a line through the lowest values in the second half. Caches fill
at first, so that memory has no limit in a run of less than twenty minutes.
"""

import argparse
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.harness.attacks.failures import FailingLoad
from benchmarks.harness.chaos.targets import BROKEN_MODES, Targets
from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.query_paths import range_path
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.load.alerting_rules import rule_file
from benchmarks.harness.load.fleet import FleetPlan, TargetFleet
from benchmarks.harness.load.repetition import repeated
from benchmarks.harness.loopback import fetch, free_port
from benchmarks.harness.measuring.scraping import wait_until_all_scraped
from benchmarks.harness.processes import work_directory
from benchmarks.harness.recordings.recording import add_recording_argument, find_recording
from benchmarks.harness.reporting.command import plain_parser, progress, run

_MEASURE_EVERY_S = 2.0
_QUERY_PAUSE_S = 0.5
_FAILING_PAUSE_S = 1.0
# The largest answers have 20 MB: they would dominate the load at the fleet's interval.
_BROKEN_EVERY = "10s"
_BROKEN_NETWORK = "127.9"
_SETTLED_SHARE = 0.5
# Everything bounded is full by then: 120 vectors per source, ranges of five minutes with
# their old layouts, pending alerts, label sets until the next sweep.
_FILLING_S = 600.0
_STRETCHES = 10
# The steepest slope that one step by 1 causes, as a multiple of 1 per measured period.
_STEEPEST_STEP = 1.6
_QUERIES = (
    "sum by (mode) (rate(node_cpu_seconds_total[1m]))",
    "topk(5, node_load1)",
    "sum by (instance) ({__name__=~'node_memory_.+'})",
    "max_over_time(node_memory_MemAvailable_bytes[5m])",
)
_PATHS = ("/api/v1/series?match[]=node_load1", "/api/v1/labels", "/metrics", "/api/hosts")
_RANGE_S = 300
_STEP_S = 15


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured quantity.

    Attributes:
        key: its name in JSON.
        title: its heading.
        unit: divides the measured value for printing.
        most_an_hour: the limit of its growth per hour, in printed units; None for none.
        fills: whether it may grow without limit during `_FILLING_S`.
    """

    key: str
    title: str
    unit: float
    most_an_hour: float | None
    fills: bool = False


# Memory: the catalog keeps some 500 bytes for each generation of series: 1.5 MB an hour
# with 50 targets that change every minute. The rest is fragmentation. A leak of one
# object per scrape would exceed the limit by far.
_QUANTITIES = (
    Quantity("rss_bytes", "RSS MB", 1e6, 60, fills=True),
    Quantity("fds", "descriptors", 1, 12),
    Quantity("threads", "threads", 1, 6),
    # The journal keeps rows until the slowest source is sealed, two hours at most.
    Quantity("journal_bytes", "journal MB", 1e6, None),
    Quantity("wal_bytes", "WAL MB", 1e6, 60),
    Quantity("data_bytes", "data MB", 1e6, None),
)


@dataclass(frozen=True, slots=True)
class Growth:
    """The course of one quantity."""

    quantity: Quantity
    first: float
    last: float
    most: float
    per_hour: float
    duration_s: float

    @property
    def most_an_hour(self) -> float | None:
        """The limit of growth per hour; None for none, or if the run was too short."""
        judged_s = self.duration_s * _SETTLED_SHARE
        most = self.quantity.most_an_hour
        if most is None or (self.quantity.fills and judged_s < _FILLING_S):
            return None
        # One more thread or descriptor is no trend.
        is_count = self.quantity.unit == 1
        return max(most, _STEEPEST_STEP * 3600 / judged_s) if is_count else most

    def exceeds(self) -> bool:
        """Return whether it grew faster than its limit."""
        return self.most_an_hour is not None and self.per_hour > self.most_an_hour


@dataclass(frozen=True, slots=True)
class SoakFindings:
    """The result of a soak."""

    setup: str
    growths: Sequence[Growth]
    failures: Sequence[str]

    def print(self) -> None:
        """Print a table."""
        print(f"soak: {self.setup}\n")
        print(f"{'':14}{'first':>10}{'last':>10}{'most':>10}{'an hour':>12}{'at most':>10}")
        for one in self.growths:
            limit = one.most_an_hour
            print(
                f"{one.quantity.title:14}{one.first:10.1f}{one.last:10.1f}{one.most:10.1f}"
                f"{one.per_hour:+12.1f}{'-' if limit is None else f'{limit:.0f}':>10}"
            )
        for sentence in self.exceeded():
            print(f"! {sentence}")

    def as_json(self) -> str:
        """Return one line of JSON."""
        figures = {
            one.quantity.key: {"first": one.first, "last": one.last, "per_hour": one.per_hour}
            for one in self.growths
        }
        return json.dumps({"bench": "soak", "setup": self.setup, **figures})

    def exceeded(self) -> Sequence[str]:
        """Return the quantities that grew too fast, and failed queries."""
        grown = [
            f"{one.quantity.title} grows by {one.per_hour:.1f} an hour,"
            f" more than {one.quantity.most_an_hour:g}"
            for one in self.growths
            if one.exceeds()
        ]
        return [*grown, *self.failures]


class SoakServer(Redshank):
    """A server that also scrapes broken targets.

    Attributes:
        broken: their addresses.
    """

    broken: Sequence[str] = ()

    def configure(self) -> None:
        document = json.loads(self.plan.redshank_configuration(self.rule_file))
        job = {"name": "broken", "targets": list(self.broken), "interval": _BROKEN_EVERY}
        document["scrape"]["jobs"].append({**job, "timeout": "5s"})
        self.configuration.write_text(json.dumps(document))


class QueryLoad:
    """Sends one request after the other, as pages and dashboards do."""

    def __init__(self, server: Redshank) -> None:
        self._url, self._headers = server.url, server.headers()
        self.sent = 0
        self.failures: list[str] = []

    def ask(self) -> None:
        """Send the next request."""
        now_s = round(time.time())
        ranges = [range_path(query, now_s - _RANGE_S, now_s, _STEP_S) for query in _QUERIES]
        paths = [*ranges, *_PATHS]
        path = paths[self.sent % len(paths)]
        self.sent += 1
        try:
            fetch(self._url + path, headers=self._headers)
        except OSError as exc:
            self.failures.append(str(exc))


def measured(process: psutil.Process, directory: Path) -> dict[str, float]:
    """Measure each quantity."""
    sizes: dict[str, int] = {}
    for file in directory.rglob("*"):
        try:
            sizes[file.name] = file.stat().st_size
        except FileNotFoundError:
            continue
    return {
        "rss_bytes": process.memory_info().rss,
        "fds": process.num_fds(),
        "threads": process.num_threads(),
        "journal_bytes": sizes.get("journal.db", 0),
        "wal_bytes": sum(size for name, size in sizes.items() if name.endswith("-wal")),
        "data_bytes": sum(sizes.values()),
    }


def growth_per_hour(times_s: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of a line through the lowest values in the second half.

    The lowest, because queries, merges and checkpoints use memory and files for a moment.
    """
    start = int(len(times_s) * _SETTLED_SHARE)
    stretches = np.array_split(np.arange(start, len(times_s)), _STRETCHES)
    lowest = [min(stretch, key=values.__getitem__) for stretch in stretches if len(stretch)]
    slope, _ = np.polyfit(np.take(times_s, lowest), np.take(values, lowest), 1)
    return float(slope) * 3600


def soak(options: argparse.Namespace) -> SoakFindings:
    """Run a server for some minutes; return the growth of each quantity."""
    recording = find_recording(options.recording)
    plan = FleetPlan.churning(options.targets, options.churn_percent, options.interval)
    with (
        work_directory(options.work_dir) as directory,
        TargetFleet(plan, recording, directory) as fleet,
        Targets(len(BROKEN_MODES), directory, _BROKEN_NETWORK) as broken,
    ):
        for number, mode in enumerate(BROKEN_MODES):
            broken.set_mode(number, mode)
        server = SoakServer(ScrapePlan(fleet.addresses(), options.interval), directory)
        server.broken = [*broken.addresses(), f"127.0.0.1:{free_port()}"]
        server.rule_file = directory / "rules.yml"
        server.rule_file.write_text(rule_file())
        with server:
            wait_until_all_scraped(fleet)
            queries, failing = QueryLoad(server), FailingLoad(server)
            with (
                repeated(queries.ask, _QUERY_PAUSE_S),
                repeated(failing.ask, _FAILING_PAUSE_S),
            ):
                times_s, measurements = _measure_repeatedly(server, options.minutes * 60)
        samples = fleet.counts().samples
    growths = []
    for quantity in _QUANTITIES:
        values = [one[quantity.key] / quantity.unit for one in measurements]
        growth = growth_per_hour(times_s, values)
        growths.append(
            Growth(quantity, values[0], values[-1], max(values), growth, options.minutes * 60)
        )
    setup = (
        f"{options.minutes:g} min of {options.targets} targets x {recording.series} series every"
        f" {options.interval:g} s, {options.churn_percent:g} % replaced a minute;"
        f" {samples:,} samples, {queries.sent} queries; {len(server.broken)} broken targets;"
        f" {failing.refused.total()} refused requests; {os.cpu_count()} CPUs"
    )
    failures = [f"a query failed: {failure}" for failure in queries.failures[:5]]
    failures += [f"a request was not refused: {failure}" for failure in failing.failures[:5]]
    return SoakFindings(setup, growths, failures)


def _measure_repeatedly(
    server: Redshank, duration_s: float
) -> tuple[list[float], list[dict[str, float]]]:
    process = psutil.Process(server.pid)
    times_s: list[float] = []
    measurements: list[dict[str, float]] = []
    start_s = reported_s = time.monotonic()
    while (now_s := time.monotonic()) < start_s + duration_s:
        try:
            measurements.append(measured(process, server.data_directory))
        except psutil.NoSuchProcess as exc:
            raise server.error("ended") from exc
        times_s.append(now_s)
        if now_s - reported_s > 60:
            reported_s = now_s
            progress(f"{(now_s - start_s) / 60:.0f} min: {measurements[-1]}")
        time.sleep(_MEASURE_EVERY_S)
    return times_s, measurements


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a server under churn, rules and queries; report what grows."""
    parser = plain_parser("soak", main.__doc__)
    add_recording_argument(parser)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--targets", type=int, default=50)
    parser.add_argument("--interval", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--churn-percent", type=float, default=10.0)
    run(soak, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
