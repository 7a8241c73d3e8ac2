"""Snapshots of the sample store, taken while it is written."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.labels import Labels
from storage.api.errors import StorageError
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.verification import Verified
from storage.snapshots import StoreAdministration, write_snapshot
from storage.verification import verify
from tests.storage.samples.naive_model import samples_of
from tests.storage.samples.sample_builders import BASE_MS, named, series, small, whole


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteSampleStore]:
    store = SqliteSampleStore(tmp_path, small(), clock=lambda: BASE_MS + 60_000)
    store.open()
    source, layout = store.source(Labels.of(job="node")), store.layout(series("a", "b"))
    for number in range(12):
        store.append(source, whole(layout, BASE_MS + number * 1000, number, -number))
    asyncio.run(store.commit())
    # Ten vectors are sealed, two are in the journal only.
    store.maintain(BASE_MS + 100_000)
    yield store
    store.close()


def metrics(directory: Path) -> dict[str, int]:
    """Return the number of samples of each metric in a data directory."""
    copy = SqliteSampleStore(directory, small(), clock=lambda: BASE_MS + 60_000)
    copy.open()
    found = samples_of(copy.select([], 0, 2 * BASE_MS))
    copy.close()
    return {labels.metric: len(by_time) for labels, by_time in found.items()}


def test_snapshot_is_a_data_directory_with_all_samples(
    store: SqliteSampleStore, tmp_path: Path
) -> None:
    store.delete_series([named("b")], BASE_MS, BASE_MS + 1000)
    administration = StoreAdministration(store, tmp_path, lambda: BASE_MS)
    name = administration.snapshot(skip_head=False)
    assert name.startswith("20231114T221320Z-")
    snapshot = tmp_path / "snapshots" / name
    assert list(verify(snapshot, Verified())) == []
    assert metrics(snapshot) == {"a": 12, "b": 10}
    assert administration.snapshot(skip_head=False) != name


def test_snapshot_without_head_has_sealed_samples_only(
    store: SqliteSampleStore, tmp_path: Path
) -> None:
    snapshot = write_snapshot(tmp_path, "x", skip_head=True)
    assert not (snapshot / "journal.db").exists()
    assert metrics(snapshot) == {"a": 10, "b": 10}


def test_snapshot_is_readable_by_its_owner_only(store: SqliteSampleStore, tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path, "x")
    assert snapshot.stat().st_mode & 0o077 == 0


def test_failed_snapshot_leaves_nothing(
    store: SqliteSampleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.syncing.os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_snapshot(tmp_path, "x")
    assert list((tmp_path / "snapshots").iterdir()) == []
