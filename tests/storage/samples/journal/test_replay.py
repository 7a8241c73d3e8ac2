from collections import Counter
from pathlib import Path
from unittest.mock import Mock

import pytest

from model.labels import Labels
from storage.api.errors import StoreClosedError
from storage.samples.catalog import label_encoding, tables
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.sample_builders import BASE_MS, change, named, series, small, whole


def opened(directory: Path) -> SqliteSampleStore:
    store = SqliteSampleStore(directory, small(chunk_vectors=100), clock=lambda: BASE_MS)
    store.open()
    return store


def grow_a_source(directory: Path, columns: int) -> None:
    """Append a vector with one more series each time."""
    store = opened(directory)
    source, names = store.source(Labels.of(job="node")), ["m0"]
    store.append(source, whole(store.layout(series(*names)), BASE_MS, 0))
    for column in range(1, columns):
        names.append(f"m{column}")
        layout = store.layout(series(*names))
        store.append(source, change(layout, BASE_MS + column, {column: column}))
        store._journal.flush()
    store.close()


def test_stopped_replay_ends_the_start_and_loses_nothing(tmp_path: Path) -> None:
    grow_a_source(tmp_path, 3)
    stopped = SqliteSampleStore(tmp_path, small(), clock=lambda: BASE_MS)
    stopped.stop_opening()
    with pytest.raises(StoreClosedError, match="stopped"):
        stopped.open()
    stopped.close()
    again = opened(tmp_path)
    assert len(again.select(named("m2"), BASE_MS, BASE_MS + 9)) == 1
    again.close()


def test_layout_that_grew_is_read_once_and_its_earlier_forms_are_freed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow_a_source(tmp_path, 15)
    unpack, rows = label_encoding.unpack_series, Counter[bytes]()

    def recorded(data: bytes) -> bytes:
        rows[data] += 1
        return unpack(data)

    monkeypatch.setattr(tables, "unpack_series", recorded)
    store = opened(tmp_path)
    # One row for each layout, and each was unpacked once.
    assert len(rows) == rows.total() == 15
    assert store.stats().layouts == 1
    assert len(store.select([], BASE_MS, BASE_MS + 99)[0].labels) == 15
    store.close()


def test_layouts_of_many_sources_are_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path)
    for number in range(50):
        source = store.source(Labels.of(instance=str(number)))
        store.append(source, whole(store.layout(series(f"m{number}")), BASE_MS, number))
    store.close()
    again = SqliteSampleStore(tmp_path, small(), clock=lambda: BASE_MS)
    with monkeypatch.context() as patched:
        read = Mock(side_effect=again._journal.read)
        patched.setattr(again._journal, "read", read)
        again.open()
    assert read.call_count < 10
    assert len(again.select(named("m49"), BASE_MS, BASE_MS)) == 1
    again.close()
