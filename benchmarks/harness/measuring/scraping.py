"""Measures contenders that scrape a fleet: CPU, memory, and missed scrapes."""

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from benchmarks.harness.contenders.contender import Contender, ScrapePlan
from benchmarks.harness.contenders.servers import Redshank, choose, titles
from benchmarks.harness.events.busy_server import RedshankWithEvents
from benchmarks.harness.load.fleet import FleetCounts, FleetPlan, TargetFleet
from benchmarks.harness.processes import BenchmarkError, Usage, wait_until, work_directory
from benchmarks.harness.recordings.recording import find_recording
from benchmarks.harness.reporting.command import progress
from benchmarks.harness.reporting.report import Limit, Measure, Report

MEASURES = (
    Measure("cpu_us_per_sample", "CPU\nus/sample", 2, ratio="cpu"),
    Measure("rss_bytes_per_series", "RSS\nB/series", 0, ratio="rss"),
    Measure("cpu_cores", "CPU\ncores"),
    Measure("rss_mean_mb", "RSS mean\nMB", 0),
    Measure("rss_peak_mb", "RSS peak\nMB", 0),
    Measure("samples_per_s", "samples\n1/s", 0),
    Measure("kept_ratio", "kept\nof 1", 3),
    Measure("longest_gap_s", "longest gap\ns", 1),
    Measure("others_cpu_cores", "others\ncores"),
    Measure("measured_s", "measured\ns", 0),
)

# The first and last scrape of a target may fall inside or outside of the period.
_KEPT_TOLERANCE = 0.03
EVENT_LIMITS = (Limit("cpu_with_events", 1.10), Limit("lost_with_events", _KEPT_TOLERANCE))
"""With `--events-per-second`; without it there are no such figures."""
_FIRST_SCRAPE_TIMEOUT_S = 120.0
_RSS_EVERY_S = 1.0
# Other busy programs raise the cost of everything: they share caches and clocks.
_OTHERS_TOLERANCE_CORES = 0.2


@dataclass(frozen=True, slots=True)
class Period:
    """How long contenders scrape before and during the measurement.

    Attributes:
        interval_s: the scrape interval.
        warm_up_s: the time between the first scrape of every target and the measurement.
        measured_s: the measurement of Redshank; long enough to seal each head once.
        peers_measured_s: the measurement of the others, whose cost per sample is
            constant after the first minute (see docs/performance.md).
    """

    interval_s: float
    warm_up_s: float
    measured_s: float
    peers_measured_s: float

    def of(self, contender: type[Contender]) -> float:
        """Return how long a contender is measured."""
        return self.measured_s if issubclass(contender, Redshank) else self.peers_measured_s


def add_scraping_arguments(
    parser: argparse.ArgumentParser, targets: int, period: Period, churn_percent: float = 0.0
) -> None:
    """Add the options that `compare` reads."""
    parser.add_argument("--targets", type=int, default=targets)
    parser.add_argument("--interval", type=float, default=period.interval_s, metavar="SECONDS")
    parser.add_argument("--warm-up", type=float, default=period.warm_up_s, metavar="SECONDS")
    parser.add_argument("--seconds", type=float, default=period.measured_s, help="measured period")
    parser.add_argument(
        "--peer-seconds",
        type=float,
        default=period.peers_measured_s,
        help="measured period of the others",
    )
    parser.add_argument(
        "--churn-percent",
        type=float,
        default=churn_percent,
        help="share of the series that is replaced every minute",
    )
    parser.add_argument(
        "--events-per-second",
        type=int,
        default=0,
        metavar="N",
        help="measure Redshank once more while product events arrive",
    )
    parser.add_argument(
        "--events-per-batch",
        type=int,
        default=RedshankWithEvents.batch,
        metavar="N",
        help="events of one request; the default is that of the bench events",
    )


def compare(bench: str, options: argparse.Namespace, limits: tuple[Limit, ...]) -> Report:
    """Measure the contenders on one fleet, one after the other."""
    chosen = choose(options.contenders)
    recording = find_recording(options.recording)
    period = Period(options.interval, options.warm_up, options.seconds, options.peer_seconds)
    plan = FleetPlan.churning(options.targets, options.churn_percent, options.interval)
    results: dict[str, dict[str, float]] = {}
    with (
        work_directory(options.work_dir) as directory,
        TargetFleet(plan, recording, directory) as fleet,
    ):
        for contender in chosen:
            total_s = period.warm_up_s + period.of(contender)
            progress(f"{contender.title}: {plan.targets} targets, about {total_s:.0f} s")
            results[contender.key] = measure(contender, fleet, period, options.work_dir)
        if options.events_per_second and Redshank in chosen:
            with (
                work_directory(options.work_dir) as other_directory,
                TargetFleet(plan, recording, other_directory) as second,
            ):
                results[Redshank.key] |= _effect_of_events(options, (fleet, second), period)
    churn = f", {options.churn_percent:g} % of series replaced a minute" if plan.churn_ratio else ""
    return Report(
        bench,
        f"{plan.targets} targets x {recording.series} series every {period.interval_s:g} s{churn}; "
        f"measured after {period.warm_up_s:g} s; {os.cpu_count()} CPUs; "
        f"{recording}",
        MEASURES,
        results,
        titles(chosen),
        (*limits, *EVENT_LIMITS),
        [warning for key, figures in results.items() for warning in doubts(key, figures)],
    )


