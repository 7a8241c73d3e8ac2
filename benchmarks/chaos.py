"""Injects faults into a server and judges its alerts: `./run bench chaos --minutes 60 --check`.

The server scrapes a fleet, evaluates rules and host checks, sends webhooks, and takes
pushes and changes of records. In each round one or two faults happen, drawn at random
with a seed: a full, read-only or slow disk, a wrong clock, no descriptors, dead name
servers, hanging receivers, `kill -9`, SIGSTOP, cut or broken targets, abusive clients.
Meanwhile targets raise their levels. Every alert that must fire has to arrive within two
intervals of when the server could know of it, once at each receiver, and no other. At the
end every acknowledged push and record must be there.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness.attacks.accounts import add_users
from benchmarks.harness.chaos.arena import Arena, ArenaPlan, arena
from benchmarks.harness.chaos.clock import now_ms
from benchmarks.harness.chaos.faults import FAULTS, Fault
from benchmarks.harness.chaos.findings import ChaosFindings, RoundFindings
from benchmarks.harness.chaos.judge import JUDGED, Defect, Timing, judge
from benchmarks.harness.chaos.namespaces import Namespaces
from benchmarks.harness.chaos.records import RecordWriter
from benchmarks.harness.chaos.rounds import Round, TargetDeck
from benchmarks.harness.chaos.watch import Observer, unwell
from benchmarks.harness.durability import pushes
from benchmarks.harness.durability.verdict import CrashVerdict, compare_pushes
from benchmarks.harness.load.repetition import repeated
from benchmarks.harness.processes import BenchmarkError, wait_until, work_directory
from benchmarks.harness.reporting.command import comma_separated, plain_parser, progress, run

_TIMEOUT_SHARE = 0.8
_DOWN_FOR_INTERVALS = 2
_LOOK_EVERY_S = 0.5
_WRITE_EVERY_S = 0.1
_PUSH_EVERY_S = 0.05
_START_S = 60.0
_OWN_ALERTS_S = 420.0
_ATTACKERS = 8
_MEGABYTE = 1_000_000


class ChaosTest:
    """Runs rounds and collects what they show."""

    def __init__(self, world: Arena, findings: ChaosFindings, logs: Path) -> None:
        self._arena, self.findings, self._logs = world, findings, logs
        self._observer = Observer(world)
        self._records = RecordWriter(world.server)
        self._deck = TargetDeck(world.addressed_targets(), world.random)
        self._known: set[str] = set()
        self._pushes: list[pushes.Push] = []
        self._died: list[str] = []

    def run(self, minutes: float, kinds: Sequence[type[Fault]]) -> None:
        """Run rounds until the time is over; then look for losses."""
        server = self._arena.server
        tokens = add_users(server, [f"attacker-{n}" for n in range(_ATTACKERS)], "editor")
        self._arena.tokens += tokens
        self._pushes = pushes.available(server.url, server.headers(), progress)
        if not wait_until(lambda: not unwell(self._arena), _START_S):
            raise server.error(f"is not well before the first fault: {unwell(self._arena)}")
        with ExitStack() as stack:
            stack.enter_context(repeated(self._observer.look, _LOOK_EVERY_S))
            stack.enter_context(repeated(self._records.write, _WRITE_EVERY_S))
            for push in self._pushes:
                stack.enter_context(repeated(self._pusher(push), _PUSH_EVERY_S))
            self._observer.take_states()
            self._observer.take_peak()
            end_s = time.monotonic() + minutes * 60
            while time.monotonic() < end_s and self._round(kinds):
                pass
            self._end()
        self._look_for_losses()

    def register(self) -> None:
        """Register hosts whose records the run changes."""
        self._records.register(self._arena.registered)

    def _pusher(self, push: pushes.Push):  # type: ignore[no-untyped-def]
        server = self._arena.server
        return lambda: push.send(server.url, server.headers())

    def _round(self, kinds: Sequence[type[Fault]]) -> bool:
        """Run one round; return whether the server can go on."""
        server, begun_s = self._arena.server, time.monotonic()
        log_before, goes_on = len(server.log()), True
        one = Round(self._arena, self._deck, kinds, self._revive)
        keys = [fault.key for fault in one.faults]
        found = RoundFindings(len(self.findings.rounds) + 1, dict.fromkeys(keys, ""))
        progress(f"round {found.number}: {', '.join(keys)}")
        self.findings.rounds.append(found)
        try:
            one.run()
            ended_s = time.monotonic()
            if what := one.recover():
                found.problems.append(("unrecovered", what))
            found.recovery_s = time.monotonic() - ended_s
        except BenchmarkError as exc:
            found.problems.append(("unrecovered", str(exc)))
            goes_on = False
        found.problems += [("unrecovered", text) for text in self._died]
        self._died.clear()
        found.faults = {fault.key: fault.detail for fault in one.faults}
        found.rss_mb = self._observer.take_peak() / _MEGABYTE
        found.seen = self._observer.take_states() + self._own_alerts(begun_s)
        self._judge(found)
        found.seconds = time.monotonic() - begun_s
        self._measure()
        if found.problems:
            self._keep_log(found, log_before)
        latency = f"due {found.due}, slowest {found.slowest_s:.1f} s"
        state = "; ".join(f"{kind}: {text}" for kind, text in found.problems) or "ok"
        progress(f"  {found.seconds:.0f} s, {latency}: {state}")
        return goes_on

    def _end(self) -> None:
        """Wait until the server's alerts about itself are over, too."""
        if not wait_until(lambda: not unwell(self._arena, own_alerts=True), _OWN_ALERTS_S):
            what = unwell(self._arena, own_alerts=True)
            self.findings.rounds[-1].problems.append(("unrecovered", f"at the end: {what}"))

    def _revive(self) -> None:
        """Start a server that has ended by itself, as systemd would."""
        server = self._arena.server
        if not server.awake() or server.awake()[-1].end_ms < now_ms() or not server.ended():
            return
        self._died.append(f"the server ended by itself: {server.log()[-500:]}")
        server.kill()
        server.start()
        server.wait_ready()

    def _judge(self, found: RoundFindings) -> None:
        """Judge all alerts so far; what was not known before belongs to this round."""
        world, before = self._arena, self.findings.verdict
        verdict = judge(
            world.episodes(),
            list(world.receivers.arrivals),
            world.receiver_faults(),
            world.server.awake(),
            world.plan.timing,
            now_ms(),
        )
        for kind, problems in (("missed", verdict.missed), ("false", verdict.false)):
            self._add(found, kind, problems)
        found.due = verdict.due - before.due
        added = verdict.latencies_ms.keys() - before.latencies_ms.keys()
        found.slowest_s = max((verdict.latencies_ms[one] for one in added), default=0) / 1000
        self.findings.verdict = verdict

    def _add(self, found: RoundFindings, kind: str, problems: Sequence[Defect]) -> None:
        for problem in problems:
            if problem.text not in self._known:
                self._known.add(problem.text)
                found.problems.append((kind, problem.text))

    def _own_alerts(self, begun_s: float) -> list[str]:
        """Return the alerts of the round that the server sent about itself."""
        begun_ms = now_ms() - (time.monotonic() - begun_s) * 1000
        arrivals = self._arena.receivers.arrivals
        return sorted(
            {
                f"alert {one.alert}"
                for one in list(arrivals)
                if one.firing and one.alert not in JUDGED and one.arrived_ms >= begun_ms
            }
        )

    def _measure(self) -> None:
        self.findings.pushes = sum(len(push.acknowledged) for push in self._pushes)
        self.findings.records = self._records.acknowledged

    def _keep_log(self, found: RoundFindings, log_before: int) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        path = self._logs / f"round-{found.number:03}.log"
        path.write_text(self._arena.server.log()[log_before:])
        found.log = str(path)

    def _look_for_losses(self) -> None:
        """Compare what was acknowledged with what is there, also after a last `kill -9`."""
        server = self._arena.server
        found = self.findings.rounds[-1]
        try:
            server.kill()
            server.start()
            server.wait_ready()
            self._compare(found)
        except (BenchmarkError, OSError) as exc:
            found.problems.append(("lost", f"the server does not answer at the end: {exc}"))
        self._measure()

    def _compare(self, found: RoundFindings) -> None:
        verdict = CrashVerdict()
        for push in self._pushes:
            # The start of a range is not part of it.
            span_ms = now_ms() - min(push.sent) + 61_000
            answer = self._arena.server.ask(f"{push.metric}[{span_ms}ms]", now_ms() / 1000 + 60)
            stored = [
                (round(time_s * 1000), float(value))
                for series in answer
                for time_s, value in series["values"]
            ]
            compare_pushes(push.path, stored, push.sent, push.acknowledged, verdict)
        problems = [Defect(now_ms(), text) for text in verdict.problems]
        self._add(found, "lost", [*problems, *self._records.lost()])


