"""Kills a server at random moments and checks what it stored: `./run bench crash`.

The server scrapes targets that record what they served, and receives pushed samples, product
events, tracked requests and OTLP deltas. It is killed with SIGKILL while it starts, at a random
time, or while it writes chunks, and is started again. Everything that it then has is compared
with what was served and what it acknowledged; the totals of deltas must be their exact sums.
Chunks and windows are small, so that it often seals and merges.
"""

import argparse
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank, redshank_command
from benchmarks.harness.durability import pushes
from benchmarks.harness.durability.delta_stream import DeltaStream
from benchmarks.harness.durability.event_traffic import EventTraffic
from benchmarks.harness.durability.verdict import (
    CrashVerdict,
    Life,
    Points,
    TargetComparison,
    compare_pushes,
)
from benchmarks.harness.durability.witnesses import Witnesses
from benchmarks.harness.processes import wait_until, work_directory
from benchmarks.harness.reporting.command import plain_parser, progress, run
from storage.events.files import copy_event_store

INTERVAL_S = 0.2
ALLOWED_LOSS_MS = 1000

# The default, and two with frequent commits.
_COMMIT_INTERVALS = ("1s", "100ms", "10ms")
_STORAGE = {"chunk_vectors": 8, "chunk_age": "10s", "window": "1m"}
_MOMENTS = ("any", "any", "writing", "writing", "starting")
_LONGEST_LIFE_S = 6.0
_LONGEST_START_S = 1.5
_WRITING_TIMEOUT_S = 8.0
_AFTER_WRITING_S = 0.03
_POLL_S = 0.001
# Each comparison looks at least so far back; the last one compares everything.
_LOOK_BACK_MS = 120_000
_HARMLESS = frozenset({"scrape_failed"})


class CrashedServer(Redshank):
    """A server whose store seals and merges often.

    Attributes:
        commit_interval: for the next start.
    """

    commit_interval = _COMMIT_INTERVALS[0]

    def configure(self) -> None:
        every = f"{round(self.plan.interval_s * 1000)}ms"
        job = {"name": "witness", "targets": list(self.plan.targets)}
        document = {
            "scrape": {"interval": every, "timeout": every, "jobs": [job]},
            "storage": {**_STORAGE, "commit_interval": self.commit_interval},
        }
        self.configuration.write_text(json.dumps(document))

    def points(self, selector: str, start_ms: int, end_ms: int) -> dict[tuple[str, str], Points]:
        """Return samples in a range by metric name and label `n`."""
        found = self.ask(f"{selector}[{end_ms - start_ms}ms]", end_ms / 1000)
        return {
            (series["metric"]["__name__"], series["metric"].get("n", "")): [
                (round(time_s * 1000), float(value)) for time_s, value in series["values"]
            ]
            for series in found
        }


@dataclass(slots=True)
class CrashFindings:
    """The result of all rounds."""

    rounds: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    scrapes: int = 0
    acknowledged: int = 0
    events: int = 0
    requests: int = 0
    deltas: int = 0
    repeated_deltas: int = 0
    verdict: CrashVerdict = field(default_factory=CrashVerdict)

    def print(self) -> None:
        """Print the result."""
        kills = ", ".join(f"{count} {moment}" for moment, count in sorted(self.moments.items()))
        print(f"crash: {self.rounds} rounds of kill -9 ({kills})")
        print(f"  scrapes served            {self.scrapes:,}")
        print(f"  pushes acknowledged       {self.acknowledged:,}")
        print(f"  events acknowledged       {self.events:,}")
        print(f"  requests acknowledged     {self.requests:,}")
        print(
            f"  deltas acknowledged       {self.deltas:,}, {self.repeated_deltas:,} of them twice"
        )
        print(f"  samples compared          {self.verdict.samples:,}")
        print(f"  oldest scrape lost        {self.verdict.longest_loss_ms} ms before its kill")
        print(f"  problems                  {len(self.verdict.problems) or 'none'}")
        for problem in self.verdict.problems[:20]:
            print(f"! {problem}")

    def as_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(
            {
                "bench": "crash",
                "rounds": self.rounds,
                "moments": self.moments,
                "scrapes": self.scrapes,
                "acknowledged_pushes": self.acknowledged,
                "acknowledged_events": self.events,
                "acknowledged_requests": self.requests,
                "acknowledged_deltas": self.deltas,
                "repeated_deltas": self.repeated_deltas,
                "samples": self.verdict.samples,
                "longest_loss_ms": self.verdict.longest_loss_ms,
                "problems": self.verdict.problems,
            }
        )

    def exceeded(self) -> Sequence[str]:
        """Return the problems."""
        return self.verdict.problems


