"""CPU of evaluating 100 alerting rules over 400 targets: `./run bench rules`.

Both servers scrape one fleet until five minutes of history are there. Then each is
given the same rule file by a reload, and evaluates it by itself every second.
What scraping alone costs is measured before and taken off.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import argument_parser, progress, run
from benchmarks.contenders import Contender, Prometheus, Redshank, ScrapePlan, choose, titles
from benchmarks.corpus import find_recording
from benchmarks.fleet import Fleet, FleetPlan
from benchmarks.processes import wait_until, work_directory
from benchmarks.report import Limit, Measure, Report
from benchmarks.scraping import wait_until_all_scraped

_MEASURES = (
    Measure("rules_cpu_ms", "CPU an evaluation\nms", 1, ratio="rules"),
    Measure("evaluations", "evaluations", 0),
    Measure("scraping_cores", "scraping alone\ncores", 3),
    Measure("rss_mb", "RSS\nMB", 0),
)
_LIMITS = (Limit("ratio_rules_prometheus", 1.0),)
_INTERVAL_S = 15.0
_RATE = "[5m]"
_GROUPS = 10
_EVERY_S = 1.0
_FIRST_EVALUATION_TIMEOUT_S = 180.0
_COUNTED = "bench:targets:count"

# Each with a threshold of a warning and one of a critical alert.
_CONDITIONS: tuple[tuple[str, float, float], ...] = (
    ("node_load1 / count without (cpu, mode) (node_cpu_seconds_total{mode='idle'}) > %g", 2, 4),
    ("node_load5 > %g", 20, 50),
    ("node_load15 > %g", 10, 30),
    ("100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode='idle'}[5m]))) > %g", 90, 98),
    ("sum by (instance) (rate(node_cpu_seconds_total{mode='iowait'}[5m])) > %g", 1, 3),
    ("sum by (instance) (rate(node_cpu_seconds_total{mode='steal'}[5m])) > %g", 1, 3),
    ("max by (instance) (rate(node_cpu_seconds_total{mode=~'system|user'}[5m])) > %g", 0.95, 0.99),
    ("100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) > %g", 90, 97),
    ("node_memory_MemAvailable_bytes < %g", 2e8, 5e7),
    ("node_memory_SwapTotal_bytes - node_memory_SwapFree_bytes > %g", 1e9, 4e9),
    ("rate(node_vmstat_pgmajfault[5m]) > %g", 1000, 5000),
    ("increase(node_vmstat_oom_kill[5m]) > %g", 0, 3),
    ("100 * node_filesystem_avail_bytes / node_filesystem_size_bytes < %g", 10, 3),
    ("100 * node_filesystem_files_free / node_filesystem_files < %g", 10, 3),
    ("node_filesystem_readonly > %g", 0, 1),
    ("node_filesystem_device_error > %g", 0, 1),
    ("deriv(node_filesystem_free_bytes[5m]) < -%g", 1e9, 5e9),
    ("rate(node_disk_io_time_seconds_total[5m]) > %g", 0.95, 0.99),
    ("sum by (instance) (rate(node_disk_read_bytes_total[5m])) > %g", 5e8, 2e9),
    ("sum by (instance) (rate(node_disk_written_bytes_total[5m])) > %g", 5e9, 2e10),
    (
        (
            "rate(node_disk_read_time_seconds_total[5m])"
            " / rate(node_disk_reads_completed_total[5m]) > %g"
        ),
        1,
        5,
    ),
    (
        (
            "rate(node_disk_write_time_seconds_total[5m])"
            " / rate(node_disk_writes_completed_total[5m]) > %g"
        ),
        1,
        5,
    ),
    ("rate(node_network_receive_bytes_total{device!='lo'}[5m]) > %g", 1e9, 5e9),
    ("rate(node_network_transmit_bytes_total{device!='lo'}[5m]) > %g", 1e9, 5e9),
    (
        (
            "rate(node_network_receive_errs_total[5m])"
            " / rate(node_network_receive_packets_total[5m]) > %g"
        ),
        0.01,
        0.1,
    ),
    ("increase(node_network_receive_drop_total[5m]) > %g", 1000, 10000),
    ("increase(node_network_transmit_drop_total[5m]) > %g", 1000, 10000),
    ("increase(node_network_carrier_changes_total[5m]) > %g", 10, 50),
    ("100 * node_nf_conntrack_entries / node_nf_conntrack_entries_limit > %g", 80, 95),
    ("100 * node_filefd_allocated / node_filefd_maximum > %g", 80, 95),
    ("node_procs_blocked > %g", 20, 100),
    ("node_procs_running > %g", 200, 1000),
    ("rate(node_context_switches_total[5m]) > %g", 1e6, 5e6),
    ("rate(node_forks_total[5m]) > %g", 1e4, 5e4),
    ("rate(node_intr_total[5m]) > %g", 1e6, 5e6),
    ("node_sockstat_TCP_tw > %g", 5e4, 2e5),
    ("node_netstat_Tcp_CurrEstab > %g", 5e4, 2e5),
    (
        "rate(node_netstat_Tcp_RetransSegs[5m]) / rate(node_netstat_Tcp_OutSegs[5m]) > %g",
        0.2,
        0.5,
    ),
    ("increase(node_netstat_TcpExt_ListenDrops[5m]) > %g", 1000, 10000),
    ("rate(node_netstat_Udp_InErrors[5m]) > %g", 100, 1000),
    ("rate(node_pressure_cpu_waiting_seconds_total[5m]) > %g", 0.95, 0.99),
    ("rate(node_pressure_io_waiting_seconds_total[5m]) > %g", 0.95, 0.99),
    ("rate(node_pressure_memory_waiting_seconds_total[5m]) > %g", 0.5, 0.9),
    ("abs(node_timex_offset_seconds) > %g", 1, 10),
    ("rate(process_cpu_seconds_total[5m]) > %g", 1, 4),
    ("process_open_fds / process_max_fds > %g", 0.8, 0.95),
    ("process_resident_memory_bytes > %g", 1e9, 4e9),
    ("avg_over_time(node_load1[5m]) > %g", 20, 50),
    ("max_over_time(scrape_duration_seconds[5m]) > %g", 10, 14),
    ("count by (job) (up == 0) > %g", 10, 100),
)


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """What is measured.

    Attributes:
        fill_s: how long the targets are scraped before: a [5m] range must be full.
        seconds: how long rules are evaluated.
    """

    targets: int = 400
    recording: str = "node_exporter"
    work_directory: Path | None = None
    fill_s: float = 330.0
    seconds: float = 45.0


def rule_file() -> str:
    """Return 100 alerting rules in ten groups, and one that counts the evaluations."""
    rules: list[dict[str, object]] = [
        {
            "alert": f"Bench{number:02}",
            "expr": condition % threshold,
            "for": "5m",
            "labels": {"severity": severity},
            "annotations": {"summary": "{{ $labels.instance }}: {{ $value }}"},
        }
        for number, (condition, *thresholds) in enumerate(_CONDITIONS)
        for threshold, severity in zip(thresholds, ("warning", "critical"), strict=True)
    ]
    every = f"{_EVERY_S:g}s"
    groups: list[dict[str, object]] = [
        {"name": f"bench{group}", "interval": every, "rules": rules[group::_GROUPS]}
        for group in range(_GROUPS)
    ]
    counting = [{"record": _COUNTED, "expr": "count(up)"}]
    groups.append({"name": "counting", "interval": every, "rules": counting})
    return json.dumps({"groups": groups})  # JSON is YAML


@dataclass(frozen=True, slots=True)
class FilledServers:
    """Servers that scrape one fleet, until they have the history that rules look at.

    Attributes:
        directory: where everything of theirs is.
        setup: what is evaluated, in words.
        full_s: when they will have scraped long enough, by `time.monotonic`.
    """

    contenders: Sequence[Contender]
    directory: Path
    setup: str
    full_s: float


@contextmanager
def filled_servers(
    chosen: Sequence[type[Contender]], options: RuleOptions
) -> Iterator[FilledServers]:
    """Start a fleet and who scrapes it, and return at once; `evaluate` waits."""
    with ExitStack() as stack:
        directory = stack.enter_context(work_directory(options.work_directory))
        recording = find_recording(options.recording)
        fleet = stack.enter_context(Fleet(FleetPlan(options.targets), recording, directory))
        contenders = []
        for contender_type in chosen:
            own = directory / contender_type.key
            own.mkdir()
            plan = ScrapePlan(fleet.addresses(), _INTERVAL_S)
            contenders.append(stack.enter_context(contender_type(plan, own)))
        wait_until_all_scraped(fleet)
        setup = (
            f"{2 * len(_CONDITIONS)} alerting rules over {options.targets} targets x "
            f"{recording.series} series every {_INTERVAL_S:g} s; {recording}"
        )
        full_s = time.monotonic() + options.fill_s - options.seconds
        yield FilledServers(contenders, directory, setup, full_s)


def evaluate(servers: FilledServers, seconds: float) -> Report:
    """Let each evaluate the rules in turn, once they have scraped long enough."""
    left_s = servers.full_s - time.monotonic()
    if left_s > 0:
        progress(f"rules: the targets are scraped for {left_s:.0f} s more")
        time.sleep(left_s)
    rules = servers.directory / "rules.yml"
    rules.write_text(rule_file())
    scraping = _cores_over(servers.contenders, seconds)
    results = {}
    for contender in servers.contenders:
        progress(f"{contender.title}: evaluating for {seconds:g} s")
        alone = scraping[contender.key]
        results[contender.key] = _evaluating(contender, rules, seconds, alone)
    setup, names = servers.setup, titles(servers.contenders)
    return Report("rules", setup, _MEASURES, results, names, _LIMITS)


def compare(options: argparse.Namespace) -> Report:
    """Let each evaluate the rules; compare what that costs."""
    chosen = [each for each in choose(options.contenders) if each in (Redshank, Prometheus)]
    own = RuleOptions(
        options.targets, options.recording, options.work_dir, options.fill, options.seconds
    )
    with filled_servers(chosen, own) as servers:
        return evaluate(servers, options.seconds)


def _cores_over(contenders: Sequence[Contender], seconds: float) -> dict[str, float]:
    """Return how many CPUs each keeps busy for some seconds from now."""
    before = [contender.usage().cpu_s for contender in contenders]
    time.sleep(seconds)
    return {
        contender.key: (contender.usage().cpu_s - used) / seconds
        for contender, used in zip(contenders, before, strict=True)
    }


def _evaluating(
    contender: Contender, rules: Path, seconds: float, scraping_cores: float
) -> dict[str, float]:
    """Give a contender rules; return its figures, and leave it stopped."""
    contender.rule_file = rules
    contender.reload()

    def evaluates() -> bool:
        return bool(contender.query(f"count_over_time({_COUNTED}[30s]) > 5", time.time()))

    if not wait_until(evaluates, _FIRST_EVALUATION_TIMEOUT_S, poll_s=0.5):
        raise contender.error("evaluates no rules")
    cores = _cores_over([contender], seconds)[contender.key]
    window = f"[{round(seconds * 1000)}ms]"
    (evaluations,) = contender.query(f"count_over_time({_COUNTED}{window})", time.time())
    used = contender.usage()
    contender.kill()
    return {
        "rules_cpu_ms": (cores - scraping_cores) * seconds / evaluations * 1000,
        "evaluations": evaluations,
        "scraping_cores": scraping_cores,
        "rss_mb": used.rss_bytes / 1e6,
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `compare`."""
    usual = RuleOptions()
    parser.add_argument("--targets", type=int, default=usual.targets)
    parser.add_argument("--fill", type=float, default=usual.fill_s, metavar="SECONDS")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="measured period")


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare what 100 alerting rules over 400 targets cost."""
    parser = argument_parser("rules", main.__doc__)
    add_arguments(parser)
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