def chaos(options: argparse.Namespace) -> ChaosFindings:
    """Run rounds of faults for some minutes."""
    namespaces = Namespaces()
    namespaces.enter()
    interval_ms = round(options.interval * 1000)
    timeout_ms = round(interval_ms * _TIMEOUT_SHARE)
    timing = Timing(interval_ms, timeout_ms, _DOWN_FOR_INTERVALS * interval_ms, interval_ms)
    plan = ArenaPlan(
        options.targets,
        timing,
        options.descriptors,
        options.memory_limit_mb,
        options.disk_mb * _MEGABYTE,
    )
    logs = options.logs or Path(tempfile.gettempdir()) / "redshank-chaos"
    shutil.rmtree(logs, ignore_errors=True)
    kinds = [
        one
        for one in FAULTS
        if (not options.only or one.key in options.only) and one.key not in options.without
    ]
    with (
        work_directory(options.work_dir) as directory,
        arena(plan, options.seed, directory, namespaces) as world,
    ):
        left_out = {one.key: reason for one in kinds if (reason := one.left_out(world))}
        setup = (
            f"{options.minutes:g} min, seed {options.seed}; {options.targets} targets every"
            f" {options.interval:g} s"
        )
        findings = ChaosFindings(setup, left_out, options.memory_limit_mb)
        test = ChaosTest(world, findings, logs)
        test.register()
        test.run(options.minutes, [one for one in kinds if one.key not in left_out])
    return findings


def main(arguments: Sequence[str] | None = None) -> None:
    """Inject faults for some minutes; report alerts that are missing or false, and losses."""
    parser = plain_parser("chaos", main.__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--targets", type=int, default=50)
    parser.add_argument("--interval", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=comma_separated, default=(), metavar="FAULT,...")
    parser.add_argument("--without", type=comma_separated, default=(), metavar="FAULT,...")
    parser.add_argument("--memory-limit-mb", type=int, default=1000)
    parser.add_argument("--descriptors", type=int, default=512)
    parser.add_argument("--disk-mb", type=int, default=256)
    parser.add_argument("--logs", type=Path, help="where logs of failed rounds are kept")
    options = parser.parse_args(arguments)
    if unknown := {*options.only, *options.without} - {one.key for one in FAULTS}:
        known = ", ".join(one.key for one in FAULTS)
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; the faults are {known}")
    run(chaos, options)


if __name__ == "__main__":
    main()