class CrashTest:
    """Kills and compares, round by round."""

    def __init__(
        self, witnesses: Witnesses, directory: Path, seed: int, longest_life_s: float
    ) -> None:
        self._witnesses, self._directory = witnesses, directory
        self._look_back_ms = max(_LOOK_BACK_MS, round(1000 * longest_life_s))
        self._longest_life_s, self._deltas = longest_life_s, DeltaStream(seed)
        self._random = random.Random(seed)
        self._server = CrashedServer(ScrapePlan(witnesses.addresses(), INTERVAL_S), directory)
        self._lives: list[Life] = []
        self._pushes: list[pushes.Push] | None = None
        self._traffic: EventTraffic | None = None
        self._read_log_bytes = 0
        self.findings = CrashFindings()

    def run(self, rounds: int) -> None:
        """Run the rounds; compare everything at the end."""
        try:
            for number in range(rounds):
                self._round(number)
                problems = len(self.findings.verdict.problems)
                loss_ms = self.findings.verdict.longest_loss_ms
                progress(f"round {number + 1}: longest loss {loss_ms} ms, {problems} problems")
            with self._server:
                first_ms = self._lives[0].start_ms
                self.findings.verdict.samples = 0
                self._compare(self._lives, first_ms)
                self._verify("beside the running server")
                self._compare_deltas()
            self._compare_events()
            self._read_log()
        finally:
            self._server.kill()

    def _round(self, number: int) -> None:
        moment = self._random.choice(_MOMENTS) if number else "any"
        self._server.commit_interval = self._random.choice(_COMMIT_INTERVALS)
        start_ms = _now_ms()
        self._server.start()
        if moment == "starting":
            time.sleep(self._random.uniform(0, _LONGEST_START_S))
            end_ms = self._kill()
        else:
            self._server.wait_ready()
            if self._lives:
                self._compare(self._lives[-3:], self._lives[-1].end_ms - self._look_back_ms)
            headers = self._server.headers()
            if self._pushes is None:
                self._pushes = pushes.available(self._server.url, headers, progress)
            if self._traffic is None:
                self._traffic = EventTraffic.created(self._server.url, headers)
            with (
                pushes.pushing(self._pushes, self._server.url, headers),
                self._traffic.sending(self._server.url),
                self._deltas.sending(self._server.url, headers),
            ):
                self._wait_for(moment)
                end_ms = self._kill()
        self._lives.append(Life(start_ms, end_ms))
        self.findings.rounds += 1
        self.findings.moments[moment] += 1
        if number % 2:
            # In every other round the server, not `verify`, opens the directory first.
            self._verify("after the kill")
        self._read_log()

    def _wait_for(self, moment: str) -> None:
        if moment == "any":
            time.sleep(self._random.uniform(0.1, self._longest_life_s))
            return
        before = self._windows_written()
        wait_until(lambda: self._windows_written() != before, _WRITING_TIMEOUT_S, _POLL_S)
        time.sleep(self._random.uniform(0, _AFTER_WRITING_S))

    def _windows_written(self) -> dict[str, int]:
        logs = (self._server.data_directory / "samples").glob("*.db-wal")
        written = {}
        for log in logs:
            try:
                written[log.name] = log.stat().st_mtime_ns
            except FileNotFoundError:
                continue
        return written

    def _kill(self) -> int:
        now_ms = _now_ms()
        self._server.kill()
        return now_ms

    def _compare(self, lives: Sequence[Life], from_ms: int) -> None:
        verdict, until_ms = self.findings.verdict, self._lives[-1].end_ms
        served = self._witnesses.served()
        for number, served_ms in enumerate(served):
            address = self._server.plan.targets[number]
            # The first vector in the range may be from a scrape that was served before it.
            found = self._server.points(f'{{instance="{address}"}}', from_ms, until_ms)
            stored = {int(n): points for (_, n), points in found.items() if n}
            comparison = TargetComparison(
                number,
                served_ms,
                [life for life in lives if life.start_ms >= from_ms],
                ALLOWED_LOSS_MS,
                verdict,
            )
            comparison.compare(stored, found.get(("up", ""), []))
        self.findings.scrapes = sum(map(len, served))
        for push in self._pushes or ():
            points = self._server.points(push.metric, self._lives[0].start_ms, _now_ms() + 60_000)
            (stored_push,) = points.values() if points else ([],)
            compare_pushes(push.path, stored_push, push.sent, push.acknowledged, verdict)
        self.findings.acknowledged = sum(len(push.acknowledged) for push in self._pushes or ())

    def _compare_deltas(self) -> None:
        deltas, findings = self._deltas, self.findings
        deltas.finish(self._server.url, self._server.headers())
        found = deltas.problems(lambda query: self._server.ask(query, _now_ms() / 1000))
        findings.verdict.problems += found
        findings.deltas, findings.repeated_deltas = deltas.acknowledged, deltas.repeated

    def _compare_events(self) -> None:
        if self._traffic is None:
            return
        # A copy, because the last server was killed too: its log is part of the store.
        copy = self._directory / "events-copy.duckdb"
        if not copy_event_store(self._server.data_directory / "events.duckdb", copy):
            self.findings.verdict.problems.append("there is no event store")
            return
        self.findings.verdict.problems += self._traffic.problems(copy)
        self.findings.events = len(self._traffic.events.acknowledged)
        self.findings.requests = len(self._traffic.requests.acknowledged)

    def _verify(self, when: str) -> None:
        directory = str(self._server.data_directory)
        command = redshank_command("store", "verify", "--data-dir", directory)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            output = (done.stdout + done.stderr).strip()
            self.findings.verdict.problems.append(f"store verify {when}: {output}")

    def _read_log(self) -> None:
        log = self._server.log()
        for line in log[self._read_log_bytes :].splitlines():
            if line[:1] != "{":
                if line.startswith(("Traceback", "Error")):
                    self.findings.verdict.problems.append(f"log: {line}")
                continue
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # cut off by the kill
            if entry["level"] not in ("info", "debug") and entry["event"] not in _HARMLESS:
                self.findings.verdict.problems.append(f"log: {line}")
        self._read_log_bytes = len(log)


def crash(
    rounds: int,
    targets: int,
    seed: int,
    directory: Path,
    longest_life_s: float = _LONGEST_LIFE_S,
) -> CrashFindings:
    """Kill a server in each of some rounds; return the result."""
    with Witnesses(targets, directory) as witnesses:
        test = CrashTest(witnesses, directory, seed, longest_life_s)
        test.run(rounds)
    return test.findings


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _measure(options: argparse.Namespace) -> CrashFindings:
    with work_directory(options.work_dir) as directory:
        return crash(options.rounds, options.targets, options.seed, directory, options.longest_life)


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill a server under load repeatedly; compare what it stored with what was served."""
    parser = plain_parser("crash", main.__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--targets", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--longest-life", type=float, default=_LONGEST_LIFE_S, help="seconds up to a kill"
    )
    run(_measure, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
