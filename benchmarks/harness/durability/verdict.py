"""Compares stored samples with what targets served and with acknowledged pushes."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.harness.durability.witnesses import SERIES, STAMPED, kind_of, scrape_of, value_of

# The timestamp of a scrape is that of its slot, shortly before the request; a timer may
# fire slightly early.
_EARLY_MS = 20
_LATE_MS = 500

Points = Sequence[tuple[int, float]]
"""Samples of one series: Unix milliseconds and value."""


@dataclass(frozen=True, slots=True)
class Life:
    """A run of the server from its start to its `kill -9`, Unix milliseconds."""

    start_ms: int
    end_ms: int

    def __contains__(self, time_ms: int) -> bool:
        return self.start_ms <= time_ms <= self.end_ms


@dataclass(slots=True)
class CrashVerdict:
    """The result of comparisons.

    Attributes:
        samples: how many were compared.
        longest_loss_ms: the longest time between a scrape that was lost and the kill.
        problems: descriptions of wrong, missing or invented samples.
    """

    samples: int = 0
    longest_loss_ms: int = 0
    problems: list[str] = field(default_factory=list)


class TargetComparison:
    """Compares the series of one target.

    Args:
        target: its number.
        served_ms: the time of each scrape, by number.
        lives: the runs of the server to compare.
        allowed_loss_ms: scrapes may be lost this long before a kill.
        verdict: takes the result.
    """

    def __init__(
        self,
        target: int,
        served_ms: Sequence[int],
        lives: Sequence[Life],
        allowed_loss_ms: int,
        verdict: CrashVerdict,
    ) -> None:
        self._target, self._served_ms, self._lives = target, served_ms, lives
        self._allowed_loss_ms, self._verdict = allowed_loss_ms, verdict

    def compare(self, stored: Mapping[int, Points], up: Points) -> None:
        """Compare all series of the target, by number, and its `up`."""
        self._verdict.samples += sum(map(len, stored.values())) + len(up)
        for series, points in stored.items():
            if any(after <= before for (before, _), (after, _) in pairwise(points)):
                self._problem(f"series {series}: timestamps do not ascend")
        leader = stored.get(0, ())
        scrapes = {time_ms: scrape_of(self._target, 0, value) for time_ms, value in leader}
        if len(set(scrapes.values())) != len(leader):
            self._problem("a scrape is stored twice")
        for time_ms, scrape in scrapes.items():
            if not 0 <= scrape < len(self._served_ms):
                self._problem(f"scrape {scrape} at {time_ms} was never served")
            elif not -_EARLY_MS <= self._served_ms[scrape] - time_ms <= _LATE_MS:
                self._problem(f"scrape {scrape} served {self._served_ms[scrape]} is at {time_ms}")
        failed = [time_ms for time_ms, value in up if value == 0]
        self._look_for_losses(set(scrapes.values()), failed)
        for series in range(SERIES):
            if kind_of(series) == STAMPED:
                self._compare_stamped(series, stored.get(series, ()), failed)
            else:
                self._compare_series(series, stored.get(series, ()), scrapes)

    def _compare_series(self, series: int, points: Points, scrapes: Mapping[int, int]) -> None:
        found = dict(points)
        for time_ms, scrape in scrapes.items():
            served = value_of(self._target, series, scrape)
            value = found.pop(time_ms, None)
            if not _same(served, value):
                self._problem(f"series {series} at {time_ms}: {value}, served was {served}")
        for time_ms, value in found.items():
            self._problem(f"series {series}: {value} at {time_ms}, when nothing was served")

    def _compare_stamped(self, series: int, points: Points, failed: Sequence[int]) -> None:
        held = set()
        for time_ms, value in points:
            scrape = scrape_of(self._target, series, value)
            held.add(scrape)
            if not 0 <= scrape < len(self._served_ms) or self._served_ms[scrape] != time_ms:
                self._problem(f"series {series}: {value} at {time_ms}, when it was not served")
        self._look_for_losses(held, failed)

    def _look_for_losses(self, held: set[int], failed: Iterable[int]) -> None:
        """Record the scrapes that were served and are not stored.

        A scrape that failed or timed out is no loss: its `up` is 0.
        """
        failed = list(failed)
        for scrape, served_ms in enumerate(self._served_ms):
            life = next(
                (one for one in self._lives if one.start_ms <= served_ms <= one.end_ms), None
            )
            if scrape in held or life is None:
                continue
            if any(-_EARLY_MS <= served_ms - time_ms <= _LATE_MS for time_ms in failed):
                continue
            loss_ms = life.end_ms - served_ms
            self._verdict.longest_loss_ms = max(self._verdict.longest_loss_ms, loss_ms)
            if loss_ms > self._allowed_loss_ms:
                self._problem(f"scrape {scrape}, served {loss_ms} ms before the kill, is lost")

    def _problem(self, what: str) -> None:
        self._verdict.problems.append(f"target {self._target}: {what}")


def compare_pushes(
    name: str,
    stored: Points,
    sent: Mapping[int, float],
    acknowledged: Mapping[int, float],
    verdict: CrashVerdict,
) -> None:
    """Compare pushed samples by timestamp; all acknowledged ones must be stored."""
    verdict.samples += len(stored)
    found = defaultdict[int, list[float]](list)
    for time_ms, value in stored:
        found[time_ms].append(value)
    for time_ms, values in found.items():
        if len(values) > 1:
            verdict.problems.append(f"{name}: {len(values)} samples at {time_ms}")
        if sent.get(time_ms) != values[0]:
            verdict.problems.append(f"{name}: {values[0]} at {time_ms}, which was never sent")
    for time_ms in acknowledged.keys() - found.keys():
        verdict.problems.append(f"{name}: acknowledged push {acknowledged[time_ms]} is lost")


def _same(served: float | None, stored: float | None) -> bool:
    if served is None or stored is None:
        return served is stored
    return served == stored or (math.isnan(served) and math.isnan(stored))
