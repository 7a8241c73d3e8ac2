"""Pauses between attempts while the server is away."""

import random
from typing import Final

_FIRST_S: Final = 0.5
_LONGEST_REQUESTED_S: Final = 600.0


class RetryPauses:
    """Pauses that double up to a longest one, each shortened at random by up to half.

    Without chance, the workers of an application would all come back at once.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._pause_s = _FIRST_S
        # Own state: a program that seeds `random` gets the numbers that it expects.
        self._random = random.Random()  # noqa: S311

    def reset(self) -> None:
        """Begin with the shortest pause again."""
        self._pause_s = _FIRST_S

    def next_s(self, requested_s: float = 0.0) -> float:
        """Return the next pause.

        Args:
            requested_s: the server's `Retry-After`, 0 for none.
        """
        pause_s = min(self._pause_s, self._longest_s)
        self._pause_s = min(pause_s * 2, self._longest_s)
        shortened_s = pause_s * (0.5 + self._random.random() / 2)
        return max(shortened_s, min(requested_s, _LONGEST_REQUESTED_S))
