"""Waiting times between attempts that fail."""

import random

_FIRST_S = 1.0
# Up to a quarter is left out, so that the discoverers of many servers do not return to a
# recovering API at the same moment.
_JITTER = 0.25


class Backoff:
    """Waiting times that double with each failure, up to a limit."""

    def __init__(self, longest_s: float, first_s: float = _FIRST_S) -> None:
        """Prepare; no wait is longer than `longest_s`."""
        self._longest_s = longest_s
        self._first_s = min(first_s, longest_s)
        self._next_s = self._first_s

    def reset(self) -> None:
        """Start again with the shortest wait, after a success."""
        self._next_s = self._first_s

    def next_s(self) -> float:
        """Return how long to wait after another failure, in seconds."""
        wait_s = self._next_s
        self._next_s = min(2 * wait_s, self._longest_s)
        # Not for security: any spread will do.
        return wait_s * (1 - _JITTER * random.random())  # noqa: S311
