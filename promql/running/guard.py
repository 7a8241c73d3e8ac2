"""The limits of one query: its time-out, its memory and its cancellation."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from promql.api import QueryCanceledError, QueryTimeoutError, TooManySamplesError

if TYPE_CHECKING:
    from promql.running.evaluation_lock import TimeSlice


class Guard:
    """Stops a query that is cancelled, takes too long or holds too many samples.

    The evaluation calls `check` between nodes and between blocks of series. The store
    calls `spend` before it decodes a chunk (`storage.api.samples.ReadBudget`).

    Attributes:
        samples: how many samples were read from the store so far.
        spent: how many samples the store announced to decode so far.
        held: how many samples are in memory now.
        peak: the largest number of samples in memory so far.
        monotonic: the clock, in seconds.
        started: the time of creation, by that clock.
        max_samples: how many samples may be in memory beside those that are kept.
        time_slice: given up to waiting evaluations now and then; None on the event loop.
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
        self.time_slice: TimeSlice | None = None

    @property
    def remaining_s(self) -> float:
        """Seconds until the time-out; negative after it."""
        return self._deadline - self.monotonic()

    def cancel(self) -> None:
        """Make the next `check` raise; may be called from any thread."""
        self._is_cancelled = True

    def check(self, place: str = "expression evaluation") -> None:
        """Raise if the query should end; let waiting evaluations continue for a while.

        Raises:
            QueryCanceledError: `cancel` was called.
            QueryTimeoutError: the time is up.
        """
        if self._is_cancelled:
            raise QueryCanceledError(f"query was canceled in {place}")
        if self.monotonic() > self._deadline:
            raise QueryTimeoutError(f"query timed out in {place}")
        if self.time_slice is not None:
            self.time_slice.offer()

    def spend(self, samples: int) -> None:
        """Count samples that the store is about to decode.

        Raises:
            TooManySamplesError: memory would hold more than the limit.
            QueryCanceledError, QueryTimeoutError: as `check`.
        """
        self.check()
        self.spent += samples
        self.hold(samples)

    def hold(self, samples: int) -> None:
        """Count samples that are in memory until the enclosing `memory_scope` ends.

        Raises:
            TooManySamplesError: they exceed the limit.
        """
        self.held += samples
        self.peak = max(self.peak, self.held + self._kept)
        if self.held > self.max_samples:
            raise TooManySamplesError(
                "query processing would load too many samples into memory in query execution"
            )

    def keep(self, samples: int) -> None:
        """Count samples that are in memory until the query ends.

        Raises:
            TooManySamplesError: they exceed the limit.
        """
        self.max_samples -= samples
        self._kept += samples
        self.hold(0)

    def memory_scope(self) -> "MemoryScope":
        """Return a context manager; the samples held inside it are released at its end."""
        return MemoryScope(self)


class MemoryScope:
    """Releases the samples that a part of an evaluation held; see `Guard.memory_scope`."""

    # A class: the overhead of `contextlib.contextmanager` would exceed the work.
    __slots__ = ("_before", "_guard")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._before = guard.held

    def __enter__(self) -> None:
        """Begin the scope."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the samples that were held since."""
        self._guard.held = self._before


class LoopAttemptError(Exception):
    """An attempt on the event loop takes longer, or reads more, than expected."""


class LoopGuard(Guard):
    """The limits of an attempt on the event loop, which must stay quick.

    Args:
        guard: the query's limits.
        max_spent: how many samples the store may decode.
        max_duration_s: how long the attempt may take.
    """

    def __init__(self, guard: Guard, max_spent: int, max_duration_s: float) -> None:
        super().__init__(guard.remaining_s, guard.max_samples, guard.monotonic)
        self.started = guard.started
        self._max_spent = max_spent
        self._stop_at = guard.monotonic() + max_duration_s

    def check(self, place: str = "expression evaluation") -> None:
        """Raise if the query or the attempt should end.

        Raises:
            LoopAttemptError: the attempt takes too long.
            QueryCanceledError, QueryTimeoutError: as `Guard.check`.
        """
        super().check(place)
        if self.monotonic() > self._stop_at:
            raise LoopAttemptError

    def spend(self, samples: int) -> None:
        """Count samples that the store is about to decode.

        Raises:
            LoopAttemptError: they are too many for the event loop.
            TooManySamplesError, QueryCanceledError, QueryTimeoutError: as `Guard.spend`.
        """
        if self.spent + samples > self._max_spent:
            raise LoopAttemptError
        super().spend(samples)
