"""What bounds one query: its time, its memory, and whether anybody still waits for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from promql.api import QueryCanceledError, QueryTimeoutError, TooManySamplesError

if TYPE_CHECKING:
    from promql.turns import Turn


class Guard:
    """Stops a query that was cancelled, takes too long or holds too many samples.

    Evaluation calls `check` between nodes and between blocks of big kernels; the
    store calls `spend` before each chunk it decodes (`storage.api.samples.ReadBudget`).

    Attributes:
        samples: how many samples were read from the store so far.
        peak: the most samples that memory held at once so far.
        started: when it was made, by the clock given.
        turn: passed on to other queries now and then; None where nobody takes turns.
    """

    def __init__(self, timeout_s: float, max_samples: int, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.started = monotonic()
        self._deadline = self.started + timeout_s
        self._max_samples = max_samples
        self._cancelled = threading.Event()
        self._held = 0
        self._kept = 0
        self.samples = 0
        self.peak = 0
        self.turn: Turn | None = None

    @property
    def remaining_s(self) -> float:
        """Seconds until the time-out, negative behind it."""
        return self._deadline - self._monotonic()

    def cancel(self) -> None:
        """Make the next `check` raise; may be called from any thread."""
        self._cancelled.set()

    def check(self, place: str = "expression evaluation") -> None:
        """Raise if the query should end.

        Raises:
            QueryCanceledError: `cancel` was called.
            QueryTimeoutError: the time is up.
        """
        if self._cancelled.is_set():
            raise QueryCanceledError(f"query was canceled in {place}")
        if self._monotonic() > self._deadline:
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
        self.hold(samples)

    def hold(self, samples: int) -> None:
        """Count samples that memory now holds, until the enclosing `scope` ends.

        Raises:
            TooManySamplesError: they are more than the limit.
        """
        self._held += samples
        self.peak = max(self.peak, self._held + self._kept)
        if self._held > self._max_samples:
            raise TooManySamplesError(
                "query processing would load too many samples into memory in query execution"
            )

    def keep(self, samples: int) -> None:
        """Count samples that memory now holds until the query ends.

        Raises:
            TooManySamplesError: they are more than the limit.
        """
        self._max_samples -= samples
        self._kept += samples
        self.hold(0)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Release at its end whatever was held inside."""
        before = self._held
        try:
            yield
        finally:
            self._held = before
