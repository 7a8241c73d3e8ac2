"""Whether anything grows without end: `./run bench soak --minutes 60`.

A server scrapes a fleet whose series come and go, evaluates rules and answers queries;
memory, descriptors, threads and files are looked at all the time. What grows is told as
growth an hour, a line laid through the lowest of the second half of the samples. Caches
fill at first: of less than twenty minutes memory is told and not judged.
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

from benchmarks.harness.alerting_rules import rule_file
from benchmarks.harness.background import repeated
from benchmarks.harness.command import plain_parser, progress, run
from benchmarks.harness.contenders import Redshank, ScrapePlan
from benchmarks.harness.corpus import add_recording_argument, find_recording
from benchmarks.harness.fleet import Fleet, FleetPlan
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import work_directory
from benchmarks.harness.query_paths import range_path
from benchmarks.harness.scraping import wait_until_all_scraped

_LOOK_EVERY_S = 2.0
_QUERY_PAUSE_S = 0.5
_SETTLED_SHARE = 0.5
# What is bounded has filled by then: 120 vectors of each source, ranges of five minutes and
# the layouts of before that they reach, alerts that wait as long, label sets up to a sweep.
_FILLING_S = 600.0
_STRETCHES = 10
# A line through one step, of what is as long as all stretches.
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
    """Something looked at.

    Attributes:
        key: its name in JSON.
        title: its heading.
        unit: how many of its own units one printed is.
        most_an_hour: how much it may grow in an hour, in printed units; None is all.
        fills: whether it grows for `_FILLING_S` and that is no leak.
    """

    key: str
    title: str
    unit: float
    most_an_hour: float | None
    fills: bool = False


# Memory: each set of series that came and went stays in the catalog by number and time,
# some 500 bytes: 1.5 MB an hour of 50 targets that change every minute. The rest is the
# allocator's gaps. A leak of one object a scrape would show as far more.
_QUANTITIES = (
    Quantity("rss_bytes", "RSS MB", 1e6, 60, fills=True),
    Quantity("fds", "descriptors", 1, 12),
    Quantity("threads", "threads", 1, 6),
    # Its rows wait for the slowest source's chunk, two hours at most.
    Quantity("journal_bytes", "journal MB", 1e6, None),
    Quantity("wal_bytes", "WAL MB", 1e6, 60),
    Quantity("data_bytes", "data MB", 1e6, None),
)


@dataclass(frozen=True, slots=True)
class Soaked:
    """What one quantity did."""

    quantity: Quantity
    first: float
    last: float
    most: float
    per_hour: float
    duration_s: float

    @property
    def most_an_hour(self) -> float | None:
        """How much it may grow in an hour; None is all, or too little was seen to judge."""
        judged_s = self.duration_s * _SETTLED_SHARE
        most = self.quantity.most_an_hour
        if most is None or (self.quantity.fills and judged_s < _FILLING_S):
            return None
        # One more of what is counted, a thread of a pool, is no trend.
        is_count = self.quantity.unit == 1
        return max(most, _STEEPEST_STEP * 3600 / judged_s) if is_count else most

    def exceeds(self) -> bool:
        """Whether it grew more than it may."""
        return self.most_an_hour is not None and self.per_hour > self.most_an_hour


@dataclass(frozen=True, slots=True)
class SoakFindings:
    """What a soak came to."""

    setup: str
    soaked: Sequence[Soaked]
    failures: Sequence[str]

    def print(self) -> None:
        """Print a table."""
        print(f"soak: {self.setup}\n")
        print(f"{'':14}{'first':>10}{'last':>10}{'most':>10}{'an hour':>12}{'at most':>10}")
        for one in self.soaked:
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
            for one in self.soaked
        }
        return json.dumps({"bench": "soak", "setup": self.setup, **figures})

    def exceeded(self) -> Sequence[str]:
        """Return what grew too fast or failed."""
        grown = [
            f"{one.quantity.title} grows by {one.per_hour:.1f} an hour,"
            f" more than {one.quantity.most_an_hour:g}"
            for one in self.soaked
            if one.exceeds()
        ]
        return [*grown, *self.failures]


class Queries:
    """Asks one thing after the other as pages and dashboards do."""

    def __init__(self, server: Redshank) -> None:
        self._url, self._headers = server.url, server.headers()
        self.asked = 0
        self.failures: list[str] = []

    def ask(self) -> None:
        """Ask the next thing."""
        now_s = round(time.time())
        ranges = [range_path(query, now_s - _RANGE_S, now_s, _STEP_S) for query in _QUERIES]
        paths = [*ranges, *_PATHS]
        path = paths[self.asked % len(paths)]
        self.asked += 1
        try:
            fetch(self._url + path, headers=self._headers)
        except OSError as exc:
            self.failures.append(str(exc))


def look(process: psutil.Process, directory: Path) -> dict[str, float]:
    """Return each quantity now."""
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
    """Return the slope of a line through the least values in the second half.

    What a query, a merge or a checkpoint takes for a moment is no growth.
    """
    start = int(len(times_s) * _SETTLED_SHARE)
    stretches = np.array_split(np.arange(start, len(times_s)), _STRETCHES)
    lowest = [min(stretch, key=values.__getitem__) for stretch in stretches if len(stretch)]
    slope, _ = np.polyfit(np.take(times_s, lowest), np.take(values, lowest), 1)
    return float(slope) * 3600


def soak(options: argparse.Namespace) -> SoakFindings:
    """Run a server for some minutes; return what grew."""
    recording = find_recording(options.recording)
    plan = FleetPlan.churning(options.targets, options.churn_percent, options.interval)
    with (
        work_directory(options.work_dir) as directory,
        Fleet(plan, recording, directory) as fleet,
    ):
        server = Redshank(ScrapePlan(fleet.addresses(), options.interval), directory)
        server.rule_file = directory / "rules.yml"
        server.rule_file.write_text(rule_file())
        with server:
            wait_until_all_scraped(fleet)
            queries = Queries(server)
            with repeated(queries.ask, _QUERY_PAUSE_S):
                times_s, looks = _watch(server, options.minutes * 60)
        samples = fleet.counts().samples
    soaked = []
    for quantity in _QUANTITIES:
        values = [one[quantity.key] / quantity.unit for one in looks]
        growth = growth_per_hour(times_s, values)
        soaked.append(
            Soaked(quantity, values[0], values[-1], max(values), growth, options.minutes * 60)
        )
    setup = (
        f"{options.minutes:g} min of {options.targets} targets x {recording.series} series every"
        f" {options.interval:g} s, {options.churn_percent:g} % replaced a minute;"
        f" {samples:,} samples, {queries.asked} queries; {os.cpu_count()} CPUs"
    )
    failures = [f"a query failed: {failure}" for failure in queries.failures[:5]]
    return SoakFindings(setup, soaked, failures)


def _watch(server: Redshank, duration_s: float) -> tuple[list[float], list[dict[str, float]]]:
    process = psutil.Process(server.pid)
    times_s: list[float] = []
    looks: list[dict[str, float]] = []
    start_s = told_s = time.monotonic()
    while (now_s := time.monotonic()) < start_s + duration_s:
        try:
            looks.append(look(process, server.data_directory))
        except psutil.NoSuchProcess as exc:
            raise server.error("ended") from exc
        times_s.append(now_s)
        if now_s - told_s > 60:
            told_s = now_s
            progress(f"{(now_s - start_s) / 60:.0f} min: {looks[-1]}")
        time.sleep(_LOOK_EVERY_S)
    return times_s, looks


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a server under churn, rules and queries; tell what grows."""
    parser = plain_parser("soak", main.__doc__)
    add_recording_argument(parser)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--targets", type=int, default=50)
    parser.add_argument("--interval", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--churn-percent", type=float, default=10.0)
    run(soak, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
