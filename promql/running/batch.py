"""Several queries that are evaluated one after the other in one thread.

A rule over 400 targets takes 0.5 ms to evaluate, and handing it to a thread and back as much
again. Rules that do not read each other's series are therefore handed over together.
"""

from collections.abc import Callable, Sequence
from typing import Final

from model.process.worker_threads import clear_frames
from model.series import AlignedSeries
from promql.api import Answer, BatchOutcome, InstantVector
from promql.running.guard import Guard

_LONGEST_S: Final = 0.1
"""A batch ends after this time, so that others in the queue are not late for long."""
_MOST_SERIES: Final = 10_000
"""A batch ends once its results have so many series, which all are in memory at once."""


class QueryOfBatchGuard(Guard):
    """The limits of one query of a batch: the whole time and memory, until the batch ends.

    Args:
        batch: the limits of the batch; cancelling it cancels the query.
        timeout_s: the longest time of the query.
    """

    def __init__(self, batch: Guard, timeout_s: float) -> None:
        super().__init__(timeout_s, batch.budget, batch.monotonic)
        self.time_slice = batch.time_slice
        self._batch = batch

    def check(self, place: str = "expression evaluation") -> None:
        """Raise if the query or the batch should end; see `Guard.check`.

        Raises:
            QueryCanceledError, QueryTimeoutError: as `Guard.check`.
        """
        if self._batch.is_cancelled:
            self.cancel()
        super().check(place)


def evaluate_batch(
    queries: Sequence[str],
    evaluate: Callable[[str, Guard], Answer],
    batch: Guard,
    timeout_s: float,
) -> list[BatchOutcome]:
    """Return the outcomes of the first queries, at least of one; blocks.

    Args:
        queries: at least one.
        evaluate: answers one query within its limits.
        batch: the limits of the batch.
        timeout_s: the longest time of one query.

    Raises:
        QueryCanceledError, QueryTimeoutError: the batch was cancelled, or its time is up.
    """
    begun_s = ended_s = batch.monotonic()
    outcomes: list[BatchOutcome] = []
    series = 0
    for query in queries:
        if outcomes and (ended_s - begun_s >= _LONGEST_S or series >= _MOST_SERIES):
            break
        batch.check("query queue")
        result, started_s = _outcome(query, evaluate, QueryOfBatchGuard(batch, timeout_s)), ended_s
        ended_s = batch.monotonic()
        outcomes.append(BatchOutcome(result, ended_s - started_s))
        series += _series(result)
    return outcomes


def _outcome(
    query: str, evaluate: Callable[[str, Guard], Answer], guard: Guard
) -> Answer | Exception:
    try:
        return evaluate(query, guard)
    except Exception as exc:  # noqa: BLE001 - the outcome passes it on
        # As `WorkerThreads` does for an error that leaves the thread.
        clear_frames(exc)
        return exc


def _series(result: Answer | Exception) -> int:
    match result:
        case Answer(value=InstantVector() | AlignedSeries() as value):
            return len(value.labels)
        case _:
            return 1
