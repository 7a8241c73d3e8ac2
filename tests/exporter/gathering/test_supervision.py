import threading
from collections.abc import Callable, Iterator

import pytest

from exporter.errors import DeadlineError
from exporter.gathering.supervision import Supervisor

DEADLINE_S = 0.2


class Gate:
    """Work that hangs until the gate is opened."""

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


def test_outcomes_come_in_order_with_what_each_returned() -> None:
    outcomes = Supervisor[str](DEADLINE_S).run({"a": returning("1"), "b": returning("2")})
    assert [(key, outcome.value, outcome.error) for key, outcome in outcomes.items()] == [
        ("a", "1", None),
        ("b", "2", None),
    ]


def test_work_that_raises_costs_only_itself() -> None:
    def broken() -> str:
        raise OSError("no such device")

    outcomes = Supervisor[str](DEADLINE_S).run({"bad": broken, "good": returning("1")})
    assert isinstance(outcomes["bad"].error, OSError)
    assert outcomes["good"].value == "1"


def test_work_behind_one_that_hangs_is_done_all_the_same(gate: Gate) -> None:
    outcomes = Supervisor[str](DEADLINE_S, 0.01).run(
        {"first": returning("1"), "hung": gate, "last": returning("2")}
    )
    assert isinstance(outcomes["hung"].error, DeadlineError)
    assert outcomes["hung"].duration_s >= DEADLINE_S
    assert outcomes["last"].value == "2"


def test_hung_work_is_not_started_again_and_holds_one_thread(gate: Gate) -> None:
    supervisor = Supervisor[str](DEADLINE_S, 0.01)
    before = collect_threads()
    for _ in range(5):
        outcome = supervisor.run({"hung": gate})["hung"]
        assert isinstance(outcome.error, DeadlineError)
    assert gate.runs == 1
    assert len(collect_threads() - before) == 1
    assert supervisor.stuck() == ["hung"]


def test_work_that_came_back_is_run_again(gate: Gate) -> None:
    supervisor = Supervisor[str](DEADLINE_S, 0.01)
    supervisor.run({"hung": gate})
    threads = collect_threads()
    gate.opened.set()
    for thread in threads:
        thread.join(10)
    assert supervisor.stuck() == []
    assert supervisor.run({"hung": gate})["hung"].value == "through"
    assert gate.runs == 2


def test_several_that_hang_are_waited_for_together(gate: Gate) -> None:
    outcomes = Supervisor[str](DEADLINE_S, 0.01).run({str(key): gate for key in range(8)})
    assert all(isinstance(outcome.error, DeadlineError) for outcome in outcomes.values())
    # One after the other, the last would have started at 7 deadlines.
    assert gate.runs == 8


def test_caller_in_a_hurry_does_not_wait_for_the_deadline(gate: Gate) -> None:
    supervisor = Supervisor[str](3600.0, 0.01)
    outcomes = supervisor.run({"hung": gate, "good": returning("1")}, wait_s=0.05)
    assert isinstance(outcomes["hung"].error, DeadlineError)
    assert outcomes["good"].value == "1"
    # Nor does one who finds it running already; and it has not missed its deadline.
    assert isinstance(supervisor.run({"hung": gate}, wait_s=0.05)["hung"].error, DeadlineError)
    assert (gate.runs, supervisor.stuck()) == (1, [])


def test_two_callers_share_one_run(gate: Gate) -> None:
    supervisor = Supervisor[str](30.0, 0.01)
    values: list[str | None] = []

    def call() -> None:
        values.append(supervisor.run({"shared": gate})["shared"].value)

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    assert gate.entered.acquire(timeout=10)
    gate.opened.set()
    for caller in callers:
        caller.join(10)
    assert values == ["through"] * 3


def test_work_fails_where_no_thread_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    supervisor = Supervisor[str](DEADLINE_S)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert isinstance(supervisor.run({"a": returning("1")})["a"].error, RuntimeError)
    assert supervisor.run({"a": returning("1")})["a"].value == "1"
