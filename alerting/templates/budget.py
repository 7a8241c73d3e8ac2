"""The limits of one expansion of a template: steps, text and time.

A step is about a microsecond: a node of the syntax tree, or some hundred characters that a
regular expression reads.
"""

import re
import time
from dataclasses import dataclass, field

from alerting.templates.values.values import FunctionError, LimitExceededError, text_too_long
from model.limits import LimitName

MAX_DEPTH = 120
"""Lists of nodes, parentheses and templates inside each other."""

_STEPS_BETWEEN_LOOKS = 4096
_MAX_PATTERN_CHARS = 4096
_QUICK_PATTERN_CHARS = 256
_LARGE_REPETITION = re.compile(r"\{\d{2}")


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of an expansion.

    Attributes:
        steps: evaluated nodes, rounds of loops and work of functions.
        chars: of the text, and of all texts that functions return together.
        seconds: of wall-clock time.
    """

    steps: int
    chars: int
    seconds: float

    def start(self) -> "Budget":
        """Return the budget of an expansion that begins now."""
        return Budget(self)


ON_LOOP = Allowance(steps=2_000, chars=64_000, seconds=0.02)
"""What a template may use on the event loop; one that needs more goes to a thread."""

IN_THREAD = Allowance(steps=500_000, chars=4_000_000, seconds=5.0)


@dataclass(slots=True)
class Budget:
    """The unused rest of an allowance."""

    allowance: Allowance
    depth: int = 0
    _steps: int = 0
    _chars: int = 0
    _look_at: int = _STEPS_BETWEEN_LOOKS
    _ends_s: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin the expansion again; the steps and texts so far stay spent."""
        self.depth = 0
        self._ends_s = time.monotonic() + self.allowance.seconds

    @property
    def chars_left(self) -> int:
        """How long the next text may be."""
        return self.allowance.chars - self._chars

    def spend(self, steps: int) -> None:
        """Count steps.

        Raises:
            LimitExceededError: there are too many, or the time is over.
        """
        self._steps += steps
        if self._steps > self.allowance.steps:
            raise LimitExceededError(LimitName.TEMPLATE_STEPS, "the template takes too many steps")
        if self._steps > self._look_at:
            self._look_at = self._steps + _STEPS_BETWEEN_LOOKS
            if time.monotonic() > self._ends_s:
                raise LimitExceededError(LimitName.TEMPLATE_TIME, "the template takes too long")

    def spend_chars(self, chars: int) -> None:
        """Count characters of texts.

        Raises:
            LimitExceededError: there are too many.
        """
        self._chars += chars
        if self._chars > self.allowance.chars:
            raise text_too_long()


def steps_of_pattern(pattern: str, text: str) -> int:
    """Return the steps of matching a regular expression, which RE2 does in linear time.

    Raises:
        FunctionError: the expression is too long.
    """
    if len(pattern) > _MAX_PATTERN_CHARS:
        raise FunctionError("the regular expression is too long")
    # Compiling takes milliseconds for long patterns and for large repetitions.
    is_slow = len(pattern) > _QUICK_PATTERN_CHARS or _LARGE_REPETITION.search(pattern) is not None
    # 1 us for some hundred characters, more for long patterns with many states.
    return 1 + (len(text) + 20) * (len(pattern) + 50) // 5000 + (ON_LOOP.steps if is_slow else 0)
