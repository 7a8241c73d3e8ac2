"""A fleet of targets that replay recorded scrapes.

Each target starts at its own place in the recording and serves the next scrape at each
request. The control address answers `GET /counts` (or `GET /`) with `FleetCounts`;
`POST /rewind` starts from the beginning, `POST /mark` resets the longest gap.

Benchmarks start a `TargetFleet`, which runs `benchmarks/fleet.py` in its own process.
"""

import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.harness.load.replay import RecordingReplay
from benchmarks.harness.load.target_process import NOT_FOUND, TargetProcess
from benchmarks.harness.recordings.recording import Recording


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """How many targets a fleet has, and how their series change.

    Attributes:
        targets: how many; their starts are spread evenly over the recording.
        churn_ratio: the share of each target's series that is replaced at each new
            generation.
        scrapes_per_generation: how long a generation lasts. Targets change generation
            one after the other.
    """

    targets: int
    churn_ratio: float = 0.0
    scrapes_per_generation: int = 60

    @classmethod
    def churning(cls, targets: int, percent: float, interval_s: float) -> Self:
        """Return a plan that replaces a share of the series every minute."""
        return cls(targets, percent / 100, max(1, round(60 / interval_s)))


@dataclass(frozen=True, slots=True)
class FleetCounts:
    """What a fleet has served since its start or the last rewind.

    Attributes:
        responses, samples: totals of all targets.
        fewest_responses: the responses of the target with the fewest.
        longest_gap_s: the longest time between two responses of one target since the
            last mark.
        cpu_s: the fleet's own CPU time.
        port: the targets' port.
    """

    responses: int
    samples: int
    fewest_responses: int
    longest_gap_s: float
    cpu_s: float
    port: int


class ReplayingTarget:
    """One target: its place in the replay, and counts of what it served."""

    def __init__(self, number: int, plan: FleetPlan, replay: RecordingReplay) -> None:
        self._number = number
        self._replay = replay
        self._offset = number * len(replay) // plan.targets
        # The targets change generation one after the other, not all at once.
        self._ahead = number * plan.scrapes_per_generation // plan.targets
        self._scrapes_per_generation = plan.scrapes_per_generation
        self.rewind()

    def rewind(self) -> None:
        """Return to the start; reset all counts."""
        self.responses = self.samples = 0
        self._last_s: float | None = None
        self.mark()

    def mark(self) -> None:
        """Reset the longest gap."""
        self.longest_gap_s = 0.0

    def answer(self, request_line: bytes, gzipped: bool) -> bytes:
        """Answer a request: the next scrape for `/metrics`, else 404."""
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


def control(targets: Sequence[ReplayingTarget], request_line: bytes) -> dict[str, float]:
    """Rewind or mark if the request says so; return the fields of `FleetCounts`."""
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


class TargetFleet(TargetProcess):
    """A fleet in its own process while a `with` block runs."""

    def __init__(self, plan: FleetPlan, recording: Recording, log_directory: Path) -> None:
        self.plan = plan
        self.recording = recording
        options = ["--recording", str(recording.path), "--churn-ratio", str(plan.churn_ratio)]
        options += ["--scrapes-per-generation", str(plan.scrapes_per_generation)]
        super().__init__("benchmarks.fleet", plan.targets, log_directory, options)

    @property
    def series(self) -> int:
        """The number of active series of all targets."""
        return self.plan.targets * self.recording.series

    def counts(self) -> FleetCounts:
        """Return the counts so far."""
        return FleetCounts(**self.ask("counts"))

    def rewind(self) -> None:
        """Return to the start; reset all counts."""
        self.ask("rewind", b"")

    def mark(self) -> None:
        """Reset the longest gap."""
        self.ask("mark", b"")
