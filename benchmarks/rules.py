"""CPU of evaluating alerting rules over 400 targets: `./run bench rules`.

Both servers scrape one fleet for five minutes. Then each in turn loads the same rule
file and evaluates it: 100 rules every second, or with `--rules 1000 --every 15 --seconds 120`
as many as a large installation has, at its interval. The cost of scraping alone is measured
before and subtracted.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.contenders.contender import Contender, ScrapePlan
from benchmarks.harness.contenders.servers import Prometheus, Redshank, choose, titles
from benchmarks.harness.load.alerting_rules import ALERTS, COUNTED, rule_file
from benchmarks.harness.load.fleet import FleetPlan, TargetFleet
from benchmarks.harness.measuring.scraping import wait_until_all_scraped
from benchmarks.harness.processes import wait_until, work_directory
from benchmarks.harness.recordings.recording import find_recording
from benchmarks.harness.reporting.command import argument_parser, progress, run
from benchmarks.harness.reporting.report import Limit, Measure, Report

_FIGURES = (
    Measure("evaluations", "evaluations", 0),
    Measure("scraping_cores", "scraping alone\ncores", 3),
    Measure("rss_mb", "RSS\nMB", 0),
)
_INTERVAL_S = 15.0
_FIRST_EVALUATION_TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """The size and the durations of the measurement.

    Attributes:
        rules: how many rules are evaluated.
        every_s: how often.
        fill_s: how long the targets are scraped before, to fill a [5m] range.
        seconds: how long the rules are evaluated.
    """

    targets: int = 400
    recording: str = "node_exporter"
    work_directory: Path | None = None
    fill_s: float = 330.0
    seconds: float = 45.0
    rules: int = ALERTS
    every_s: float = 1.0


@dataclass(frozen=True, slots=True)
class FilledServers:
    """Servers that scrape one fleet to fill the ranges that rules read.

    Attributes:
        directory: of all their files.
        setup: a description of the run.
        full_s: when the ranges are full, by `time.monotonic`.
        options: the rules to evaluate.
    """

    contenders: Sequence[Contender]
    directory: Path
    setup: str
    full_s: float
    options: RuleOptions


@contextmanager
def filled_servers(
    chosen: Sequence[type[Contender]], options: RuleOptions
) -> Iterator[FilledServers]:
    """Start a fleet and servers that scrape it; does not wait until the ranges are full."""
    with ExitStack() as stack:
        directory = stack.enter_context(work_directory(options.work_directory))
        recording = find_recording(options.recording)
        fleet = stack.enter_context(TargetFleet(FleetPlan(options.targets), recording, directory))
        contenders = []
        for contender_type in chosen:
            own = directory / contender_type.key
            own.mkdir()
            plan = ScrapePlan(fleet.addresses(), _INTERVAL_S)
            contenders.append(stack.enter_context(contender_type(plan, own)))
        wait_until_all_scraped(fleet)
        setup = (
            f"{options.rules} alerting rules every {options.every_s:g} s"
            f" over {options.targets} targets x {recording.series} series"
            f" every {_INTERVAL_S:g} s; {recording}"
        )
        full_s = time.monotonic() + options.fill_s - options.seconds
        yield FilledServers(contenders, directory, setup, full_s, options)


def _measured(options: RuleOptions) -> tuple[tuple[Measure, ...], tuple[Limit, ...]]:
    """Return the measures and the limit of the ratio; 1,000 rules have a limit of their own."""
    usual = options.rules == ALERTS
    name = "rules" if usual else f"rules_{options.rules}"
    cost = Measure("rules_cpu_ms", "CPU an evaluation\nms", 1, ratio=name)
    return (cost, *_FIGURES), (Limit(f"ratio_{name}_prometheus", 1.0 if usual else 0.5),)


def evaluate(servers: FilledServers, seconds: float) -> Report:
    """Wait until the ranges are full, then measure each server in turn."""
    left_s = servers.full_s - time.monotonic()
    if left_s > 0:
        progress(f"rules: the targets are scraped for {left_s:.0f} s more")
        time.sleep(left_s)
    rules = servers.directory / "rules.yml"
    options = servers.options
    rules.write_text(rule_file(options.every_s, options.rules))
    scraping = _cores_over(servers.contenders, seconds)
    results = {}
    for contender in servers.contenders:
        progress(f"{contender.title}: evaluating for {seconds:g} s")
        alone = scraping[contender.key]
        results[contender.key] = _evaluating(contender, rules, seconds, alone, options.every_s)
    setup, names = servers.setup, titles(servers.contenders)
    measures, limits = _measured(options)
    return Report("rules", setup, measures, results, names, limits)


def compare(options: argparse.Namespace) -> Report:
    """Compare the cost of evaluating the rules."""
    chosen = [each for each in choose(options.contenders) if each in (Redshank, Prometheus)]
    own = RuleOptions(
        options.targets,
        options.recording,
        options.work_dir,
        options.fill,
        options.seconds,
        options.rules,
        options.every,
    )
    with filled_servers(chosen, own) as servers:
        return evaluate(servers, options.seconds)


def _cores_over(contenders: Sequence[Contender], seconds: float) -> dict[str, float]:
    """Return how many CPUs each keeps busy in the next seconds."""
    before = [contender.usage().cpu_s for contender in contenders]
    time.sleep(seconds)
    return {
        contender.key: (contender.usage().cpu_s - used) / seconds
        for contender, used in zip(contenders, before, strict=True)
    }


def _evaluating(
    contender: Contender, rules: Path, seconds: float, scraping_cores: float, every_s: float
) -> dict[str, float]:
    """Have a contender evaluate rules, then kill it; return its figures."""
    contender.rule_file = rules
    contender.reload()

    def evaluates() -> bool:
        # After five evaluations, queries and templates are known.
        window = f"[{max(30, round(5 * every_s))}s]"
        return bool(contender.query(f"count_over_time({COUNTED}{window}) > 3", time.time()))

    if not wait_until(evaluates, _FIRST_EVALUATION_TIMEOUT_S, poll_s=0.5):
        raise contender.error("evaluates no rules")
    cores = _cores_over([contender], seconds)[contender.key]
    window = f"[{round(seconds * 1000)}ms]"
    (evaluations,) = contender.query(f"count_over_time({COUNTED}{window})", time.time())
    used = contender.usage()
    contender.kill()
    return {
        "rules_cpu_ms": (cores - scraping_cores) * seconds / evaluations * 1000,
        "evaluations": evaluations,
        "scraping_cores": scraping_cores,
        "rss_mb": used.rss_bytes / 1e6,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the cost of alerting rules over 400 targets."""
    parser = argument_parser("rules", main.__doc__)
    usual = RuleOptions()
    parser.add_argument("--targets", type=int, default=usual.targets)
    parser.add_argument("--rules", type=int, default=usual.rules, help="how many")
    parser.add_argument("--every", type=float, default=usual.every_s, metavar="SECONDS")
    parser.add_argument("--fill", type=float, default=usual.fill_s, metavar="SECONDS")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="measured period")
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
