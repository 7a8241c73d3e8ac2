"""The evaluation lock: one evaluation at a time, in order, and no thread waits forever."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count

import pytest

from promql.running import evaluation_lock
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
def lock(clock: Clock) -> EvaluationLock:
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
    raise AssertionError("the condition never held")


def test_one_at_a_time() -> None:
    lock = EvaluationLock(lambda: 0.0)
    running, most = 0, 0

    def evaluate(_: int) -> None:
        nonlocal running, most
        with TimeSlice(lock):
            running += 1
            most = max(most, running)
            running -= 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(evaluate, range(200)))
    assert most == 1
    assert lock.acquire()


def test_the_lock_is_handed_over_after_a_time_slice(lock: EvaluationLock, clock: Clock) -> None:
    order: list[str] = []

    def other() -> None:
        with TimeSlice(lock):
            order.append("other")

    with TimeSlice(lock) as own:
        thread = started(other)
        wait_until(lambda: lock.is_contended)
        own.offer()
        order.append("own")
        clock.now_s += 1
        own.offer()
        order.append("own again")
    thread.join()
    assert order == ["own", "other", "own again"]


def test_a_thread_stops_waiting_for_an_endless_evaluation(lock: EvaluationLock) -> None:
    with TimeSlice(lock):
        thread = started(lambda: TimeSlice(lock).__enter__().__exit__(None, None, None))
        thread.join()
    assert lock.acquire()


def test_one_thread_at_a_time_evaluates_without_the_lock(
    lock: EvaluationLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_lock, "_LONGEST_WAIT_S", 60.0)
    inside, go_on = threading.Semaphore(0), threading.Event()
    held = []

    def evaluate() -> None:
        with TimeSlice(lock):
            held.append(threading.get_ident())
            inside.release()
            go_on.wait(60)

    with TimeSlice(lock):
        threads = [started(evaluate) for _ in range(4)]
        assert inside.acquire(timeout=60)
        wait_until(lambda: lock.waiting == 3)
        # An urgent one does not wait for it.
        urgent = started(
            lambda: TimeSlice(lock, urgent=True).__enter__().__exit__(None, None, None)
        )
        urgent.join()
        assert (len(held), lock.waiting) == (1, 3)
        go_on.set()
    for thread in threads:
        thread.join()
    assert len(held) == 4
    assert lock.acquire()


def test_waiting_beside_an_evaluation_without_the_lock_ends(
    lock: EvaluationLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation_lock, "_LONGEST_WAIT_S", 0.01)
    with TimeSlice(lock), ThreadPoolExecutor(4) as threads:
        all_inside = threading.Barrier(4, timeout=60)

        def evaluate(_: int) -> None:
            with TimeSlice(lock):
                all_inside.wait()

        list(threads.map(evaluate, range(4)))
    assert lock.acquire()


def test_threads_wait_while_the_one_with_the_lock_computes(
    lock: EvaluationLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    used_s = count()
    monkeypatch.setattr(evaluation_lock, "_cpu_s", lambda clock: float(next(used_s)))
    looks: list[float] = []
    may_go = EvaluationLock._may_go

    def noted(self: EvaluationLock, urgent: bool, waited_s: float, **how: bool) -> bool:
        looks.append(waited_s)
        return may_go(self, urgent, waited_s, **how)

    monkeypatch.setattr(EvaluationLock, "_may_go", noted)
    order: list[str] = []

    def other() -> None:
        with TimeSlice(lock):
            order.append("other")

    with TimeSlice(lock):
        thread = started(other)
        wait_until(lambda: len(looks) > 3)
        order.append("own")
    thread.join()
    assert order == ["own", "other"]


def test_threads_do_not_wait_for_one_that_computes_for_a_second(
    lock: EvaluationLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    used_s = count()
    monkeypatch.setattr(evaluation_lock, "_cpu_s", lambda clock: float(next(used_s)))
    monkeypatch.setattr(evaluation_lock, "_LONGEST_WAIT_S", 0.2)
    with TimeSlice(lock), ThreadPoolExecutor(3) as threads:
        all_inside = threading.Barrier(3, timeout=60)

        def evaluate(_: int) -> None:
            with TimeSlice(lock):
                all_inside.wait()

        list(threads.map(evaluate, range(3)))
    assert lock.acquire()


@pytest.mark.parametrize(("waited_s", "goes"), [(5.0, False), (10.0, True)])
def test_a_thread_waits_ten_seconds_while_the_lock_is_handed_from_one_to_another(
    lock: EvaluationLock, waited_s: float, goes: bool
) -> None:
    assert lock._may_go(urgent=False, waited_s=waited_s, is_kept=False, computes=True) == goes


def test_an_evaluation_without_the_lock_waits_for_it_again(
    lock: EvaluationLock, clock: Clock
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    order: list[str] = []

    def other() -> None:
        with TimeSlice(lock) as own:
            begun.set()
            go_on.wait(60)
            clock.now_s += 1
            own.offer()
            order.append("other")
            assert not lock.acquire(urgent=True)

    with TimeSlice(lock):
        thread = started(other)
        assert begun.wait(60)
    assert lock.acquire()
    lock.release()
    go_on.set()
    thread.join()
    assert order == ["other"]
    assert lock.acquire()


def test_the_cpu_time_of_a_thread_that_has_ended_is_nothing() -> None:
    clocks: list[int | None] = []
    started(lambda: clocks.append(evaluation_lock._own_cpu_clock())).join()
    # The system ends a thread some time after Python has.
    wait_until(lambda: evaluation_lock._cpu_s(clocks[0]) == 0.0)
    assert evaluation_lock._cpu_s(evaluation_lock._own_cpu_clock()) > 0.0


def test_a_helper_thread_does_not_hand_the_lock_over(lock: EvaluationLock, clock: Clock) -> None:
    with TimeSlice(lock) as own:
        waiting = started(lambda: TimeSlice(lock).__enter__().__exit__(None, None, None))
        wait_until(lambda: lock.is_contended)
        clock.now_s += 1
        helper = started(own.offer)
        helper.join()
        assert not lock.acquire()
    waiting.join()


def test_an_error_releases_the_lock(lock: EvaluationLock) -> None:
    with suppress(ValueError), TimeSlice(lock):
        raise ValueError
    assert lock.acquire()


def test_urgent_threads_get_the_lock_before_those_that_waited_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On a busy machine the threads may start later than they would wait for the lock.
    monkeypatch.setattr(evaluation_lock, "_MAX_WAIT_S", 60.0)
    lock = EvaluationLock(lambda: 0.0)
    order: list[str] = []

    def other(name: str, *, urgent: bool) -> None:
        with TimeSlice(lock, urgent=urgent):
            order.append(name)

    with TimeSlice(lock):
        viewer = started(partial(other, "viewer", urgent=False))
        wait_until(lambda: lock.waiting == 1)
        rule = started(partial(other, "rule", urgent=True))
        wait_until(lambda: lock.waiting == 2)
    viewer.join()
    rule.join()
    assert order == ["rule", "viewer"]
