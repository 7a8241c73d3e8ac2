"""A hundred abusive clients beside a fleet: `./run bench attackers --check`.

The clients hold idle connections, send bodies byte by byte, ask heavy queries, push new
series without end, keep live streams, guess passwords and send what is not HTTP. Each has
an address of its own, and a user of its own where it needs one, so that every one stays
within its own limits. Meanwhile the server scrapes 400 targets and evaluates rules and
host checks. No scrape may be missed, no evaluation be late by an interval, and `/health`
answers within 200 ms.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import MINYEAR, datetime
from itertools import pairwise
from typing import Any

from benchmarks.harness.attacks.accounts import add_users
from benchmarks.harness.attacks.attack_process import Attackers
from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.load.alerting_rules import rule_file
from benchmarks.harness.load.fleet import FleetPlan, TargetFleet
from benchmarks.harness.load.repetition import repeated
from benchmarks.harness.loopback import fetch
from benchmarks.harness.measuring.scraping import busy_cpu_s, wait_until_all_scraped
from benchmarks.harness.processes import usage, work_directory
from benchmarks.harness.recordings.recording import add_recording_argument, find_recording
from benchmarks.harness.reporting.command import comma_separated, plain_parser, progress, run

HEALTH_LIMIT_S = 0.2

_SHARES = {
    "idle": 30,
    "slow_body": 15,
    "heavy_query": 15,
    "new_series": 10,
    "live_stream": 10,
    "guess_password": 15,
    "broken_request": 5,
}
_HEALTH_EVERY_S = 0.1
_RULES_EVERY_S = 0.5
_TIMEOUT_S = 30.0
_USERS = 35
# A late scrape has its own time; the next one is on time again.
_LONGEST_GAP_INTERVALS = 1.5
_OTHERS_TOLERANCE_CORES = 0.2
# A descriptor for each target, the clients' connections beside it.
_DESCRIPTORS = 1024


@dataclass(slots=True)
class AttackWitness:
    """What another client sees while the attackers act.

    Attributes:
        quiet_s: how long each `/health` took before the attackers.
        health_s: how long each took beside them; a failed one counts as long as it took.
        failures: requests that failed.
        lag_s: how late the latest evaluation of each group was, its interval left out.
        peak_bytes: the highest resident memory.
    """

    health_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    quiet_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class AttackFindings:
    """The result: scrapes, evaluations and health beside attackers.

    Attributes:
        setup: a description of the run.
        interval_s: of scrapes and evaluations.
        expected, missed: scrapes that were due, and those that failed or did not happen.
        witness: what another client saw.
        answers: what each kind of attacker was answered.
        memory_limit_mb: the bound of resident memory.
        others_cores: the CPUs that programs outside of the benchmark kept busy.
    """

    setup: str
    interval_s: float
    expected: int
    missed: Sequence[str]
    witness: AttackWitness
    answers: Mapping[str, Mapping[str, int]]
    memory_limit_mb: float
    others_cores: float = 0.0

    @property
    def figures(self) -> dict[str, float]:
        """The figures by their names in JSON."""
        health_ms = sorted(1000 * one for one in self.witness.health_s) or [0.0]
        quiet_ms = max((1000 * one for one in self.witness.quiet_s), default=0.0)
        return {
            "scrapes": self.expected,
            "missed_scrapes": len(self.missed),
            "evaluation_lag_s": round(max(self.witness.lag_s, default=0.0), 3),
            "health_p50_ms": round(statistics.median(health_ms), 1),
            "health_p99_ms": round(health_ms[int(len(health_ms) * 0.99)], 1),
            "health_worst_ms": round(health_ms[-1], 1),
            "quiet_worst_ms": round(quiet_ms, 1),
            "rss_peak_mb": round(self.witness.peak_bytes / 1e6, 1),
            "others_cores": round(self.others_cores, 2),
        }

    def print(self) -> None:
        """Print the figures, then what attackers were answered."""
        print(f"attackers: {self.setup}\n")
        for name, value in self.figures.items():
            print(f"  {name:18}{value:>12,}")
        print()
        for kind, answers in self.answers.items():
            counts = ", ".join(f"{count:,} x {answer}" for answer, count in answers.items())
            print(f"  {kind:18}{counts or 'no answer'}")
        for sentence in self.exceeded():
            print(f"! {sentence}")
        if self.others_cores > _OTHERS_TOLERANCE_CORES:
            print(f"! other programs kept {self.others_cores:.1f} CPUs busy: run it again")

    def as_json(self) -> str:
        """Return one line of JSON."""
        document = {"bench": "attackers", "setup": self.setup, **self.figures}
        return json.dumps({**document, "answers": self.answers})

    def exceeded(self) -> Sequence[str]:
        """Return a sentence for each limit that is exceeded."""
        figures = self.figures
        sentences = [f"a scrape is missed: {what}" for what in self.missed[:5]]
        sentences += [f"a request failed: {what}" for what in self.witness.failures[:5]]
        if figures["evaluation_lag_s"] > self.interval_s:
            lag_s = figures["evaluation_lag_s"]
            sentences.append(f"evaluation lags {lag_s:g} s, more than {self.interval_s:g} s")
        if figures["health_worst_ms"] > HEALTH_LIMIT_S * 1000:
            worst_ms = figures["health_worst_ms"]
            sentences.append(f"/health took {worst_ms:g} ms, more than {HEALTH_LIMIT_S:g} s")
        if figures["rss_peak_mb"] > self.memory_limit_mb:
            peak_mb, most_mb = figures["rss_peak_mb"], self.memory_limit_mb
            sentences.append(f"RSS peak is {peak_mb:g} MB, more than {most_mb:g} MB")
        return sentences


class AttackedServer(Redshank):
    """A server with limits of open files and memory, as systemd sets them.

    Attributes:
        memory_limit_mb: for `server.memory_limit`.
    """

    memory_limit_mb = 0

    def configure(self) -> None:
        document = json.loads(self.plan.redshank_configuration(self.rule_file))
        document["server"] = {"memory_limit": f"{self.memory_limit_mb}MB"}
        self.configuration.write_text(json.dumps(document))

    def command(self) -> list[str]:
        return ["sh", "-c", f'ulimit -n {_DESCRIPTORS} && exec "$@"', "sh", *super().command()]


class Watch:
    """Measures what other clients get."""

    def __init__(self, server: Redshank) -> None:
        self._server = server
        self._headers = server.headers()
        self.witness = AttackWitness()

    def ask_health(self) -> None:
        """Ask for the health over a new connection."""
        begun_s = time.perf_counter()
        try:
            fetch(self._server.url + "/health", timeout_s=_TIMEOUT_S)
        except OSError as exc:
            self.witness.failures.append(f"/health: {exc}")
        self.witness.health_s.append(time.perf_counter() - begun_s)
        self.witness.peak_bytes = max(self.witness.peak_bytes, self._server.usage().rss_bytes)

    def ask_rules(self) -> None:
        """Read when each group of rules was evaluated last."""
        url = f"{self._server.url}/api/v1/rules"
        try:
            groups = json.loads(fetch(url, headers=self._headers, timeout_s=_TIMEOUT_S))["data"]
        except OSError as exc:
            self.witness.failures.append(f"/api/v1/rules: {exc}")
            return
        self.witness.lag_s += [lag for group in groups["groups"] if (lag := lag_s(group)) > 0]


def lag_s(group: Mapping[str, object]) -> float:
    """Return by how much more than its interval ago a group was evaluated; 0 if never yet."""
    evaluated = datetime.fromisoformat(str(group["lastEvaluation"]))
    if evaluated.year == MINYEAR:
        return 0.0
    return time.time() - evaluated.timestamp() - float(str(group["interval"]))


def missed_scrapes(
    found: Sequence[Any], targets: Sequence[str], slots: int, interval_s: float
) -> list[str]:
    """Return the scrapes that failed or did not happen.

    Args:
        found: the series of `up` over the period, as in the API.
        targets: the instances.
        slots: how many scrapes of each are due.
        interval_s: the scrape interval.
    """
    samples = {one["metric"]["instance"]: one["values"] for one in found}
    missed = []
    for target in targets:
        points = [(float(at), value) for at, value in samples.get(target, ())]
        missed += [f"{target} was down at {at:.0f}" for at, value in points if float(value) != 1]
        missed += [
            f"{target} was not scraped for {after - before:.1f} s after {before:.0f}"
            for (before, _), (after, _) in pairwise(points)
            if after - before > _LONGEST_GAP_INTERVALS * interval_s
        ]
        if len(points) < slots:
            missed.append(f"{target} has {len(points)} of {slots} scrapes")
    return missed


def attackers(options: argparse.Namespace) -> AttackFindings:
    """Scrape a fleet beside attackers for some seconds."""
    recording = find_recording(options.recording)
    plan = FleetPlan(options.targets)
    counts = {
        kind: -(-share * options.attackers // 100)
        for kind, share in _SHARES.items()
        if not options.only or kind in options.only
    }
    with ExitStack() as stack:
        directory = stack.enter_context(work_directory(options.work_dir))
        fleet = stack.enter_context(TargetFleet(plan, recording, directory))
        server = AttackedServer(ScrapePlan(fleet.addresses(), options.interval), directory)
        server.memory_limit_mb = options.memory_limit_mb
        server.rule_file = directory / "rules.yml"
        server.rule_file.write_text(rule_file(options.interval))
        stack.enter_context(server)
        wait_until_all_scraped(fleet)
        tokens = add_users(server, [f"attacker-{n}" for n in range(_USERS)], "editor")
        watch = Watch(server)
        progress("warming up")
        time.sleep(options.warm_up / 2)
        with repeated(watch.ask_health, _HEALTH_EVERY_S):
            time.sleep(options.warm_up / 2)
        watch.witness.quiet_s, watch.witness.health_s = watch.witness.health_s, []
        progress(f"attackers: {counts}")
        clients = Attackers("attack", counts, server.listen, tokens, options.seconds, directory)
        busy_s, used_s = busy_cpu_s(), usage(os.getpid()).cpu_s
        begun_s = time.time()
        with (
            repeated(watch.ask_health, _HEALTH_EVERY_S),
            repeated(watch.ask_rules, _RULES_EVERY_S),
        ):
            clients.start()
            stack.callback(clients.kill)
            answers = clients.wait_seen()
        lasted_s = time.time() - begun_s
        own_s = usage(os.getpid()).cpu_s - used_s
        others_cores = max(0.0, busy_cpu_s() - busy_s - own_s) / lasted_s
        # The last scrapes may not be stored yet.
        slots = int((lasted_s - options.interval) // options.interval)
        found = server.ask(f'up{{job="node"}}[{lasted_s * 1000:.0f}ms]', begun_s + lasted_s)
        missed = missed_scrapes(found, server.plan.targets, slots, options.interval)
    setup = (
        f"{options.seconds:g} s of {sum(counts.values())} attackers beside"
        f" {options.targets} targets x {recording.series} series every {options.interval:g} s;"
        f" {os.cpu_count()} CPUs"
    )
    expected = slots * options.targets
    limit_mb = options.memory_limit_mb
    return AttackFindings(
        setup, options.interval, expected, missed, watch.witness, answers, limit_mb, others_cores
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure scrapes, evaluations and the latency of /health beside abusive clients."""
    parser = plain_parser("attackers", main.__doc__)
    add_recording_argument(parser)
    parser.add_argument("--targets", type=int, default=400)
    parser.add_argument("--attackers", type=int, default=100)
    parser.add_argument("--interval", type=float, default=15.0, metavar="SECONDS")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--warm-up", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--only", type=comma_separated, default=(), metavar="KIND,...")
    parser.add_argument("--memory-limit-mb", type=int, default=1000)
    options = parser.parse_args(arguments)
    if unknown := set(options.only) - _SHARES.keys():
        known = ", ".join(_SHARES)
        parser.error(f"no such kind: {', '.join(sorted(unknown))}; the kinds are {known}")
    run(attackers, options)


if __name__ == "__main__":
    main()
