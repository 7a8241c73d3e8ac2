"""The time from a kill with a full head to the first answer: `./run bench restart`.

The server scrapes a fleet until its head is full, is killed with SIGKILL and started
again at once. The benchmark measures the time until it answers a query about samples
from before the kill.
"""

import argparse
import time
from collections.abc import Sequence

from benchmarks.harness.contenders.contender import Contender, ScrapePlan
from benchmarks.harness.contenders.servers import Redshank, choose, titles
from benchmarks.harness.durability.adversary import attack
from benchmarks.harness.load.fleet import FleetPlan, TargetFleet
from benchmarks.harness.measuring.scraping import wait_until_all_scraped
from benchmarks.harness.processes import (
    BenchmarkError,
    directory_size_bytes,
    wait_until,
    work_directory,
)
from benchmarks.harness.recordings.recording import find_recording
from benchmarks.harness.reporting.command import argument_parser, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report

_MEASURES = (
    Measure("answer_s", "first answer\ns", 2, ratio="answer"),
    Measure("ready_s", "ready\ns"),
    Measure("cpu_s", "CPU to answer\ns"),
    Measure("rss_mb", "RSS then\nMB", 0),
    Measure("data_mb", "data directory\nMB", 0),
)
_LIMITS = (Limit("answer_s", 5.0),)
_HOSTILE_MEASURES = (
    Measure("replay_adversarial_s", "start\ns"),
    Measure("replay_adversarial_cpu_s", "CPU\ns"),
    Measure("replay_adversarial_rss_mb", "RSS peak\nMB", 0),
    Measure("stop_s", "SIGTERM in\nreplay, s"),
    Measure("push_worst_s", "slowest\npush, s"),
    Measure("health_worst_ms", "/health\nworst, ms", 0),
    Measure("pushed_rss_mb", "RSS pushed\nMB", 0),
    Measure("data_mb", "on disk\nMB", 0),
)
_HOSTILE_LIMITS = (
    Limit("replay_adversarial_s", 10.0),
    Limit("replay_adversarial_rss_mb", 600.0),
    Limit("stop_s", 5.0),
)
_ANSWER_TIMEOUT_S = 300.0
_POLL_S = 0.01
# The time of the query, so long before the kill that every server has written its
# samples: VictoriaMetrics flushes parts in memory every 5 s.
_QUERIED_BEFORE_KILL_S = 10.0


def compare(options: argparse.Namespace) -> Report:
    """Measure the contenders on one fleet, one after the other; or a hostile sender's series."""
    return _hostile(options) if options.adversarial else _fleet(options)


def _hostile(options: argparse.Namespace) -> Report:
    with (
        work_directory(options.work_dir) as directory,
        Redshank(ScrapePlan((), 15.0), directory) as server,
    ):
        progress(f"pushing {options.adversarial:,} series")
        results = {Redshank.key: attack(server, options.adversarial)}
    setup = f"kill -9 after {options.adversarial:,} pushed series with labels of their own"
    return Report("restart", setup, _HOSTILE_MEASURES, results, titles([Redshank]), _HOSTILE_LIMITS)


def _fleet(options: argparse.Namespace) -> Report:
    chosen = choose(options.contenders)
    recording = find_recording(options.recording)
    results = {}
    with (
        work_directory(options.work_dir) as directory,
        TargetFleet(FleetPlan(options.targets), recording, directory) as fleet,
    ):
        for contender in chosen:
            progress(f"{contender.title}: filling the head for {options.fill:g} s")
            results[contender.key] = measure(contender, fleet, options)
    return Report(
        "restart",
        f"kill -9 after {options.fill:g} s of {options.targets} targets x {recording.series} "
        f"series every {options.interval:g} s; {recording}",
        _MEASURES,
        results,
        titles(chosen),
        _LIMITS,
    )


def measure(
    contender_type: type[Contender], fleet: TargetFleet, options: argparse.Namespace
) -> dict[str, float]:
    """Fill, kill and restart one contender; return its figures by the keys of `_MEASURES`."""
    fleet.rewind()
    scraped = ScrapePlan(fleet.addresses(), options.interval)
    with (
        work_directory(options.work_dir) as directory,
        contender_type(scraped, directory) as contender,
    ):
        wait_until_all_scraped(fleet)
        time.sleep(options.fill)
        query_time_s = time.time() - _QUERIED_BEFORE_KILL_S
        expected = contender.query(options.query, query_time_s)
        if not sum(expected):
            raise BenchmarkError(f"{contender.title} has no answer even before the kill")
        contender.kill()
        data_bytes = directory_size_bytes(contender.data_directory)
        begun_s = time.monotonic()
        contender.start()
        contender.wait_ready()
        ready_s = time.monotonic() - begun_s
        wait_for_answer(contender, options.query, query_time_s, expected)
        answer_s = time.monotonic() - begun_s
        used = contender.usage()
    return {
        "answer_s": answer_s,
        "ready_s": ready_s,
        "cpu_s": used.cpu_s,
        "rss_mb": used.rss_bytes / 1e6,
        "data_mb": data_bytes / 1e6,
    }


def wait_for_answer(
    contender: Contender, expression: str, time_s: float, expected: list[float]
) -> None:
    """Wait until a query of the past has the same answer as before the kill.

    Raises:
        BenchmarkError: it has not after five minutes.
    """
    answer: list[float] | OSError = []

    def answered() -> bool:
        nonlocal answer
        try:
            answer = contender.query(expression, time_s)
        except OSError as exc:
            answer = exc
        return answer == expected

    if not wait_until(answered, _ANSWER_TIMEOUT_S, _POLL_S):
        raise BenchmarkError(f"{contender.title} answers {answer}, not {expected}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the time from a kill with a full head to the first answer."""
    parser = argument_parser("restart", main.__doc__)
    parser.add_argument("--targets", type=int, default=400)
    parser.add_argument("--interval", type=float, default=1.0, metavar="SECONDS")
    # Just short of the 120 vectors at which heads are sealed.
    parser.add_argument("--fill", type=float, default=115.0, metavar="SECONDS")
    parser.add_argument("--query", default="sum(count_over_time(node_cpu_seconds_total[20s]))")
    parser.add_argument(
        "--adversarial",
        type=int,
        nargs="?",
        const=200_000,
        metavar="SERIES",
        help="measure Redshank alone, after a sender that fills its budgets",
    )
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
