"""Runs named work under a deadline, on threads, so that nothing that hangs is waited for.

Work runs in order on one thread, a *lane*. Where one piece takes long, another lane
takes the rest, so that it delays the others by `patience_s` and no more. A piece that
misses its deadline keeps its thread, because Python cannot stop it (a thread inside
statvfs(2) on a dead NFS server cannot be stopped by anyone); it is not started again
until it has come back. So each piece of work holds at most one thread, for ever.

Threads are daemons: one that hangs does not keep the process from ending.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from exporter.errors import DeadlineError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """How a piece of work went.

    Attributes:
        value: what it returned, None if it did not.
        error: what it raised, or a DeadlineError; None if it returned.
        duration_s: how long it took, or has been taking.
    """

    value: T | None
    error: Exception | None
    duration_s: float


class _Flight(Generic[T]):
    """One run of one piece of work, shared by everyone who asks for it meanwhile."""

    __slots__ = ("ended", "key", "outcome", "started_s", "work")

    def __init__(self, key: str, work: Callable[[], T], now_s: float) -> None:
        self.key, self.work = key, work
        self.started_s = now_s  # When it was asked for, until it starts.
        self.ended = threading.Event()
        self.outcome: Outcome[T] | None = None


class _Batch(Generic[T]):
    """The flights that one caller started, and how many have not ended."""

    __slots__ = ("ended", "left", "waiting")

    def __init__(self, flights: list[_Flight[T]]) -> None:
        self.waiting = deque(flights)
        self.left = len(flights)
        self.ended = threading.Event()


class Supervisor(Generic[T]):
    """Runs work by name; thread-safe.

    Two callers who ask for the same name at a time share one run of it.
    """

    def __init__(self, deadline_s: float, patience_s: float = 0.05) -> None:
        self.deadline_s = deadline_s
        self._patience_s = min(patience_s, deadline_s)
        self._flights: dict[str, _Flight[T]] = {}
        self._lock = threading.Lock()

    def run(
        self, works: Mapping[str, Callable[[], T]], wait_s: float = math.inf
    ) -> dict[str, Outcome[T]]:
        """Run every piece and return how each went, in order.

        Args:
            works: what to run, by name.
            wait_s: how long this caller waits, if that is less than the deadline; it
                gets a DeadlineError for what runs on.

        Returns within about the deadline, however many hang.
        """
        flights: list[_Flight[T]] = []
        own: list[_Flight[T]] = []
        now_s = time.monotonic()
        until_s = now_s + wait_s
        with self._lock:
            for key, work in works.items():
                flight = self._flights.get(key)
                if flight is None:
                    flight = self._flights[key] = _Flight(key, work, now_s)
                    own.append(flight)
                flights.append(flight)
        if own:
            self._fly(own, until_s)
        return {flight.key: self._outcome(flight, until_s) for flight in flights}

    def stuck(self) -> list[str]:
        """Return the names of work that missed its deadline and still runs."""
        limit_s = time.monotonic() - self.deadline_s
        with self._lock:
            return [key for key, flight in self._flights.items() if flight.started_s < limit_s]

    def _fly(self, flights: list[_Flight[T]], until_s: float) -> None:
        """Return when each flight has ended or missed its deadline, or waiting is over."""
        batch = _Batch(flights)
        self._add_lane(batch)
        left = batch.left
        while not batch.ended.wait(self._patience_s):
            if batch.left == left and batch.waiting:
                self._add_lane(batch)
            elif time.monotonic() >= until_s or all(map(self._is_over, flights)):
                return
            left = batch.left

    def _add_lane(self, batch: _Batch[T]) -> None:
        thread = threading.Thread(target=self._lane, args=(batch,), name="collect", daemon=True)
        try:
            thread.start()
        except RuntimeError as exc:  # The host or our unit allows no more threads.
            while flight := _next(batch):
                self._end(batch, flight, Outcome(None, exc, 0.0))

    def _lane(self, batch: _Batch[T]) -> None:
        while flight := _next(batch):
            value, error = None, None
            flight.started_s = started_s = time.monotonic()
            try:
                value = flight.work()
            except Exception as exc:  # noqa: BLE001 - handed to the caller, who tells.
                error = exc
            self._end(batch, flight, Outcome(value, error, time.monotonic() - started_s))

    def _end(self, batch: _Batch[T], flight: _Flight[T], outcome: Outcome[T]) -> None:
        flight.outcome = outcome
        with self._lock:
            del self._flights[flight.key]
            batch.left -= 1
        flight.ended.set()
        if batch.left == 0:
            batch.ended.set()

    def _is_over(self, flight: _Flight[T]) -> bool:
        return flight.ended.is_set() or time.monotonic() - flight.started_s >= self.deadline_s

    def _outcome(self, flight: _Flight[T], until_s: float) -> Outcome[T]:
        latest_s = min(flight.started_s + self.deadline_s, until_s)
        flight.ended.wait(max(0.0, latest_s - time.monotonic()))
        if flight.outcome is not None:
            return flight.outcome
        running_s = time.monotonic() - flight.started_s
        return Outcome(None, DeadlineError(flight.key, running_s), running_s)


def _next(batch: _Batch[T]) -> _Flight[T] | None:
    try:
        return batch.waiting.popleft()
    except IndexError:
        return None
