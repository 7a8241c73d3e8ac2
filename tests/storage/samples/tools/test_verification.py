import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from model.labels import Labels
from storage.samples.store import SqliteSampleStore
from storage.samples.tools.snapshot import StoreSnapshot
from storage.samples.tools.verification import Verified
from storage.samples.windows.window import Window
from storage.verification import verify
from tests.storage.samples.naive_model import Samples, samples_of
from tests.storage.samples.sample_builders import BASE_MS, series, whole

HOUR_MS = 3_600_000


def fill(store: SqliteSampleStore, vectors: int, start: int = 0) -> None:
    layout = store.layout(series("x", "y", "z"))
    for number in range(3):
        source = store.source(Labels.of(instance=str(number)))
        for tick in range(start, start + vectors):
            store.append(source, whole(layout, BASE_MS + tick**2 * 10, tick, tick / 7, number))


def problems(directory: Path) -> list[str]:
    return [f"{problem.file}: {problem.what}" for problem in verify(directory, Verified())]


@pytest.fixture
def window(store: SqliteSampleStore, tmp_path: Path) -> Path:
    """A window with a merged and two sealed runs, beside a journal with some rows."""
    fill(store, 20)
    store.maintain(BASE_MS + HOUR_MS)
    store._compactor.merge_all()
    fill(store, 20, start=20)
    store.maintain(BASE_MS + HOUR_MS)
    fill(store, 3, start=40)
    store.close()
    (window,) = (tmp_path / "samples").glob("*.db")
    return window


def test_undamaged_store_has_no_problems(window: Path, tmp_path: Path) -> None:
    verified = Verified()
    assert list(verify(tmp_path, verified)) == []
    assert (verified.windows, verified.samples) == (1, 40 * 3 * 3)
    assert verified.chunks
    assert verified.journal_rows == 1


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update pieces_0 set data = zeroblob(9) where key = (select min(key) from pieces_0)", "x"),
        ("delete from pieces_2 where key = (select max(key) from pieces_2)", "were written"),
        ("insert into pieces_2 select max(key) + 1, x'00' from pieces_2", "run"),
        ("update chunks set times = x'01' where id = (select min(id) from chunks)", "times"),
        ("update chunks set start_ms = start_ms + 1", "times"),
        ("update chunks set start_ms = 5, end_ms = 6", "window"),
        ("update chunks set samples = 1 where id = (select min(id) from chunks)", "samples"),
        ("update layouts set series = x'00'", "decompress"),
        ("update layouts set digest = x'00'", "digest"),
        ("delete from layouts", "is missing"),
        ("update runs set sizes = x'' where id = (select min(id) from runs)", "written with"),
        ("update window set version = 99", "version"),
        ("update sources set labels = x'00'", "decode"),
    ],
)
def test_damage_is_reported(window: Path, tmp_path: Path, statement: str, told: str) -> None:
    connection = sqlite3.connect(window)
    with connection:
        connection.execute(statement)
    connection.close()
    found = problems(tmp_path)
    assert found
    assert all(problem.startswith(window.name) for problem in found)
    assert any(told in problem for problem in found)


def test_overlapping_chunks_are_reported(window: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(window)
    with connection:
        connection.execute("update chunks set source = 1")
    connection.close()
    assert any("begins before" in problem for problem in problems(tmp_path))


def test_damaged_journal_row_is_reported(window: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.db")
    with connection:
        connection.execute("update journal set records = zeroblob(80)")
    connection.close()
    (problem,) = problems(tmp_path)
    assert problem.startswith("journal.db: row ")


def everything(directory: Path) -> Samples:
    opened = StoreSnapshot(directory)
    opened.open()
    try:
        return samples_of(opened.query.select([], 0, 2 * BASE_MS))
    finally:
        opened.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), flipped=st.integers(1, 255))
def test_any_flipped_byte_that_changes_a_value_is_reported(
    window: Path, tmp_path: Path, place: float, flipped: int
) -> None:
    sound = window.read_bytes()
    expected = everything(tmp_path)
    at = int(place * len(sound))
    window.write_bytes(sound[:at] + bytes([sound[at] ^ flipped]) + sound[at + 1 :])
    try:
        with capture_logs():
            found = everything(tmp_path)
            assert found == expected or problems(tmp_path)
    finally:
        window.write_bytes(sound)


@pytest.mark.parametrize("reads", [1, 4, 6, 9])
def test_a_server_may_seal_and_merge_during_verification(
    store: SqliteSampleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    fill(store, 20)
    store.maintain(BASE_MS + HOUR_MS)
    fill(store, 20, start=20)
    store._journal.flush()
    left = count(reads, -1)
    read = Window.read

    def read_beside(window: Window, work: Callable[[sqlite3.Connection], object]) -> object:
        if next(left) == 0:
            store.maintain(BASE_MS + HOUR_MS)
            store._compactor.merge_all()
        return read(window, work)

    monkeypatch.setattr(Window, "read", read_beside)
    assert problems(tmp_path) == []
    assert next(left) < 0
