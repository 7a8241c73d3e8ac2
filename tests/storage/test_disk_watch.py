"""The watch over the disk of a data directory."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from model.conditions import DISK_SLOW, Conditions
from storage.database import STUCK_S, Writer
from storage.disk_watch import DiskWatch
from tests.patience import PATIENCE_S


def names(conditions: Conditions) -> list[str]:
    return [one.kind.name for one in conditions.active()]


def watched(
    directory: Path, writing: Mapping[str, Callable[[], float]] | None = None
) -> tuple[DiskWatch, Conditions]:
    directory.mkdir(exist_ok=True)
    conditions = Conditions(lambda: 0)
    watch = DiskWatch(directory, conditions, writing)
    watch.start()
    watch.stop()
    return watch, conditions


def test_directory_that_is_moved_away_is_gone_until_it_is_back(tmp_path: Path) -> None:
    watch, conditions = watched(tmp_path / "data")
    watch.look()
    assert names(conditions) == []
    (tmp_path / "data").rename(tmp_path / "away")
    watch.look()
    assert names(conditions) == ["data_directory_gone"]
    assert "No such file" in conditions.active()[0].reason
    (tmp_path / "data").mkdir()
    watch.look()
    assert "another directory" in conditions.active()[0].reason
    (tmp_path / "data").rmdir()
    (tmp_path / "away").rename(tmp_path / "data")
    watch.look()
    assert names(conditions) == []


@pytest.fixture
def passing_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that makes each later look at the monotonic clock later by so much."""
    step, now = [0.0], [100.0]

    def monotonic() -> float:
        now[0] += step[0]
        return now[0]

    monkeypatch.setattr(time, "monotonic", monotonic)

    def each_s(seconds: float) -> None:
        step[0] = seconds

    return each_s


def test_slow_commit_is_a_condition_until_a_synced_write_is_fast(
    tmp_path: Path, passing_time: Callable[[float], None]
) -> None:
    watch, conditions = watched(tmp_path)
    writer = Writer(tmp_path / "a.db", conditions=conditions)
    writer.open()

    def create(connection: sqlite3.Connection) -> None:
        connection.execute("create table if not exists a (b)")

    passing_time(0.01)
    writer.submit(create).result()
    assert names(conditions) == []
    passing_time(3.0)
    writer.submit(create).result()
    assert names(conditions) == ["disk_slow"]
    assert conditions.active()[0].reason == "a.db: 3.0 s for a commit"
    watch.look()
    assert names(conditions) == ["disk_slow"]
    passing_time(0.01)
    watch.look()
    assert names(conditions) == []
    writer.close()


def test_watch_leaves_no_file(tmp_path: Path) -> None:
    watch, conditions = watched(tmp_path)
    conditions.set(DISK_SLOW)
    watch.look()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("disk_slow")
def test_write_that_does_not_return_is_a_condition_until_it_does(
    tmp_path: Path, passing_time: Callable[[float], None]
) -> None:
    writer = Writer(tmp_path / "a.db")
    watch, conditions = watched(tmp_path, {"a.db": lambda: writer.writing_s})
    writer.open()
    began, may_end = threading.Event(), threading.Event()

    def hang(_: sqlite3.Connection) -> None:
        began.set()
        may_end.wait(PATIENCE_S)

    watch.look_for_stuck()
    assert names(conditions) == []
    hanging = writer.submit(hang)
    try:
        assert began.wait(PATIENCE_S)
        passing_time(STUCK_S)
        watch.look_for_stuck()
        passing_time(0)
        assert names(conditions) == ["disk_slow"]
        assert conditions.active()[0].reason == "a.db: a write has not returned for 5 s"
        watch.look()
        assert names(conditions) == ["disk_slow"]
    finally:
        may_end.set()
    hanging.result()
    watch.look()
    assert names(conditions) == []
    writer.close()
