"""Collects requests in memory and sends them from a thread."""

import atexit
import logging
import os
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from redshank_middleware.encoding import BatchEncoder
from redshank_middleware.masking import SecretMask
from redshank_middleware.observed_request import ObservedRequest
from redshank_middleware.retry_pauses import RetryPauses
from redshank_middleware.sending import BatchAnswer, BatchSender
from redshank_middleware.settings import ReporterSettings

_LOG_INTERVAL_S: Final = 60.0

log = logging.getLogger("redshank_middleware")


@dataclass(frozen=True)
class ReporterCounts:
    """The outcomes of the requests of this process.

    Attributes:
        reported: accepted by the server.
        dropped: lost because the queue was full, or the process ended before they were sent.
        refused: not stored by the server, which found them invalid.
        failed: not recorded because of an error in an adapter or a function of the user.
        waiting: not yet sent.
    """

    reported: int
    dropped: int
    refused: int
    failed: int
    waiting: int


class RequestReporter:
    """Takes requests from any thread and sends them in batches.

    `record` appends to a bounded queue: it never waits and never raises. The thread starts with
    the first request of a process, so a server may fork its workers after it has loaded the
    application. A worker begins with an empty queue; what its parent has recorded, the parent
    sends.
    """

    def __init__(
        self, url: str | None = None, api_key: str | None = None, /, **others: Any
    ) -> None:
        """Set up; nothing is sent yet.

        Args:
            url: the address of the server; None for the environment variable `REDSHANK_URL`.
            api_key: a key of the project; None for `REDSHANK_API_KEY`.
            others: further fields of `ReporterSettings`.

        Raises:
            ValueError: a setting is invalid.
        """
        self.settings = ReporterSettings.of(url, api_key, **others)
        self.is_enabled = bool(self.settings.url)
        self._encoder = BatchEncoder(SecretMask(self.settings.secrets), self.settings.version)
        self._queue_size, self._batch_size = self.settings.queue_size, self.settings.batch_size
        self._begin()
        if not self.is_enabled:
            log.info("REDSHANK_URL and REDSHANK_API_KEY are not set: requests are not reported")
            return
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_weakly(self._begin))
        atexit.register(_weakly(self.close))

    def _begin(self) -> None:
        """Set up for this process; locks and connections of the parent are left alone."""
        self._queue: deque[ObservedRequest] = deque()
        self._lock = threading.Lock()
        self._sent = threading.Condition(self._lock)
        self._full, self._hurry = threading.Event(), threading.Event()
        self._sender = BatchSender(self.settings)
        self._thread: threading.Thread | None = None
        self._in_flight = 0
        self._is_closed = False
        self._reported = self._dropped = self._refused = self._failed = 0
        self._logged_s = -_LOG_INTERVAL_S

    @property
    def counts(self) -> ReporterCounts:
        """The counts so far."""
        with self._lock:
            waiting = len(self._queue) + self._in_flight
            return ReporterCounts(
                self._reported, self._dropped, self._refused, self._failed, waiting
            )

    def record(self, request: ObservedRequest) -> None:
        """Queue a request; never waits for the server and never raises."""
        if not self.is_enabled:
            return
        queue = self._queue
        waiting = len(queue)
        if waiting >= self._queue_size or self._is_closed:
            with self._lock:
                self._dropped += 1
            return
        queue.append(request)
        if self._thread is None:
            self._start()
        elif waiting + 1 == self._batch_size:
            self._full.set()

    def failed(self, action: str) -> None:
        """Count and log the exception that is being handled; the request goes on."""
        with self._lock:
            self._failed += 1
        self._warn("%s failed; the request is not reported", action, exc_info=True)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Send what waits; return whether everything was sent in time."""
        deadline_s = time.monotonic() + timeout_s
        with self._sent:
            while self._queue or self._in_flight:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or self._thread is None or not self._thread.is_alive():
                    return False
                self._hurry.set()
                self._full.set()
                self._sent.wait(min(left_s, 0.2))
        return True

    def close(self, timeout_s: float | None = None) -> None:
        """Send what waits and end the thread; further requests are dropped.

        Called at the end of the process.
        """
        timeout_s = self.settings.exit_timeout_s if timeout_s is None else timeout_s
        deadline_s = time.monotonic() + timeout_s
        self.flush(timeout_s)
        self._is_closed = True
        self._hurry.set()
        self._full.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, deadline_s - time.monotonic()))
        with self._lock:
            self._dropped += len(self._queue)
            self._queue.clear()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            # A daemon: `close` at exit waits for it, a thread that hangs does not keep the process.
            thread = threading.Thread(target=self._run, name="redshank-middleware", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # No thread can be started now: the interpreter ends, or too many run.
                self._dropped += len(self._queue)
                self._queue.clear()
                return
            self._thread = thread

    def _run(self) -> None:
        backoff = RetryPauses(self.settings.longest_backoff_s)
        while True:
            try:
                if not self._round(backoff):
                    break
            except Exception:  # noqa: BLE001
                # Whatever fails here, the application goes on.
                with self._sent:
                    self._failed += self._in_flight
                    self._in_flight = 0
                self._warn("a batch of requests was not sent", exc_info=True)
        self._sender.close()

    def _round(self, backoff: RetryPauses) -> bool:
        """Wait for requests and send one batch; return whether to go on."""
        if len(self._queue) < self._batch_size and not self._is_closed:
            self._full.wait(self.settings.flush_interval_s)
        self._full.clear()
        batch = self._take()
        if not batch:
            with self._sent:
                self._sent.notify_all()
            return not self._is_closed
        # The id lets the server recognise a batch whose answer was lost.
        body, size = self._encoder.batch(batch, uuid.uuid4().hex)
        with self._lock:
            self._failed += len(batch) - size
            self._in_flight = size
        while size:
            answer = self._sender.send(body, size)
            if answer.problem:
                self._warn("requests are not reported: %s", answer.problem)
            if answer.is_final or self._is_closed:
                break
            self._hurry.clear()
            if not self._is_closed:
                self._hurry.wait(backoff.next_s(answer.retry_after_s))
        else:
            answer = BatchAnswer(is_final=True)
        backoff.reset()
        self._settle(size, answer)
        return not self._is_closed or bool(self._queue and answer.is_final)

    def _take(self) -> list[ObservedRequest]:
        with self._lock:
            size = min(len(self._queue), self._batch_size)
            batch = [self._queue.popleft() for _ in range(size)]
            self._in_flight = size
        return batch

    def _settle(self, size: int, answer: BatchAnswer) -> None:
        with self._sent:
            self._in_flight = 0
            if answer.is_final:
                self._reported += size - answer.refused
                self._refused += answer.refused
            else:
                self._dropped += size
            self._sent.notify_all()

    def _warn(self, text: str, *values: object, exc_info: bool = False) -> None:
        """Log at most once a minute: the application's log is not ours to fill."""
        now_s = time.monotonic()
        if now_s - self._logged_s >= _LOG_INTERVAL_S:
            self._logged_s = now_s
            log.warning(text, *values, exc_info=exc_info)


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls a method as long as its object exists."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        found = reference()
        if found is not None:
            found()

    return call
