import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import pytest

from exporter.deadlines import DeadlineExecutor
from exporter.errors import DeadlineError
from tests.patience import PATIENCE_S

DEADLINE_S = 0.2


class Gate:
    """A function that hangs until the gate is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()
        self.runs = 0

    def __call__(self) -> str:
        self.runs += 1
        self.entered.release()
        assert self.opened.wait(30)
        return "through"


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


def returning(value: str) -> Callable[[], str]:
    return lambda: value


def collect_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "collect"}


def test_results_come_in_order_with_the_value_of_each_call() -> None:
    results = DeadlineExecutor[str](DEADLINE_S).run({"a": returning("1"), "b": returning("2")})
    assert [(key, result.value, result.error) for key, result in results.items()] == [
        ("a", "1", None),
        ("b", "2", None),
    ]


def test_call_that_raises_does_not_affect_the_others() -> None:
    def broken() -> str:
        raise OSError("no such device")

    results = DeadlineExecutor[str](DEADLINE_S).run({"bad": broken, "good": returning("1")})
    assert isinstance(results["bad"].error, OSError)
    assert results["good"].value == "1"


def test_calls_behind_one_that_hangs_are_executed(gate: Gate) -> None:
    results = DeadlineExecutor[str](DEADLINE_S, 0.01).run(
        {"first": returning("1"), "hung": gate, "last": returning("2")}
    )
    assert isinstance(results["hung"].error, DeadlineError)
    assert results["hung"].duration_s >= DEADLINE_S
    assert results["last"].value == "2"


def test_call_that_hangs_is_not_started_again_and_holds_one_thread(gate: Gate) -> None:
    executor = DeadlineExecutor[str](DEADLINE_S, 0.01)
    before = collect_threads()
    for _ in range(5):
        result = executor.run({"hung": gate})["hung"]
        assert isinstance(result.error, DeadlineError)
    assert gate.runs == 1
    assert len(collect_threads() - before) == 1
    assert executor.stuck() == ["hung"]


def test_call_that_hung_is_started_again_after_it_has_returned(gate: Gate) -> None:
    executor = DeadlineExecutor[str](DEADLINE_S, 0.01)
    executor.run({"hung": gate})
    gate.opened.set()
    ends_s = time.monotonic() + PATIENCE_S
    while executor.stuck():
        assert time.monotonic() < ends_s, "the call has not returned"
        time.sleep(0.01)
    assert executor.run({"hung": gate})["hung"].value == "through"
    assert gate.runs == 2


def test_calls_that_hang_share_one_deadline(gate: Gate) -> None:
    results = DeadlineExecutor[str](DEADLINE_S, 0.01).run({str(key): gate for key in range(8)})
    assert all(isinstance(result.error, DeadlineError) for result in results.values())
    # In sequence, the last one would start after 7 deadlines.
    assert gate.runs == 8


def test_caller_with_a_shorter_wait_does_not_wait_for_the_deadline(gate: Gate) -> None:
    executor = DeadlineExecutor[str](3600.0, 0.01)
    results = executor.run({"hung": gate, "good": returning("1")}, wait_s=0.05)
    assert isinstance(results["hung"].error, DeadlineError)
    assert results["good"].value == "1"
    # Neither does a caller that finds the call running; the call has not missed its deadline.
    assert isinstance(executor.run({"hung": gate}, wait_s=0.05)["hung"].error, DeadlineError)
    assert (gate.runs, executor.stuck()) == (1, [])


def test_concurrent_callers_share_one_call(gate: Gate) -> None:
    executor = DeadlineExecutor[str](30.0, 0.01)
    values: list[str | None] = []

    def call() -> None:
        values.append(executor.run({"shared": gate})["shared"].value)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    assert gate.entered.acquire(timeout=PATIENCE_S)
    gate.opened.set()
    for caller in callers:
        caller.join(10)
    assert values == ["through"] * 3


def test_calls_of_successive_callers_use_the_same_thread() -> None:
    executor = DeadlineExecutor[int](DEADLINE_S)
    ends_s = time.monotonic() + PATIENCE_S
    before = None
    # The worker waits for the next caller a moment after it has ended the last call.
    while (ident := executor.run({"ident": threading.get_ident})["ident"].value) != before:
        assert time.monotonic() < ends_s, "each call has a thread of its own"
        before = ident
        time.sleep(0.01)


def test_thread_ends_with_its_executor() -> None:
    before = collect_threads()
    executor = DeadlineExecutor[str](DEADLINE_S)
    executor.run({"a": returning("1")})
    (thread,) = collect_threads() - before
    del executor
    gc.collect()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_error_that_a_call_raised_is_freed_without_the_garbage_collector() -> None:
    class EffectError(Exception):
        """Unlike those of Python, an error to which weak references can be made."""

    def broken() -> str:
        try:
            return str(int("the cause"))
        except ValueError as exc:
            raise EffectError from exc

    executor = DeadlineExecutor[str](DEADLINE_S)
    gc.disable()
    try:
        results = executor.run({"broken": broken})
        error = weakref.ref(results["broken"].error)
        assert error() is not None
        del results
        assert error() is None
    finally:
        gc.enable()


def test_call_fails_if_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    executor = DeadlineExecutor[str](DEADLINE_S)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert isinstance(executor.run({"a": returning("1")})["a"].error, RuntimeError)
    assert executor.run({"a": returning("1")})["a"].value == "1"
