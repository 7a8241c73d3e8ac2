"""A lock under which evaluations run one at a time, in slices of a few milliseconds.

numpy releases and takes the GIL around every call, so threads that evaluate at the same
time wake each other for every call. 100 rules over 400 targets made 20,000 futex calls a
second on four threads without this lock, and 3,600 with it. One evaluation computes while
the others sleep. Between blocks it hands the lock to the thread that has waited longest,
so that a small query does not wait for the end of a large one. Rules and host checks are
*urgent*: they get the lock before every other waiting thread.

The lock only saves time; nothing depends on it. While the thread that has the lock computes,
the others wait: it hands the lock over every few milliseconds, also within loops over a million
series (`promql/kernels/interruption.py`). If it keeps the lock without computing, it reads from
a slow disk: one other thread that has waited for 50 ms then evaluates without the lock, and
waits for the lock again after a while. Once a thread has kept the lock for a second, all others
evaluate without it. More threads at once would only wait for the GIL, and let the event loop
wait with them: with two beside 100 abusive clients, `/health` took up to 317 ms.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from promql.running.evaluation_throttle import EvaluationThrottle

_SLICE_S: Final = 0.005
"""The shortest time between two hand-overs, which cost about 50 us each."""
_MAX_WAIT_S: Final = 0.05
"""How long a thread waits for one that does not compute, if none evaluates without the lock."""
_LONGEST_WAIT_S: Final = 1.0
"""How long a thread waits for one that computes, or beside one that evaluates without the lock."""
_LONGEST_QUEUE_S: Final = 10.0
"""How long a thread waits while the lock is handed to others."""
_COMPUTING_SHARE: Final = 0.1
"""A thread computes if it used the CPU for this share of a wait; it waits for the GIL too."""


def _own_cpu_clock() -> int | None:
    """Return the id of the calling thread's CPU clock; None where threads have none."""
    get = getattr(time, "pthread_getcpuclockid", None)
    return None if get is None else get(threading.get_ident())


def _cpu_s(clock: int | None) -> float:
    """Return the CPU time of a thread; 0 once it has ended."""
    try:
        return 0.0 if clock is None else time.clock_gettime(clock)
    except OSError:
        return 0.0


class _Waiter:
    """A thread that waits for the lock.

    Attributes:
        woken: a locked lock; releasing it wakes the thread.
        cpu_clock: of the thread.
    """

    def __init__(self) -> None:
        self.woken = threading.Lock()
        self.woken.acquire()
        self.cpu_clock = _own_cpu_clock()


class EvaluationLock:
    """A lock that is handed to urgent threads first, else in the order of arrival."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.monotonic = monotonic
        self._lock = threading.Lock()
        self._urgent: deque[_Waiter] = deque()
        self._waiting: deque[_Waiter] = deque()
        self._is_taken = False
        self._without = 0
        # The CPU clock of the thread that has the lock, or had it last.
        self._holder: int | None = None

    @property
    def waiting(self) -> int:
        """The number of waiting threads."""
        return len(self._urgent) + len(self._waiting)

    @property
    def is_contended(self) -> bool:
        """Whether any thread waits."""
        return bool(self._urgent or self._waiting)

    def acquire(self, *, urgent: bool = False) -> bool:
        """Wait for the lock; return False if the thread evaluates without it.

        The thread calls `release` after True and `leave` after False.
        """
        queue = self._urgent if urgent else self._waiting
        with self._lock:
            if not self._is_taken:
                self._is_taken, self._holder = True, _own_cpu_clock()
                return True
            own = _Waiter()
            queue.append(own)
            holder, used_s = self._holder, _cpu_s(self._holder)
        waited_s = 0.0
        while not own.woken.acquire(timeout=_MAX_WAIT_S):
            waited_s += _MAX_WAIT_S
            with self._lock:
                if own not in queue:
                    return True  # `release` handed the lock over just after the time-out.
                is_kept = self._holder == holder
                computes = _cpu_s(holder) - used_s >= _COMPUTING_SHARE * _MAX_WAIT_S
                if self._may_go(urgent, waited_s, is_kept=is_kept, computes=computes):
                    queue.remove(own)
                    self._without += 1
                    return False
                holder, used_s = self._holder, _cpu_s(self._holder)
        return True

    def _may_go(self, urgent: bool, waited_s: float, *, is_kept: bool, computes: bool) -> bool:
        """Return whether a thread that has waited evaluates without the lock.

        Args:
            urgent: whether its evaluation is.
            waited_s: how long it has waited.
            is_kept: whether the same thread has the lock as at the last look, 50 ms ago.
            computes: whether the thread of the last look has computed since.
        """
        if urgent or waited_s >= _LONGEST_QUEUE_S:
            return True
        return is_kept and (waited_s >= _LONGEST_WAIT_S or not (computes or self._without))

    def release(self) -> None:
        """Hand the lock to the next waiting thread, or set it free."""
        with self._lock:
            queue = self._urgent or self._waiting
            if queue:
                waiter = queue.popleft()
                self._holder = waiter.cpu_clock
                waiter.woken.release()
            else:
                self._is_taken = False

    def leave(self) -> None:
        """End an evaluation without the lock."""
        with self._lock:
            self._without -= 1


class TimeSlice:
    """Holds the lock for one evaluation; a context manager for the evaluating thread.

    Args:
        lock: what it holds.
        urgent: whether the evaluation gets the lock before others.
        throttle: pauses the evaluation while the event loop is late; None for no pauses.
    """

    def __init__(
        self,
        lock: EvaluationLock,
        *,
        urgent: bool = False,
        throttle: EvaluationThrottle | None = None,
    ) -> None:
        self._lock, self._urgent, self._throttle = lock, urgent, throttle
        self._thread = 0
        self._is_held = False
        self._since_s = 0.0

    def __enter__(self) -> Self:
        self._thread = threading.get_ident()
        self._acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_up()

    def _acquire(self) -> None:
        self._is_held = self._lock.acquire(urgent=self._urgent)
        self._since_s = self._lock.monotonic()

    def offer(self) -> None:
        """Hand the lock to a waiting thread and wait for it again, once the slice is over.

        An evaluation without the lock waits for it after 50 ms. First, it pauses for a moment if
        the event loop is late.
        """
        if self._throttle is not None:
            self._throttle.pause_if_late()
        lock = self._lock
        if self._is_held and not lock.is_contended:
            return
        slice_s = _SLICE_S if self._is_held else _MAX_WAIT_S
        if (
            lock.monotonic() - self._since_s >= slice_s
            # Threads that help with a read call this too.
            and threading.get_ident() == self._thread
        ):
            self._give_up()
            self._acquire()

    def _give_up(self) -> None:
        if self._is_held:
            self._lock.release()
        else:
            self._lock.leave()
