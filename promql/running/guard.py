"""What bounds one query: its time, its memory, and whether anybody still waits for it."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from promql.api import QueryCanceledError, QueryTimeoutError, TooManySamplesError

if TYPE_CHECKING:
    from promql.running.evaluation_lock import TimeSlice


class Guard:
    """Stops a query that was cancelled, takes too long or holds too many samples.

    Evaluation calls `check` between nodes and between blocks of big kernels; the
    store calls `spend` before each chunk it decodes (`storage.api.samples.ReadBudget`).

    Attributes:
        samples: how many samples were read from the store so far.
        spent: how many samples the store said it would decode so far.
        held: how many samples memory holds now.
        peak: the most samples that memory held at once so far.
        monotonic: the clock given, seconds.
        started: when it was made, by that clock.
        max_samples: how many may be held, beside those that are kept.
        turn: passed on to other queries now and then; None where nobody takes turns.
    """

    def __init__(self, timeout_s: float, max_samples: int, monotonic: Callable[[], float]) -> None:
        self.monotonic = monotonic
        self.started = monotonic()
        self._deadline = self.started + timeout_s
        self.max_samples = max_samples
        self._is_cancelled = False
        self.held = 0
        self._kept = 0
        self.samples = 0
        self.spent = 0
        self.peak = 0
        self.turn: TimeSlice | None = None

    @property
    def remaining_s(self) -> float:
        """Seconds until the time-out, negative behind it."""
        return self._deadline - self.monotonic()

    def cancel(self) -> None:
        """Make the next `check` raise; may be called from any thread."""
        self._is_cancelled = True

    def check(self, place: str = "expression evaluation") -> None:
        """Raise if the query should end.

        Raises:
            QueryCanceledError: `cancel` was called.
            QueryTimeoutError: the time is up.
        """
        if self._is_cancelled:
            raise QueryCanceledError(f"query was canceled in {place}")
        if self.monotonic() > self._deadline:
            raise QueryTimeoutError(f"query timed out in {place}")
        if self.turn is not None:
            self.turn.pass_on()

    def spend(self, samples: int) -> None:
        """Count samples about to be decoded.

        Raises:
            TooManySamplesError: memory would hold more than the limit.
            QueryCanceledError, QueryTimeoutError: as `check`.
        """
        self.check()
        self.spent += samples
        self.hold(samples)

    def expect_wait(self) -> None:
        """See `storage.api.samples.ReadBudget.expect_wait`."""
        self.check()

    def hold(self, samples: int) -> None:
        """Count samples that memory now holds, until the enclosing `scope` ends.

        Raises:
            TooManySamplesError: they are more than the limit.
        """
        self.held += samples
        self.peak = max(self.peak, self.held + self._kept)
        if self.held > self.max_samples:
            raise TooManySamplesError(
                "query processing would load too many samples into memory in query execution"
            )

    def keep(self, samples: int) -> None:
        """Count samples that memory now holds until the query ends.

        Raises:
            TooManySamplesError: they are more than the limit.
        """
        self.max_samples -= samples
        self._kept += samples
        self.hold(0)

    def scope(self) -> "MemoryScope":
        """Return what releases at its end whatever was held inside; for a `with` block."""
        return MemoryScope(self)

    def promptly(self, samples: int, longest_s: float) -> "EventLoopGuard":
        """Return a guard for a try that must not wait, with the same limits otherwise."""
        return EventLoopGuard(self, samples, longest_s)


class MemoryScope:
    """Part of an evaluation; a generator would cost it more than what it does."""

    __slots__ = ("_before", "_guard")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._before = guard.held

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release what was held since."""
        self._guard.held = self._before


class TooSlowForLoopError(Exception):
    """A try that must not wait would have to."""


class EventLoopGuard(Guard):
    """Stops what was expected to be quick, as soon as it is not.

    Args:
        guard: the query's.
        samples: how many may be decoded.
        longest_s: how long it may take.
    """

    def __init__(self, guard: Guard, samples: int, longest_s: float) -> None:
        super().__init__(guard.remaining_s, guard.max_samples, guard.monotonic)
        self.started = guard.started
        self._most_spent = samples
        self._stop_at = guard.monotonic() + longest_s

    def check(self, place: str = "expression evaluation") -> None:
        """Raise if the query should end, or the try.

        Raises:
            TooSlowForLoopError: it takes too long.
            QueryCanceledError, QueryTimeoutError: as `Guard.check`.
        """
        super().check(place)
        if self.monotonic() > self._stop_at:
            raise TooSlowForLoopError

    def spend(self, samples: int) -> None:
        """Count samples about to be decoded.

        Raises:
            TooSlowForLoopError: they are too many to be decoded at once.
            TooManySamplesError, QueryCanceledError, QueryTimeoutError: as `Guard.spend`.
        """
        if self.spent + samples > self._most_spent:
            raise TooSlowForLoopError
        super().spend(samples)

    def expect_wait(self) -> None:
        """Stop the try.

        Raises:
            TooSlowForLoopError: always.
        """
        raise TooSlowForLoopError
