import threading

from benchmarks.harness.background import repeated
from benchmarks.harness.processes import wait_until


def test_work_is_repeated_until_the_block_ends() -> None:
    third = threading.Event()
    done: list[int] = []

    def work() -> None:
        done.append(len(done))
        if len(done) == 3:
            third.set()

    with repeated(work, pause_s=0.0001):
        assert third.wait(60)
    assert len(done) >= 3
    assert not [each for each in threading.enumerate() if each.name == "repeated"]


def test_waiting_ends_when_it_is_done_or_too_late() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), timeout_s=60, poll_s=0)
    assert not wait_until(lambda: False, timeout_s=0, poll_s=0)
