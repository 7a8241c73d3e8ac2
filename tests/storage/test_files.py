"""A kind of file needs one entry to be backed up, restored, verified and examined."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from daemon.data_directory import DataDirectory
from daemon.doctor.files import examine_data_directory
from daemon.doctor.findings import Verdict
from storage.backup import BackupError, restore_backup, write_backup
from storage.files import FILE_KINDS, FileKind, copy_replaced_file
from storage.samples.tools.verification import Verified
from storage.verification import Problem, verify

DAMAGED = "a line is too short"


def problems(path: Path) -> Sequence[str]:
    return [DAMAGED for line in path.read_text().splitlines() if len(line) < 4]


def verified_lines(path: Path, verified: Verified) -> Iterator[str]:
    verified.samples += len(path.read_text().splitlines())
    yield from problems(path)


NOTES = FileKind("notes/*.txt", copy_replaced_file, problems, verified_lines)
KINDS = (*FILE_KINDS, NOTES)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    (directory / "notes").mkdir(mode=0o700, parents=True)
    (directory / "notes" / "2026.txt").write_text("first\nsecond\n")
    (directory / "lock").touch()
    return directory


def backup(data: Path) -> bytes:
    stream = io.BytesIO()
    write_backup(data, stream, data, 0, KINDS)
    return stream.getvalue()


def test_registered_file_is_backed_up_and_restored(data: Path, tmp_path: Path) -> None:
    restored = tmp_path / "restored"
    manifest = restore_backup(io.BytesIO(backup(data)), restored, KINDS)
    assert [file.name for file in manifest.files] == ["notes/2026.txt"]
    assert (restored / "notes" / "2026.txt").read_text() == "first\nsecond\n"
    assert not (restored / "lock").exists()


def test_file_of_no_kind_is_not_restored(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"unexpected entry 'notes/2026\.txt'"):
        restore_backup(io.BytesIO(backup(data)), tmp_path / "restored")


def test_stray_database_of_an_older_backup_is_restored(data: Path, tmp_path: Path) -> None:
    stray = FileKind("records-old.db", copy_replaced_file)
    (data / "records-old.db").write_bytes(b"old")
    stream = io.BytesIO()
    write_backup(data, stream, data, 0, [stray])
    stream.seek(0)
    restore_backup(stream, tmp_path / "restored")
    assert (tmp_path / "restored" / "records-old.db").read_bytes() == b"old"


def test_registered_file_is_verified(data: Path) -> None:
    verified = Verified()
    assert list(verify(data, verified, KINDS)) == []
    assert verified.samples == 2
    (data / "notes" / "2026.txt").write_text("1\n")
    assert list(verify(data, Verified(), KINDS)) == [Problem("2026.txt", DAMAGED)]


def test_registered_file_is_examined_by_doctor(data: Path) -> None:
    (data / "notes" / "2026.txt").write_text("1\n")
    found = {item.subject: item for item in examine_data_directory(DataDirectory(data), KINDS)}
    assert found["file notes/2026.txt"].verdict is Verdict.BAD
    assert found["file notes/2026.txt"].detail == DAMAGED


@pytest.mark.parametrize(
    ("name", "included"),
    [("notes/a.txt", True), ("a.txt", False), ("notes/b/a.txt", False), ("x/notes/a.txt", False)],
)
def test_kind_includes_paths_of_its_own_depth_only(name: str, included: bool) -> None:
    assert NOTES.includes(name) is included
