"""Behaviour of a thread that runs functions in order."""

import gc
import threading
import weakref
from functools import partial

import pytest
from structlog.testing import capture_logs

from model.process.serial_thread import SerialThread
from tests.patience import PATIENCE_S


def threads_named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_functions_run_in_order_on_one_thread() -> None:
    thread, ran = SerialThread("serial"), list[tuple[int, str]]()

    def note(number: int) -> None:
        ran.append((number, threading.current_thread().name))

    for number in range(100):
        thread.submit(partial(note, number))
    thread.shutdown()
    assert ran == [(number, "serial") for number in range(100)]
    assert not threads_named("serial")


def test_thread_starts_with_the_first_function() -> None:
    thread = SerialThread("late")
    assert not threads_named("late")
    thread.shutdown()
    thread.shutdown()


def test_function_after_the_shutdown_is_refused() -> None:
    thread = SerialThread("ended")
    thread.shutdown()
    with pytest.raises(RuntimeError, match="ended has been shut down"):
        thread.submit(lambda: None)


def test_error_is_logged_and_the_next_function_runs() -> None:
    thread, ran = SerialThread("failing"), list[str]()

    def fail() -> None:
        raise ValueError("no")

    with capture_logs() as logs:
        thread.submit(fail)
        thread.submit(lambda: ran.append("next"))
        thread.shutdown()
    assert ran == ["next"]
    assert [(line["event"], line["thread"]) for line in logs] == [("thread_work_failed", "failing")]


def test_waiting_thread_keeps_nothing_of_the_last_function() -> None:
    class Kept:
        """Something that a function refers to."""

        def use(self) -> None:
            """Do nothing."""

    thread, kept = SerialThread("waiting"), Kept()
    alive = weakref.ref(kept)
    done = threading.Event()
    thread.submit(kept.use)
    thread.submit(done.set)
    assert done.wait(PATIENCE_S)
    del kept
    gc.collect()
    assert alive() is None
    thread.shutdown()


def test_thread_ends_with_its_object() -> None:
    thread = SerialThread("dropped")
    thread.submit(lambda: None)
    (running,) = threads_named("dropped")
    del thread
    gc.collect()
    running.join(PATIENCE_S)
    assert not running.is_alive()
