"""Holds what a server has stored against what its targets served and what it acknowledged."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.harness.witnesses import SERIES, STAMPED, kind_of, scrape_of, value_of

# A scrape's timestamp is its slot's, a little before the target is asked; a timer may
# fire a little early.
_EARLY_MS = 20
_LATE_MS = 500

Points = Sequence[tuple[int, float]]
"""Samples of one series as the API gave them: Unix ms and value."""


@dataclass(frozen=True, slots=True)
class Life:
    """From a start of the server to its end by `kill -9`, Unix ms."""

    start_ms: int
    end_ms: int

    def __contains__(self, time_ms: int) -> bool:
        return self.start_ms <= time_ms <= self.end_ms


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        samples: compared.
        longest_loss_ms: how long before its kill the oldest scrape was served that a
            life lost.
        problems: what must not be, in words.
    """

    samples: int = 0
    longest_loss_ms: int = 0
    problems: list[str] = field(default_factory=list)


class Judge:
    """Compares one target's series.

    Args:
        target: its number.
        served_ms: when it served each scrape, by number.
        lives: those whose samples are looked for.
        allowed_loss_ms: how long before a kill a scrape may be lost.
    """

    def __init__(
        self,
        target: int,
        served_ms: Sequence[int],
        lives: Sequence[Life],
        allowed_loss_ms: int,
        verdict: Verdict,
    ) -> None:
        self._target, self._served_ms, self._lives = target, served_ms, lives
        self._allowed_loss_ms, self._verdict = allowed_loss_ms, verdict

    def compare(self, stored: Mapping[int, Points], up: Points) -> None:
        """Compare all of the target's series, by number, and its `up`."""
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
        """Note the scrapes that were served and are not stored.

        One that came too late or never whole is no loss: `up` is 0 then.
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
    verdict: Verdict,
) -> None:
    """Compare pushed samples, by their timestamps: what was acknowledged must be there."""
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
