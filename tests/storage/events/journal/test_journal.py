"""The journal keeps what was acknowledged, whatever a crash leaves of its files."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.api.errors import CorruptDataError, StorageError, UnwritableError
from storage.api.requests import NewRequest
from storage.events.files import journal_file_problems, journal_file_state
from storage.events.journal import EventJournal, RequestRows
from storage.events.journal.segments import segment_paths

MARK = b"of-tests"


def rows(number: int) -> RequestRows:
    return RequestRows(1, [NewRequest(number, "GET", "/", "/", 200, 1)])


def opened(path: Path, folded: int = 0, mark: bytes = MARK) -> EventJournal:
    journal = EventJournal(path)
    journal.open(mark, folded)
    return journal


def numbers(journal: EventJournal) -> list[int]:
    found = [each for _, each in journal.batches()]
    return [each.requests[0].time_ms for each in found if isinstance(each, RequestRows)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.duckdb"


def test_batches_are_pending_after_a_restart_until_they_are_folded(path: Path) -> None:
    journal = opened(path)
    journal.append([rows(1), rows(2)])
    taken = journal.begin_fold()
    journal.append([rows(3)])
    journal.close()
    # The first two have been folded; the crash came before their file was deleted.
    again = opened(path, folded=taken[-1][0])
    assert numbers(again) == [3]
    assert again.pending.rows == 1
    again.append([rows(4)])
    again.close()
    third = opened(path, folded=taken[-1][0])
    assert numbers(third) == [3, 4]
    third.forget(third.begin_fold()[-1][0])
    assert segment_paths(path) == []
    assert (third.pending.rows, third.fresh.rows) == (0, 0)


def test_numbers_go_on_after_a_restart_without_files(path: Path) -> None:
    journal = opened(path, folded=7)
    journal.append([rows(1)])
    assert [number for number, _ in journal.batches()] == [8]
    journal.close()


@pytest.mark.parametrize("later", [False, True])
@given(cut=st.integers(1, 200))
def test_an_incomplete_last_record_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, later: bool, cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "events.duckdb"
    journal = opened(path)
    journal.append([rows(1)])
    (segment,) = segment_paths(path)
    complete = segment.stat().st_size
    journal.append([rows(2)])
    journal.begin_fold()
    size = segment.stat().st_size
    if later:
        journal.append([rows(3)])
    os.truncate(segment, max(complete, size - cut))
    journal.close()
    assert numbers(opened(path)) == ([1, 3] if later else [1])


@pytest.mark.parametrize("at", [20, 30, 45, -1])
def test_a_record_with_a_changed_byte_is_left_out(path: Path, at: int) -> None:
    journal = opened(path)
    journal.append([rows(1)])
    journal.close()
    (segment,) = segment_paths(path)
    data = bytearray(segment.read_bytes())
    data[at] ^= 1
    segment.write_bytes(data)
    assert numbers(opened(path)) == []


def test_a_file_of_another_store_is_refused(path: Path) -> None:
    journal = opened(path, mark=b"anothers")
    journal.append([rows(1)])
    journal.close()
    with pytest.raises(CorruptDataError, match=r"journal-0+1 is not of the events\.duckdb"):
        opened(path)
    assert len(segment_paths(path)) == 1


@pytest.mark.parametrize("call", ["write", "fdatasync"])
@pytest.mark.parametrize("can_truncate", [True, False])
def test_a_batch_that_the_disk_refuses_is_neither_pending_nor_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, can_truncate: bool
) -> None:
    journal = opened(path)
    journal.append([rows(1)])
    monkeypatch.setattr(os, call, refused)
    if not can_truncate:
        monkeypatch.setattr(os, "ftruncate", refused)
    with pytest.raises(UnwritableError, match=r"events\.duckdb: .*No space left"):
        journal.append([rows(2)])
    monkeypatch.undo()
    journal.append([rows(3)])
    assert numbers(journal) == [1, 3]
    journal.close()
    # A sync that fails can leave the bytes; nothing can be said of them then.
    is_certain = can_truncate or call == "write"
    assert not is_certain or numbers(opened(path)) == [1, 3]


def refused(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_file_that_cannot_be_created_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(path)
    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(UnwritableError):
        journal.append([rows(1)])
    monkeypatch.undo()
    assert journal.batches() == []
    journal.append([rows(2)])
    assert numbers(journal) == [2]
    journal.close()


def test_a_text_that_is_not_unicode_is_refused(path: Path) -> None:
    journal = opened(path)
    bad = RequestRows(1, [NewRequest(1, "GET", "/\ud800", "/", 200, 1)])
    with pytest.raises(StorageError, match="text"):
        journal.append([rows(1), bad])
    assert journal.batches() == []
    journal.append([rows(2)])
    assert numbers(journal) == [2]
    journal.close()


def test_a_write_of_a_part_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    journal = opened(path)
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:7])))
    journal.append([rows(1)])
    monkeypatch.undo()
    journal.close()
    assert numbers(opened(path)) == [1]


@given(at=st.integers(0, 10**6), flipped=st.integers(0, 7))
def test_only_the_damaged_record_is_lost_and_its_file_kept(
    tmp_path_factory: pytest.TempPathFactory, at: int, flipped: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "events.duckdb"
    journal = opened(path)
    ends = []
    for number in (1, 2, 3):
        journal.append([rows(number)])
        (segment,) = segment_paths(path)
        ends.append(segment.stat().st_size)
    journal.close()
    data = bytearray(segment.read_bytes())
    # Anywhere in the second of three records, its length included.
    data[ends[0] + at % (ends[1] - ends[0])] ^= 1 << flipped
    segment.write_bytes(data)
    assert journal_file_problems(segment) == ["1 of its batches cannot be read"]
    again = opened(path)
    assert numbers(again) == [1, 3]
    again.forget(again.begin_fold()[-1][0])
    assert segment_paths(path) == []
    kept = path.with_name(segment.name.replace(".journal", ".damaged-journal"))
    assert kept.read_bytes() == bytes(data)


@pytest.mark.parametrize("cut", [1, 8, 30])
def test_file_that_a_crash_has_torn_is_no_damage(path: Path, cut: int) -> None:
    journal = opened(path)
    journal.append([rows(1)])
    journal.append([rows(2)])
    journal.close()
    (segment,) = segment_paths(path)
    assert journal_file_state(segment) == "sound, 2 batches with 2 rows for the tables"
    os.truncate(segment, segment.stat().st_size - cut)
    assert journal_file_problems(segment) == []
    state = journal_file_state(segment)
    assert state.startswith("torn at its end, 1 batch with 1 row for the tables; the last ")


def test_file_that_is_none_of_the_journal_is_named(path: Path) -> None:
    stray = path.with_name("events.duckdb.journal-0000000000000001")
    stray.write_bytes(b"something else entirely")
    (problem,) = journal_file_problems(stray)
    assert "move it to another directory" in problem
