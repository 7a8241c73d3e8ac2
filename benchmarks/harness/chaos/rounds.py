"""One round: faults begin and end, levels rise and fall, the server recovers."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.harness.chaos.arena import Arena, RaisedLevel
from benchmarks.harness.chaos.faults import Fault
from benchmarks.harness.chaos.watch import unwell

_FAULTS_EACH = (1, 1, 1, 2)
_RAISED_EACH = (4, 8)
_BROKEN_EACH = (1, 3)
# In intervals. The longest fault leaves HostDown time to fire.
_FAULT_LENGTH = (3.0, 9.0)
_FAULT_DELAY = (0.0, 1.0)
_LEVEL_LENGTH = (4.0, 7.0)
_RECOVERY = 12.0
_TICK_S = 0.05
_POLL_S = 0.5


def draw(arena: Arena, kinds: Sequence[type[Fault]]) -> list[type[Fault]]:
    """Draw the faults of a round."""
    count = min(arena.random.choice(_FAULTS_EACH), len(kinds))
    drawn: list[type[Fault]] = []
    for kind in arena.random.sample(list(kinds), len(kinds)):
        if len(drawn) == count:
            break
        if not (kind.holds_process and any(one.holds_process for one in drawn)):
            drawn.append(kind)
    return drawn


class TargetDeck:
    """Deals targets in random order; half of them are dealt before one is dealt again.

    A target that takes part twice in one round, or in two rounds in a row, would be
    raised while it is broken, or again before its alert has ended.
    """

    def __init__(self, targets: Sequence[int], chooser: random.Random) -> None:
        self._targets, self._random = list(targets), chooser
        self._left: list[int] = []
        self._recent: list[int] = []

    def deal(self, count: int) -> list[int]:
        """Return the next targets."""
        return [self._next() for _ in range(count)]

    def _next(self) -> int:
        if not self._left:
            self._left = self._random.sample(self._targets, len(self._targets))
            self._left.sort(key=self._recent.__contains__)
        target = self._left.pop(0)
        self._recent = [*self._recent, target][-(len(self._targets) // 2) :]
        return target


@dataclass(order=True, slots=True)
class Step:
    """Something to do at a time, seconds from the round's start."""

    at_s: float
    act: Callable[[], None] = field(compare=False)


class Round:
    """One round of faults and levels.

    Attributes:
        faults: those drawn.
    """

    def __init__(
        self,
        arena: Arena,
        deck: TargetDeck,
        kinds: Sequence[type[Fault]],
        check: Callable[[], None],
    ) -> None:
        """Draw what happens.

        Args:
            arena: what it happens to.
            deck: where its targets come from.
            kinds: the faults to draw from.
            check: called repeatedly while the round lasts.
        """
        self._arena, self._check = arena, check
        self._interval_s = arena.plan.timing.interval_ms / 1000
        self._levels: dict[int, RaisedLevel] = {}
        self._steps: list[Step] = []
        self.faults = [self._plan_fault(kind, deck) for kind in draw(arena, kinds)]
        for target in deck.deal(arena.random.randint(*_RAISED_EACH)):
            self._plan_level(target)

    def run(self) -> None:
        """Do every step at its time."""
        begun_s = time.monotonic()
        while self._steps:
            self._steps.sort()
            if time.monotonic() - begun_s < self._steps[0].at_s:
                time.sleep(_TICK_S)
                self._check()
            else:
                self._steps.pop(0).act()

    def recover(self) -> str:
        """Wait until all is well; return what is not."""
        deadline_s = time.monotonic() + _RECOVERY * self._interval_s
        while what := unwell(self._arena):
            self._check()
            if time.monotonic() > deadline_s:
                return what
            time.sleep(_POLL_S)
        return ""

    def _plan_fault(self, kind: type[Fault], deck: TargetDeck) -> Fault:
        chooser = self._arena.random
        length_s = chooser.uniform(*_FAULT_LENGTH) * self._interval_s
        fault = kind(self._arena, length_s, deck.deal(chooser.randint(*_BROKEN_EACH)))
        begin_s = chooser.uniform(*_FAULT_DELAY) * self._interval_s

        def begin() -> None:
            fault.begin()
            # The fault may have shortened itself.
            self._steps.append(Step(begin_s + fault.seconds, fault.end))

        self._steps.append(Step(begin_s, begin))
        return fault

    def _plan_level(self, target: int) -> None:
        chooser, interval_s = self._arena.random, self._interval_s
        begin_s = chooser.uniform(0, _FAULT_LENGTH[1] + _FAULT_DELAY[1]) * interval_s

        def begin() -> None:
            level = self._arena.raise_level(target)
            length_s = chooser.uniform(*_LEVEL_LENGTH) * interval_s
            self._steps.append(Step(begin_s + length_s, lambda: self._arena.lower_level(level)))

        self._steps.append(Step(begin_s, begin))
