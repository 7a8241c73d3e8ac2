import asyncio
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from model.labels import Labels
from storage.backup import BackupError, restore_backup, write_backup
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.verification import Verified
from storage.verification import verify
from tests.storage.samples.naive_model import Samples, samples_of
from tests.storage.samples.sample_builders import BASE_MS, series, small, whole

HOUR_MS = 3_600_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def opened(directory: Path) -> SqliteSampleStore:
    store = SqliteSampleStore(directory, small(window="1m"), clock=lambda: 0)
    store.open()
    return store


def fill(store: SqliteSampleStore, vectors: int, start: int = 0) -> None:
    layout = store.layout(series("x", "y"))
    for number in range(3):
        source = store.source(Labels.of(instance=str(number)))
        for tick in range(start, start + vectors):
            store.append(source, whole(layout, BASE_MS + tick * 1000, tick, tick / 7))


def everything(store: SqliteSampleStore) -> Samples:
    return samples_of(store.select([], 0, 2 * BASE_MS))


def backup(data: Path) -> bytes:
    stream = io.BytesIO()
    write_backup(data, stream, data, BASE_MS)
    return stream.getvalue()


def restored(content: bytes, directory: Path) -> Samples:
    restore_backup(io.BytesIO(content), directory)
    assert list(verify(directory, Verified())) == []
    store = opened(directory)
    try:
        assert store.stats().corrupt_items == 0
        return everything(store)
    finally:
        store.close()


def test_backup_of_a_running_store_holds_all_committed_samples(data: Path) -> None:
    store = opened(data)
    fill(store, 150)
    store.maintain(BASE_MS + HOUR_MS)
    fill(store, 7, start=150)
    asyncio.run(store.commit())
    before = everything(store)
    fill(store, 3, start=157)
    content = backup(data)
    assert restored(content, data.with_name("again")) == before
    store.close()


def test_samples_sealed_between_two_files_are_restored_once(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(data)
    fill(store, 150)
    asyncio.run(store.commit())
    before = everything(store)
    add = tarfile.TarFile.addfile

    def seal_and_add(tar: tarfile.TarFile, member: tarfile.TarInfo, content: io.BytesIO) -> None:
        if member.name == "journal.db":
            fill(store, 20, start=150)
            store.maintain(BASE_MS + HOUR_MS)
        add(tar, member, content)

    monkeypatch.setattr(tarfile.TarFile, "addfile", seal_and_add)
    found = restored(backup(data), data.with_name("again"))
    assert all(found[labels].items() >= samples.items() for labels, samples in before.items())
    store.close()


def test_backup_holds_every_database_and_no_other_file(data: Path) -> None:
    opened(data).close()
    with closing(sqlite3.connect(data / "records.db")) as connection:
        connection.execute("create table hosts (name text)")
        connection.execute("insert into hosts values ('a')")
        connection.commit()
    (data / "lock").touch()
    (data / "journal.db.damaged-1").touch()
    content = backup(data)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert tar.getnames() == ["journal.db", "records.db", "manifest.json"]
    again = data.with_name("again")
    manifest = restore_backup(io.BytesIO(content), again)
    assert [file.name for file in manifest.files] == ["journal.db", "records.db"]
    assert again.stat().st_mode & 0o777 == 0o700
    with closing(sqlite3.connect(again / "records.db")) as connection:
        assert connection.execute("select name from hosts").fetchall() == [("a",)]
    assert [path.name for path in data.parent.iterdir() if path.name.startswith(".")] == []


def test_existing_directory_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    opened(data).close()
    content = backup(data)
    with pytest.raises(BackupError, match="not empty"):
        restore_backup(io.BytesIO(content), data)
    empty = tmp_path / "empty"
    empty.mkdir()
    restore_backup(io.BytesIO(content), empty)
    assert (empty / "journal.db").exists()


def tar_of(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


EMPTY = json.dumps({"format": 1, "created_ms": 0, "files": []}).encode()


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content[:-9000],
        lambda content: content[:5000],
        lambda content: b"",
        lambda content: b"no tar file at all" * 100,
        lambda content: content.replace(b"journal.db", b"journal.dc", 1),
        lambda content: content[:2000] + b"\xa5" + content[2001:],
        lambda content: tar_of({"../evil.db": b"", "manifest.json": EMPTY}),
        lambda content: tar_of({"/etc/evil.db": b"", "manifest.json": EMPTY}),
        lambda content: tar_of({"samples/../../evil.db": b"", "manifest.json": EMPTY}),
        lambda content: tar_of({"manifest.json": EMPTY, "late.db": b""}),
        lambda content: tar_of({"more.db": b"", "manifest.json": EMPTY}),
        lambda content: tar_of({"manifest.json": EMPTY.replace(b"1", b"2")}),
        lambda content: tar_of({"manifest.json": b"{}"}),
    ],
)
def test_incomplete_or_damaged_backup_is_rejected(
    data: Path, harm: Callable[[bytes], bytes]
) -> None:
    store = opened(data)
    fill(store, 30)
    store.close()
    content = harm(backup(data))
    again = data.with_name("again")
    with pytest.raises(BackupError):
        restore_backup(io.BytesIO(content), again)
    assert sorted(path.name for path in data.parent.iterdir()) == ["data"]


def test_backup_holds_the_keys_readable_by_their_owner_only(data: Path, tmp_path: Path) -> None:
    data.mkdir()
    (data / "keys.json").write_text('{"format": 1}')
    restore_backup(io.BytesIO(backup(data)), tmp_path / "again")
    keys = tmp_path / "again" / "keys.json"
    assert keys.read_text() == '{"format": 1}'
    assert keys.stat().st_mode & 0o777 == 0o600