def _effect_of_events(
    options: argparse.Namespace, fleets: tuple[TargetFleet, TargetFleet], period: Period
) -> dict[str, float]:
    """Return what events change, by the keys of `EVENT_LIMITS`.

    A server with events and one without run at the same time, each with a fleet of its own:
    on a shared machine, the cost of a sample changes by a fifth from minute to minute.
    """
    rate = RedshankWithEvents.events_per_second = options.events_per_second
    RedshankWithEvents.batch = options.events_per_batch
    total_s = period.warm_up_s + period.measured_s
    RedshankWithEvents.seconds = 2 * total_s + _FIRST_SCRAPE_TIMEOUT_S
    progress(f"{RedshankWithEvents.title} and without: {rate} events/s, about {total_s:.0f} s")

    def measured(contender: type[Redshank], fleet: TargetFleet) -> dict[str, float]:
        return measure(contender, fleet, period, options.work_dir)

    with ThreadPoolExecutor() as threads:
        without, busy = threads.map(measured, (Redshank, RedshankWithEvents), fleets)
    return {
        "cpu_with_events": busy["cpu_us_per_sample"] / without["cpu_us_per_sample"],
        "lost_with_events": max(0.0, 1 - busy["kept_ratio"]),
        "cpu_us_per_sample_with_events": busy["cpu_us_per_sample"],
        "rss_mean_mb_with_events": busy["rss_mean_mb"],
    }


def doubts(key: str, figures: Mapping[str, float]) -> Iterator[str]:
    """Yield reasons to doubt the figures of a contender."""
    if abs(figures["kept_ratio"] - 1) > _KEPT_TOLERANCE:
        yield f"{key} kept {figures['kept_ratio']:.1%} of the samples"
    if figures["others_cpu_cores"] > _OTHERS_TOLERANCE_CORES:
        cores = figures["others_cpu_cores"]
        yield f"while {key} was measured, other programs kept {cores:.1f} CPUs busy: run it again"


@dataclass(frozen=True, slots=True)
class UsageSnapshot:
    """What a contender has used and the fleet has served up to one moment.

    Attributes:
        time_s: by `time.monotonic`.
        busy_s: the time that all CPUs have spent on any program.
    """

    time_s: float
    busy_s: float
    used: Usage
    served: FleetCounts

    @classmethod
    def now(cls, contender: Contender, fleet: TargetFleet) -> Self:
        """Take a snapshot."""
        used, served = contender.usage(), fleet.counts()
        return cls(time.monotonic(), busy_cpu_s(), used, served)


def measure(
    contender_type: type[Contender], fleet: TargetFleet, period: Period, parent: Path | None
) -> dict[str, float]:
    """Measure one contender on the fleet; return its figures by the keys of `MEASURES`."""
    fleet.rewind()
    scraped = ScrapePlan(fleet.addresses(), period.interval_s)
    with (
        work_directory(parent) as directory,
        contender_type(scraped, directory) as contender,
    ):
        wait_until_all_scraped(fleet)
        time.sleep(period.warm_up_s)
        fleet.mark()
        before = UsageSnapshot.now(contender, fleet)
        resident_bytes = [before.used.rss_bytes]
        while (left_s := before.time_s + period.of(contender_type) - time.monotonic()) > 0:
            time.sleep(min(left_s, _RSS_EVERY_S))
            resident_bytes.append(contender.usage().rss_bytes)
        after, end_s = UsageSnapshot.now(contender, fleet), time.time()
        elapsed_s = after.time_s - before.time_s
        if after.served.samples == before.served.samples:
            raise BenchmarkError(f"{contender.title} scraped nothing in {elapsed_s:.0f} s")
        contender.flush()
        window = f"[{round(elapsed_s * 1000)}ms]"
        kept = contender.query(
            f'sum(sum_over_time(scrape_samples_scraped{{job="node"}}{window}))', end_s
        )
    mean_bytes = statistics.mean(resident_bytes)
    return {
        **_cpu_figures(before, after, sum(kept)),
        "rss_bytes_per_series": mean_bytes / fleet.series,
        "rss_mean_mb": mean_bytes / 1e6,
        "rss_peak_mb": max(resident_bytes) / 1e6,
    }


def _cpu_figures(
    before: UsageSnapshot, after: UsageSnapshot, kept_samples: float
) -> dict[str, float]:
    elapsed_s, busy_s = after.time_s - before.time_s, after.busy_s - before.busy_s
    samples = after.served.samples - before.served.samples
    cpu_s = after.used.cpu_s - before.used.cpu_s
    fleet_s = after.served.cpu_s - before.served.cpu_s
    return {
        "cpu_us_per_sample": cpu_s / samples * 1e6,
        "cpu_cores": cpu_s / elapsed_s,
        "samples_per_s": samples / elapsed_s,
        "kept_ratio": kept_samples / samples,
        "longest_gap_s": after.served.longest_gap_s,
        "measured_s": elapsed_s,
        "fleet_cpu_cores": fleet_s / elapsed_s,
        "others_cpu_cores": max(0.0, busy_s - cpu_s - fleet_s) / elapsed_s,
    }


def busy_cpu_s() -> float:
    """Return the time that all CPUs have been busy since the machine started."""
    times = psutil.cpu_times()
    return times.user + times.system + times.nice + times.irq + times.softirq + times.steal


def wait_until_all_scraped(fleet: TargetFleet) -> None:
    """Wait until every target has been scraped.

    Raises:
        BenchmarkError: some have not after two minutes.
    """
    if not wait_until(lambda: fleet.counts().fewest_responses > 0, _FIRST_SCRAPE_TIMEOUT_S):
        raise BenchmarkError(f"not all of {fleet.plan.targets} targets were scraped")
