"""The limits of one query: its time-out, its memory and its cancellation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from model.limits import LimitName, Refusals
from model.memory_pressure import MemoryReading
from promql.api import (
    PromQLError,
    QueryCanceledError,
    QueryMemoryError,
    QueryTimeoutError,
    TooManyBytesError,
    TooManySamplesError,
)

if TYPE_CHECKING:
    from promql.running.evaluation_lock import TimeSlice


@dataclass(frozen=True, slots=True)
class QueryBudget:
    """The memory budget of a query.

    Attributes:
        max_samples: samples in memory at once.
        max_label_bytes: bytes of the label values that the query makes.
        max_result_bytes: bytes of the result as JSON.
        refusals: counts what a limit refuses.
        shortage: the reading of memory that lowered some limits; None for the usual ones.
        lowered_limits: the limits that it lowered.
    """

    max_samples: int = 50_000_000
    max_label_bytes: int = 256 * 2**20
    max_result_bytes: int = 2 * 2**30
    refusals: Refusals = field(default_factory=Refusals)
    shortage: MemoryReading | None = None
    lowered_limits: tuple[LimitName, ...] = ()

    def lowered(
        self, samples: int, label_bytes: int, result_bytes: int, shortage: MemoryReading
    ) -> "QueryBudget":
        """Return a budget with the smaller of each two limits."""
        lowered = []
        # Plain comparisons: each query passes here.
        if samples < self.max_samples:
            lowered.append(LimitName.QUERY_SAMPLES)
        if label_bytes < self.max_label_bytes:
            lowered.append(LimitName.QUERY_LABEL_BYTES)
        if result_bytes < self.max_result_bytes:
            lowered.append(LimitName.QUERY_RESULT_BYTES)
        return QueryBudget(
            min(self.max_samples, samples),
            min(self.max_label_bytes, label_bytes),
            min(self.max_result_bytes, result_bytes),
            self.refusals,
            shortage,
            tuple(lowered),
        )

    def refuse(self, limit: LimitName, error: PromQLError) -> NoReturn:
        """Count a refusal and raise the error.

        Raises:
            QueryMemoryError: the limit is lowered because memory is short.
            PromQLError: `error` otherwise.
        """
        if self.shortage is not None and limit in self.lowered_limits:
            self.refusals.count(LimitName.MEMORY)
            raise QueryMemoryError("a query of this size", self.shortage)
        self.refusals.count(limit)
        raise error


class Guard:
    """Stops a query that is cancelled, takes too long or holds too much.

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
        label_bytes: the bytes of the label values that were made so far.
        budget: the limits.
        time_slice: given up to waiting evaluations now and then; None on the event loop.
    """

    def __init__(
        self, timeout_s: float, budget: QueryBudget | int, monotonic: Callable[[], float]
    ) -> None:
        """Start the time; `budget` may be a number of samples."""
        self.budget = QueryBudget(budget) if isinstance(budget, int) else budget
        self.monotonic = monotonic
        self.started = monotonic()
        self._deadline = self.started + timeout_s
        self.max_samples = self.budget.max_samples
        self._is_cancelled = self._is_timed_out = False
        self.held = 0
        self._kept = 0
        self.samples = 0
        self.spent = 0
        self.peak = 0
        self.label_bytes = 0
        self.time_slice: TimeSlice | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._is_cancelled

    def limit_to(self, budget: QueryBudget) -> None:
        """Replace the limits; before the query reads anything."""
        self.budget, self.max_samples = budget, budget.max_samples

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
            raise self.timed_out(place)
        if self.time_slice is not None:
            self.time_slice.offer()

    def timed_out(self, place: str) -> QueryTimeoutError:
        """Return the error of a query whose time is up, and count the query once."""
        if not self._is_timed_out:
            self._is_timed_out = True
            self.budget.refusals.count(LimitName.QUERY_TIME)
        return QueryTimeoutError(f"query timed out in {place}")

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
            self.budget.refuse(
                LimitName.QUERY_SAMPLES,
                TooManySamplesError(
                    "query processing would load too many samples into memory in query execution"
                ),
            )

    def keep(self, samples: int) -> None:
        """Count samples that are in memory until the query ends.

        Raises:
            TooManySamplesError: they exceed the limit.
        """
        self.max_samples -= samples
        self._kept += samples
        self.hold(0)

    def make_label(self, size_bytes: int) -> None:
        """Count a label value that is about to be made.

        Raises:
            TooManyBytesError: the query has made more than the limit.
        """
        self.label_bytes += size_bytes
        limit = self.budget.max_label_bytes
        if self.label_bytes > limit:
            self.budget.refuse(
                LimitName.QUERY_LABEL_BYTES,
                TooManyBytesError(
                    "query processing would load too many label bytes into memory in query"
                    f" execution: more than {limit} (query.max_label_bytes)"
                ),
            )

    def check_result(self, size_bytes: int) -> None:
        """Check the size of the result as JSON.

        Raises:
            TooManyBytesError: it is larger than the limit.
        """
        limit = self.budget.max_result_bytes
        if size_bytes > limit:
            self.budget.refuse(
                LimitName.QUERY_RESULT_BYTES,
                TooManyBytesError(
                    "query processing would return too many bytes in the result: about"
                    f" {size_bytes}, more than {limit} (query.max_result_bytes)"
                ),
            )

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
        super().__init__(guard.remaining_s, guard.budget, guard.monotonic)
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
