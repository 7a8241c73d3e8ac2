"""Errors that leave worker threads keep no memory."""

import gc
import re
import traceback
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.process.worker_threads import WorkerThreads, drop_tracebacks

ROOT = Path(__file__).parents[3]
PACKAGES = ("storage", "promql", "scraper", "ingest", "alerting", "analytics", "web", "daemon")


class Large:
    """An object whose end can be observed."""


@pytest.fixture(autouse=True)
def _without_collections() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def failing(references: list[weakref.ref[Large]], given: Large) -> None:
    large = Large()
    references += [weakref.ref(large), weakref.ref(given)]
    try:
        int("the cause")
    except ValueError as exc:
        raise KeyError("the error") from exc


def test_error_keeps_its_traceback_but_no_local_variable_nor_argument() -> None:
    references: list[weakref.ref[Large]] = []
    with WorkerThreads(1) as threads:
        error = threads.submit(failing, references, Large()).exception()
    assert error is not None
    assert [each() for each in references] == [None, None]
    lines = "".join(traceback.format_exception(error))
    assert 'int("the cause")' in lines
    assert 'raise KeyError("the error") from exc' in lines


def test_errors_of_a_group_keep_no_local_variable() -> None:
    references: list[weakref.ref[Large]] = []

    def group() -> None:
        try:
            failing(references, Large())
        except KeyError as exc:
            raise ExceptionGroup("several", [exc]) from None

    with WorkerThreads(1) as threads:
        error = threads.submit(group).exception()
    assert isinstance(error, ExceptionGroup)
    assert [each() for each in references] == [None, None]


def test_dropped_tracebacks_free_the_frames_of_causes_too() -> None:
    references: list[weakref.ref[Large]] = []
    try:
        failing(references, Large())
    except KeyError as exc:
        error = exc
    assert references[0]() is not None
    drop_tracebacks(error)
    assert references[0]() is None
    assert error.__cause__ is not None


def test_result_and_arguments_pass_through() -> None:
    with WorkerThreads(1) as threads:
        assert threads.submit(divmod, 7, 2).result() == (3, 1)


def test_every_thread_pool_of_the_server_is_one_of_worker_threads() -> None:
    others = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if re.search(r"\bThreadPoolExecutor\b", path.read_text(encoding="utf-8"))
    ]
    assert others == []
