"""A rate limit."""


class Rate:
    """A bucket that empties evenly: amounts are taken while it is not full.

    The last amount may overfill it, so that a large request is not refused forever.

    Args:
        per_second: how much the bucket loses in a second.
        burst: the level from which on the bucket is full.
    """

    __slots__ = ("_burst", "_level", "_per_second", "_time_ms")

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._level, self._time_ms = 0.0, 0

    def wait_s(self, now_ms: int) -> float:
        """Return the time until an amount can be taken, 0 if it can now."""
        self._empty(now_ms)
        return max(0.0, (self._level - self._burst) / self._per_second)

    def take(self, amount: float, now_ms: int) -> None:
        """Put an amount into the bucket, full or not."""
        self._empty(now_ms)
        self._level += amount

    def _empty(self, now_ms: int) -> None:
        # A clock that was set back empties nothing, and is followed.
        passed_s = max(0, now_ms - self._time_ms) / 1000
        self._level = max(0.0, self._level - passed_s * self._per_second)
        self._time_ms = now_ms
