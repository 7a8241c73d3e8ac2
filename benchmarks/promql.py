"""Latency and CPU of queries over 3,200 series, compared with Prometheus: `./run bench promql`.

Both servers hold the same six hours of CPU counters and get the same requests in turn
over HTTP. They must answer alike, or the run ends with an error. At the end two other
servers evaluate alerting rules (see `rules`).
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness.contenders.contender import Contender, ScrapePlan
from benchmarks.harness.contenders.servers import Prometheus, Redshank, choose, titles
from benchmarks.harness.measuring.query_agreement import ensure_agreement
from benchmarks.harness.measuring.query_client import TimedQuery, connected
from benchmarks.harness.measuring.query_report import QueryFindings, QueryReport
from benchmarks.harness.measuring.query_timing import time_query
from benchmarks.harness.processes import work_directory
from benchmarks.harness.recordings.cpu_history import (
    MODES,
    CpuHistory,
    load_prometheus,
    load_redshank,
)
from benchmarks.harness.reporting.command import argument_parser, comma_separated, progress, run
from benchmarks.harness.reporting.report import Limit
from benchmarks.rules import RuleOptions, evaluate, filled_servers

_LIMITS = (
    Limit("ratio_heavy_worst", 0.25),
    Limit("ratio_raw", 1.0),
    Limit("ratio_one_host", 1.0),
    Limit("ratio_up", 2.0),
    Limit("ratio_rules", 1.0),
)
_HEAVY = {
    "sum_rate": "sum by (mode) (rate(node_cpu_seconds_total[5m]))",
    "by_instance": "sum by (instance) (rate(node_cpu_seconds_total[5m]))",
    "busy": '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
    "quantile": "quantile by (mode) (0.95, rate(node_cpu_seconds_total[5m]))",
    "max_over_time": "max by (mode) (max_over_time(node_cpu_seconds_total[1h]))",
    "avg_over_time": "avg by (mode) (avg_over_time(node_cpu_seconds_total[1h]))",
    "stddev_over_time": "max by (mode) (stddev_over_time(node_cpu_seconds_total[1h]))",
    "quantile_over_time": "max by (mode) (quantile_over_time(0.9, node_cpu_seconds_total[1h]))",
    "topk": "topk(10, rate(node_cpu_seconds_total[5m]))",
    "topk_1h": "topk by (mode) (3, increase(node_cpu_seconds_total[1h]))",
}
_STEP_S = 60.0
# Between two scrape times, which are multiples of 15 ms: Prometheus 2 and 3 differ in
# whether a range includes a sample exactly at its start.
_OFF_SCRAPES_S = 0.007

LOADERS: Mapping[str, Callable[[CpuHistory, Path], None]] = {
    Redshank.key: load_redshank,
    Prometheus.key: load_prometheus,
}


def queries(history: CpuHistory) -> list[TimedQuery]:
    """Return the queries."""
    end_s = history.end_ms / 1000 - _OFF_SCRAPES_S
    range_s = history.duration_ms / 1000
    one_host = 'rate(node_cpu_seconds_total{instance="host0007:9100"}[5m])'
    over_range = [
        *(("heavy_worst", key, expression) for key, expression in _HEAVY.items()),
        ("raw", "raw", "node_cpu_seconds_total"),
        ("one_host", "one_host", one_host),
    ]
    return [
        *(
            TimedQuery(
                *(key, group, expression, end_s, range_s, _STEP_S),
                chooses=expression.startswith("topk"),
            )
            for group, key, expression in over_range
        ),
        TimedQuery("raw_gzip", "raw", "node_cpu_seconds_total", end_s, range_s, _STEP_S, gzip=True),
        TimedQuery("up", "up", 'up{job="node"}', end_s),
    ]


def compare(options: argparse.Namespace) -> QueryReport:
    """Load both servers, time every query, then measure rules."""
    chosen = [each for each in choose(options.contenders) if each.key in LOADERS]
    history = CpuHistory(
        options.hosts,
        options.targets,
        round(time.time()) // 60 * 60_000,
        round(options.hours * 3_600_000),
        jitter_ms=options.jitter,
    )
    with_rules = len(chosen) == len(LOADERS) and not options.only
    with ExitStack() as stack:
        contenders = [
            stack.enter_context(loaded(each, history, options.work_dir, stack)) for each in chosen
        ]
        found = time_all(contenders, history, options)
    # Afterwards, because servers that scrape would evict the caches of those that are timed.
    figures = rules_ratio(chosen, options) if with_rules else {}
    setup = describe(history, options.repeats)
    return QueryReport(setup, titles(chosen), found, figures, _LIMITS)


def rules_ratio(chosen: Sequence[type[Contender]], options: argparse.Namespace) -> dict[str, float]:
    """Return the ratio that `rules` measures."""
    rules = RuleOptions(recording=options.recording, work_directory=options.work_dir)
    with filled_servers(chosen, rules) as servers:
        report = evaluate(servers, rules.seconds)
    return {"ratio_rules": report.ratios()["ratio_rules_prometheus"]}


def time_all(
    contenders: Sequence[Contender], history: CpuHistory, options: argparse.Namespace
) -> list[QueryFindings]:
    """Time every chosen query."""
    found = []
    with ExitStack() as stack:
        clients = [stack.enter_context(connected(contender)) for contender in contenders]
        for query in queries(history):
            if options.only and query.key not in options.only:
                continue
            progress(f"{query.key}: {ensure_agreement(clients, query)} series")
            timings = time_query(clients, query, options.repeats)
            found.append(QueryFindings(query.key, query.group, query.expression, timings))
    return found


def describe(history: CpuHistory, repeats: int) -> str:
    """Return a description of the run."""
    spacing = f"{history.jitter_ms} ms of jitter" if history.jitter_ms else "evenly spaced"
    return (
        f"{history.hosts} hosts x {len(MODES)} counters, {history.duration_ms / 3_600_000:g} h "
        f"at 15 s, {spacing} ({history.samples / 1e6:.1f} M samples), range queries with a step "
        f"of {_STEP_S:g} s, median of {repeats} or more"
    )


def loaded(
    contender_type: type[Contender],
    history: CpuHistory,
    parent: Path | None,
    stack: ExitStack,
) -> Contender:
    """Return a contender whose data directory holds the history."""
    directory = stack.enter_context(work_directory(parent))
    contender = contender_type(ScrapePlan([], 60.0), directory)
    progress(f"{contender.title}: loading {history.samples / 1e6:.1f} M samples")
    LOADERS[contender.key](history, contender.data_directory)
    return contender


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare queries over thousands of series with Prometheus's."""
    parser = argument_parser("promql", main.__doc__)
    parser.add_argument("--hosts", type=int, default=400)
    parser.add_argument("--targets", type=int, default=1000, help="with `up`, including hosts")
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--jitter", type=int, default=0, metavar="MS", help="of the scrapes")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--only", type=comma_separated, metavar="KEY,...", help="only these queries"
    )
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
