"""Rows of a wrong type, as a failing disk leaves them, are logged and skipped."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from model.labels import Labels
from storage.samples.tools.verification import Verified
from storage.verification import verify
from tests.storage.samples.naive_model import Samples
from tests.storage.samples.sample_builders import BASE_MS, series, whole
from tests.storage.samples.test_damage import MINUTE_MS, everything, filled, opened, samples_in

WRONG = ("NULL", "'text'", "99999999999999", "x'ff00'")
FIRST, ALL = "rowid = (select min(rowid) from {table})", "1"

# A read cannot detect that a metric name is another one; `store verify` can.
SEEN_BY_VERIFY_ONLY = {"metrics", "pieces_0"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a store with chunks, a journal and a layout that has grown."""
    directory = tmp_path_factory.mktemp("sound") / "data"
    store = opened(directory, chunk_vectors=10)
    filled(store, 25)
    store.maintain(BASE_MS + 10 * MINUTE_MS)
    filled(store, 10, start=25)
    grown = store.layout(series("x", "y", "z", "w"))
    store.append(store.source(Labels.of(instance="0")), whole(grown, BASE_MS + 40_000, 1, 2, 3, 4))
    store.close()
    return directory


def columns(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the table and column of all data in a file."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite%'"
        ).fetchall()
        for (table,) in tables:
            if connection.execute(f"select count(*) from {table}").fetchone() != (0,):
                for column in connection.execute(f"pragma table_info({table})").fetchall():
                    yield table, column[1]


def changed(path: Path, statement: str) -> bool:
    """Change a file; return False if SQLite itself refuses the value."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            with connection:
                connection.execute(statement)
        except sqlite3.Error:
            return False
    return True


def contradictions(found: Samples, before: Samples) -> list[object]:
    """Return the samples that differ from those written."""
    return [
        (labels, time_ms)
        for labels, samples in found.items()
        for time_ms, bits in samples.items()
        if before.get(labels, {}).get(time_ms) != bits
    ]


def held_against(directory: Path, before: Samples, table: str) -> None:
    """Open, read, write, merge and read again."""
    with capture_logs() as logs:
        store = opened(directory, chunk_vectors=10)
        after = everything(store)
        store.label_names([], 0, 2 * BASE_MS)
        assert contradictions(after, before) == []
        filled(store, 30, start=100)
        store.maintain(BASE_MS + 10**9)
        again = everything(store)
        corrupt_items = store.stats().corrupt_items
        store.close()
    assert samples_in(again) == samples_in(after) + 30 * 4 * 3
    if samples_in(after) < samples_in(before) and table not in SEEN_BY_VERIFY_ONLY:
        assert corrupt_items
        assert any("fix" in entry for entry in logs)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("where", [FIRST, ALL], ids=["first", "all"])
def test_wrong_value_loses_only_its_row(
    sound: Path, tmp_path: Path, wrong: str, where: str
) -> None:
    store = opened(shutil.copytree(sound, tmp_path / "before"))
    before = everything(store)
    store.close()
    files = [Path("journal.db"), *(file.relative_to(sound) for file in sound.glob("samples/*.db"))]
    for file in files:
        for table, column in columns(sound / file):
            case = shutil.copytree(sound, tmp_path / "case")
            condition = where.format(table=table)
            if changed(case / file, f"update {table} set {column} = {wrong} where {condition}"):
                list(verify(case, Verified()))
                held_against(case, before, table)
            shutil.rmtree(case)
