from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model.labels import Labels
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.snapshot import StoreSnapshot
from tests.storage.samples.naive_model import Samples, samples_of
from tests.storage.samples.sample_builders import BASE_MS, series, whole

HOUR_MS = 3_600_000


@contextmanager
def snapshot(directory: Path) -> Iterator[StoreSnapshot]:
    opened = StoreSnapshot(directory)
    opened.open()
    try:
        yield opened
    finally:
        opened.close()


def fill(store: SqliteSampleStore, vectors: int, start: int = 0) -> None:
    layout = store.layout(series("x", "y"))
    for number in range(3):
        source = store.source(Labels.of(instance=str(number)))
        for tick in range(start, start + vectors):
            store.append(source, whole(layout, BASE_MS + tick * 1000, tick, tick / 7))


def everything(reader: StoreSnapshot | SqliteSampleStore) -> Samples:
    query = reader.query if isinstance(reader, StoreSnapshot) else reader
    return samples_of(query.select([], 0, 2 * BASE_MS))


def test_snapshot_has_what_was_committed_and_nothing_later(
    store: SqliteSampleStore, tmp_path: Path
) -> None:
    fill(store, 23)
    store.maintain(BASE_MS + HOUR_MS)
    store._journal.flush()
    before = everything(store)
    fill(store, 5, start=23)
    with snapshot(tmp_path) as opened:
        assert everything(opened) == before
        store._journal.flush()
        store.maintain(BASE_MS + HOUR_MS)
        store.maintain(BASE_MS + 10**10)
        assert everything(opened) == before
        assert opened.damaged_items == 0
    with snapshot(tmp_path) as opened:
        assert everything(opened) == everything(store) != before


def test_snapshot_changes_no_file(store: SqliteSampleStore, tmp_path: Path) -> None:
    fill(store, 23)
    store.maintain(BASE_MS + HOUR_MS)
    store.close()
    (window,) = (tmp_path / "samples").glob("*.db")
    harmed = window.with_name("20200101T000000Z.db")
    harmed.write_bytes(b"no database")
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.db")}
    with snapshot(tmp_path) as opened:
        assert len(everything(opened)) == 6
        assert opened.damaged_items == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.db*") if path in files} == files
    assert {path for path in tmp_path.rglob("*") if "damaged" in path.name} == set()


def test_directory_without_samples_is_empty(tmp_path: Path) -> None:
    with snapshot(tmp_path) as opened:
        assert everything(opened) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("offset", [0, 5000])
def test_damaged_journal_loses_only_its_vectors(
    store: SqliteSampleStore, tmp_path: Path, offset: int
) -> None:
    fill(store, 23)
    store.maintain(BASE_MS + HOUR_MS)
    fill(store, 5, start=23)
    store.close()
    with (tmp_path / "journal.db").open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * 4000)
    with snapshot(tmp_path) as opened:
        assert len(everything(opened)) > 0
        assert opened.damaged_items
