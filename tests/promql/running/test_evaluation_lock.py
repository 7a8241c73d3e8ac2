"""Evaluations by turns: one at a time, in order, and nobody waits for ever."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from promql.running.evaluation_lock import EvaluationLock, TimeSlice


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock) -> EvaluationLock:
    return EvaluationLock(clock)


def started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_until(condition: Callable[[], bool]) -> None:
    done = threading.Event()
    for _ in range(1000):
        if condition():
            return
        done.wait(0.01)
    raise AssertionError("it never came true")


def test_one_at_a_time() -> None:
    turns = EvaluationLock(lambda: 0.0)
    running, most = 0, 0

    def evaluate(_: int) -> None:
        nonlocal running, most
        with TimeSlice(turns):
            running += 1
            most = max(most, running)
            running -= 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(evaluate, range(200)))
    assert most == 1
    assert turns.take()


def test_a_turn_is_passed_on_once_it_has_lasted(turns: EvaluationLock, clock: Clock) -> None:
    order: list[str] = []

    def other() -> None:
        with TimeSlice(turns):
            order.append("other")

    with TimeSlice(turns) as own:
        thread = started(other)
        wait_until(lambda: turns.wanted)
        own.pass_on()
        order.append("own")
        clock.now_s += 1
        own.pass_on()
        order.append("own again")
    thread.join()
    assert order == ["own", "other", "own again"]


def test_nobody_waits_for_one_that_never_ends(turns: EvaluationLock) -> None:
    with TimeSlice(turns):
        thread = started(lambda: TimeSlice(turns).__enter__().__exit__(None, None, None))
        thread.join()
    assert turns.take()


def test_another_thread_passes_nothing_on(turns: EvaluationLock, clock: Clock) -> None:
    with TimeSlice(turns) as own:
        waiting = started(lambda: TimeSlice(turns).__enter__().__exit__(None, None, None))
        wait_until(lambda: turns.wanted)
        clock.now_s += 1
        helper = started(own.pass_on)
        helper.join()
        assert not turns.take()
    waiting.join()


def test_an_error_ends_a_turn(turns: EvaluationLock) -> None:
    with suppress(ValueError), TimeSlice(turns):
        raise ValueError
    assert turns.take()
