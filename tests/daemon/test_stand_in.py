"""The databases of a read-only data directory are copied, and return to it."""

import errno
import os
import shutil
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

from daemon import stand_in
from daemon.data_directory import DataDirectory
from daemon.errors import DataDirectoryError
from daemon.stand_in import is_read_only, standing_in


def database(path: Path, *rows: int) -> sqlite3.Connection:
    """Return the open connection of a new database in WAL mode."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table if not exists a (b)")
    connection.executemany("insert into a values (?)", [(row,) for row in rows])
    return connection


def rows(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    try:
        return [row for (row,) in connection.execute("select b from a order by b")]
    finally:
        connection.close()


@pytest.fixture
def original(tmp_path: Path) -> DataDirectory:
    """A data directory after `kill -9`: the last rows are in the WAL only."""
    live, killed = tmp_path / "live", tmp_path / "data"
    live.mkdir()
    connection = database(live / "records.db", 1, 2)
    (live / "samples").mkdir()
    (live / "samples" / "window.db").write_bytes(b"window")
    (live / "keys.json").write_text("{}")
    for name in ("lock", "reserve", "redshank.sock"):
        (live / name).touch()
    shutil.copytree(live, killed)
    connection.close()
    return DataDirectory(killed)


@pytest.fixture
def read_only(original: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> DataDirectory:
    monkeypatch.setattr(stand_in, "is_read_only", lambda directory: directory == original.path)
    return original


def test_directory_that_can_be_written_needs_no_stand_in(original: DataDirectory) -> None:
    assert not is_read_only(original.path)
    with standing_in(original) as found:
        assert found is None


def test_missing_directory_needs_no_stand_in(tmp_path: Path) -> None:
    with standing_in(DataDirectory(tmp_path / "none")) as found:
        assert found is None


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.EROFS, True), (errno.EACCES, False), (errno.ENOSPC, False)]
)
def test_only_a_read_only_file_system_is_stood_in_for(
    original: DataDirectory, monkeypatch: pytest.MonkeyPatch, number: int, expected: bool
) -> None:
    def touch(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "touch", touch)
    assert is_read_only(original.path) is expected


def test_databases_are_copied_and_all_else_is_linked(read_only: DataDirectory) -> None:
    with standing_in(read_only) as found:
        assert found is not None
        path = found.directory.path
        assert rows(path / "records.db") == [1, 2]
        assert not (path / "keys.json").is_symlink()
        assert (path / "samples").is_symlink()
        assert not any((path / name).exists() for name in ("lock", "reserve", "redshank.sock"))
    assert not path.exists()
    assert (read_only.path / "samples" / "window.db").read_bytes() == b"window"


def test_databases_return_with_what_was_added(read_only: DataDirectory) -> None:
    with standing_in(read_only) as found:
        assert found is not None
        database(found.directory.records, 3).close()
        assert found.give_back()
    assert rows(read_only.records) == [1, 2, 3]
    assert not (read_only.path / "records.db.new").exists()
    assert read_only.records.stat().st_mode & 0o777 == 0o600


def test_directory_that_takes_nothing_back_is_left_as_it_is(
    read_only: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copyfile(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with standing_in(read_only) as found:
        assert found is not None
        database(found.directory.records, 3).close()
        monkeypatch.setattr(shutil, "copyfile", copyfile)
        assert not found.give_back()
    assert rows(read_only.records) == [1, 2]


def test_stand_in_without_room_says_what_to_do(
    read_only: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free=1000))
    with pytest.raises(DataDirectoryError, match="remount,rw"), standing_in(read_only):
        pass
