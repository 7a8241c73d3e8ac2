"""A fleet of targets that replay recorded scrapes.

    ./run bench fleet --targets 400 --control 127.0.0.1:7999

serves `http://127.0.x.y:PORT/metrics`; each target starts at its own place in the
recording and gives the next scrape at each request. The control address answers
`GET /counts` (and `GET /`, the same) with what was served, `POST /rewind` starts all
over, `POST /mark` forgets the gaps measured so far.

Benchmarks use it through `Fleet`, which runs it in a process of its own.
"""

import argparse
import resource
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from benchmarks.harness.corpus import Recording, add_recording_argument, find_recording
from benchmarks.harness.replay import Replay, make_replay
from benchmarks.harness.targets import NOT_FOUND, TargetProcess, serve


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What a fleet serves.

    Attributes:
        targets: how many; they start evenly spread over the recording.
        churn_ratio: the share of each target's series that is replaced ...
        scrapes_per_generation: ... after so many of its scrapes, the targets in turn.
    """

    targets: int
    churn_ratio: float = 0.0
    scrapes_per_generation: int = 60

    @classmethod
    def churning(cls, targets: int, percent: float, interval_s: float) -> Self:
        """Return one that replaces a share of the series every minute."""
        return cls(targets, percent / 100, max(1, round(60 / interval_s)))


@dataclass(frozen=True, slots=True)
class FleetCounts:
    """What a fleet has served since its start or the last rewind.

    Attributes:
        responses, samples: of all targets.
        fewest_responses: of the target that was asked least.
        longest_gap_s: longest time between two responses of one target since the mark.
        cpu_s: the fleet's own CPU time.
        port: the targets' port.
    """

    responses: int
    samples: int
    fewest_responses: int
    longest_gap_s: float
    cpu_s: float
    port: int


class Target:
    """One target's place in the replay, and how it was asked."""

    def __init__(self, number: int, plan: FleetPlan, replay: Replay) -> None:
        self._number = number
        self._replay = replay
        self._offset = number * len(replay) // plan.targets
        # The targets' labels change one after the other, not all at once.
        self._ahead = number * plan.scrapes_per_generation // plan.targets
        self._scrapes_per_generation = plan.scrapes_per_generation
        self.rewind()

    def rewind(self) -> None:
        """Go back to where it started, counters at zero."""
        self.responses = self.samples = 0
        self._last_s: float | None = None
        self.mark()

    def mark(self) -> None:
        """Forget the gaps so far."""
        self.longest_gap_s = 0.0

    def answer(self, request_line: bytes, gzipped: bool) -> bytes:
        """Answer a request; with the next scrape, if it asks for that."""
        if not request_line.startswith(b"GET /metrics"):
            return NOT_FOUND
        now_s = time.monotonic()
        if self._last_s is not None:
            self.longest_gap_s = max(self.longest_gap_s, now_s - self._last_s)
        self._last_s = now_s
        generation = (self.responses + self._ahead) // self._scrapes_per_generation
        place = (self._offset + self.responses) % len(self._replay)
        response = self._replay.response(place, self._number, generation, gzipped)
        self.responses += 1
        self.samples += response.samples
        return response.content


def tell(targets: Sequence[Target], request_line: bytes) -> dict[str, float]:
    """Do what a benchmark asks for, and return what was served, as in `FleetCounts`."""
    if request_line.startswith(b"POST /rewind"):
        for target in targets:
            target.rewind()
    elif request_line.startswith(b"POST /mark"):
        for target in targets:
            target.mark()
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "responses": sum(target.responses for target in targets),
        "samples": sum(target.samples for target in targets),
        "fewest_responses": min(target.responses for target in targets),
        "longest_gap_s": max(target.longest_gap_s for target in targets),
        "cpu_s": spent.ru_utime + spent.ru_stime,
    }


class Fleet(TargetProcess):
    """A fleet in a process of its own, for the time of a `with` block."""

    def __init__(self, plan: FleetPlan, recording: Recording, log_directory: Path) -> None:
        self.plan = plan
        self.recording = recording
        options = ["--recording", str(recording.path), "--churn-ratio", str(plan.churn_ratio)]
        options += ["--scrapes-per-generation", str(plan.scrapes_per_generation)]
        super().__init__("fleet", plan.targets, log_directory, options)

    @property
    def series(self) -> int:
        """How many series all targets have at a time."""
        return self.plan.targets * self.recording.series

    def counts(self) -> FleetCounts:
        """Return what was served so far."""
        return FleetCounts(**self.ask("counts"))

    def rewind(self) -> None:
        """Start the replay and the counts from the beginning."""
        self.ask("rewind", b"")

    def mark(self) -> None:
        """Measure `longest_gap_s` from now on."""
        self.ask("mark", b"")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve a fleet of targets that replay recorded scrapes, on loopback."""
    parser = argparse.ArgumentParser(prog="bench fleet", description=main.__doc__)
    parser.add_argument("--targets", type=int, default=400)
    parser.add_argument("--control", default="127.0.0.1:7999", metavar="HOST:PORT")
    add_recording_argument(parser)
    parser.add_argument("--churn-ratio", type=float, default=0.0)
    parser.add_argument("--scrapes-per-generation", type=int, default=60)
    options = parser.parse_args(arguments)
    plan = FleetPlan(options.targets, options.churn_ratio, options.scrapes_per_generation)
    replay = make_replay(find_recording(options.recording), plan.churn_ratio)
    targets = [Target(number, plan, replay) for number in range(plan.targets)]
    with suppress(KeyboardInterrupt):
        serve([target.answer for target in targets], options.control, partial(tell, targets))


if __name__ == "__main__":
    main()
