"""EvaluationLock: evaluations run one at a time, a few milliseconds each.

numpy gives the interpreter's lock up and takes it again around every call. Threads that
evaluate at the same time wake each other for each of them: 100 rules over 400 targets
made 20,000 futex calls a second on four threads, and 3,600 by turns. So one evaluation
computes while the others sleep, and between blocks passes its turn on to who has waited
longest: a small query does not wait for a large one to end.

EvaluationLock are a courtesy, not a lock: who has waited in vain goes on without.
"""

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

_TURN_S: Final = 0.005
"""Changing hands costs some 50 us; nobody sees a wait of a few turns."""
_PATIENCE_S: Final = 0.05


class EvaluationLock:
    """Whose turn it is, first come, first served; any thread."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.monotonic = monotonic
        self._lock = threading.Lock()
        # Each is locked until it is its owner's turn.
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    @property
    def wanted(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    def take(self) -> bool:
        """Wait for a turn; return whether there was one in time."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            own = threading.Lock()
            own.acquire()
            self._waiting.append(own)
        if own.acquire(timeout=_PATIENCE_S):
            return True
        with self._lock:
            if own not in self._waiting:
                # It came at the last moment.
                return True
            self._waiting.remove(own)
            return False

    def give(self) -> None:
        """End a turn that was taken."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False


class TimeSlice:
    """One evaluation's turn, for the time of a `with` block on its thread."""

    def __init__(self, turns: EvaluationLock) -> None:
        self._turns = turns
        self._thread = 0
        self._is_held = False
        self._since_s = 0.0

    def __enter__(self) -> Self:
        self._thread = threading.get_ident()
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_held:
            self._turns.give()
        self._is_held = False

    def _take(self) -> None:
        self._is_held = self._turns.take()
        self._since_s = self._turns.monotonic()

    def pass_on(self) -> None:
        """Let others have theirs, if anybody waits and this one has lasted."""
        turns = self._turns
        if (
            self._is_held
            and turns.wanted
            and turns.monotonic() - self._since_s >= _TURN_S
            # Threads that help a read ask the same guard.
            and threading.get_ident() == self._thread
        ):
            turns.give()
            self._take()
