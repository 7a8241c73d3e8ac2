"""Several queries in one thread."""

import numpy as np
import pytest

from model.labels import Labels
from promql.api import (
    Answer,
    EvaluationError,
    InstantVector,
    QueryCanceledError,
    QueryTimeoutError,
    TooManySamplesError,
)
from promql.running.batch import evaluate_batch
from promql.running.guard import Guard
from tests.promql.running.test_dispatch import Clock

TIMEOUT_S = 10.0


def vector(series: int) -> Answer:
    labels = tuple(Labels.of(number=str(number)) for number in range(series))
    return Answer(InstantVector(0, labels, np.zeros(series)))


class Work:
    """Answers queries; each takes as long, and has as many series, as a test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.batch = Guard(60.0, 1_000, self.clock)
        self.asked: list[str] = []
        self.duration_s, self.series = 0.001, 1

    def answer(self, query: str, guard: Guard) -> Answer:
        self.asked.append(query)
        self.clock.now_s += self.duration_s
        guard.check()
        if query == "bad":
            raise EvaluationError("broken")
        guard.hold(900)
        return vector(self.series)

    def run(self, *queries: str) -> list[str]:
        """Return what became of each query of the batch."""
        outcomes = evaluate_batch(queries, self.answer, self.batch, TIMEOUT_S)
        assert all(each.duration_s == pytest.approx(self.duration_s) for each in outcomes)
        return [
            str(each.result) if isinstance(each.result, Exception) else "answer"
            for each in outcomes
        ]


def test_a_query_that_fails_does_not_stop_the_others() -> None:
    assert Work().run("a", "bad", "b") == ["answer", "broken", "answer"]


def test_each_query_has_all_of_the_memory() -> None:
    work = Work()
    assert work.run("a", "b", "c") == ["answer"] * 3
    work.batch = Guard(60.0, 800, work.clock)
    outcomes = evaluate_batch(["a", "b"], work.answer, work.batch, TIMEOUT_S)
    assert [type(each.result) for each in outcomes] == [TooManySamplesError] * 2


def test_a_batch_ends_after_a_tenth_of_a_second() -> None:
    work = Work()
    work.duration_s = 0.04
    assert len(work.run("a", "b", "c", "d", "e")) == 3
    work.duration_s = 5.0
    assert len(work.run("a", "b")) == 1


def test_a_batch_ends_when_its_results_are_large() -> None:
    work = Work()
    work.series = 6_000
    assert len(work.run("a", "b", "c")) == 2


def test_each_query_has_the_time_limit_of_one() -> None:
    work = Work()
    work.duration_s = TIMEOUT_S + 1
    assert work.run("a", "b") == ["query timed out in expression evaluation"]


def test_cancelling_a_batch_stops_the_running_query() -> None:
    work = Work()

    def answer(query: str, guard: Guard) -> Answer:
        if query == "b":
            work.batch.cancel()
        return work.answer(query, guard)

    with pytest.raises(QueryCanceledError):
        evaluate_batch(["a", "b", "c"], answer, work.batch, TIMEOUT_S)
    assert work.asked == ["a", "b"]


def test_time_in_the_queue_counts() -> None:
    work = Work()
    work.clock.now_s += 61
    with pytest.raises(QueryTimeoutError):
        work.run("a", "b")


def test_an_error_keeps_no_arrays_in_memory() -> None:
    work = Work()

    def answer(query: str, guard: Guard) -> Answer:
        held = np.zeros(10)
        raise EvaluationError(f"broken with {len(held)}")

    [outcome] = evaluate_batch(["a"], answer, work.batch, TIMEOUT_S)
    assert isinstance(outcome.result, EvaluationError)
    trace = outcome.result.__traceback__
    while trace is not None:
        assert "held" not in trace.tb_frame.f_locals
        trace = trace.tb_next
