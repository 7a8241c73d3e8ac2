"""Damaged files with samples are a condition of the server."""

import shutil
from pathlib import Path

import pytest

from model.conditions import SAMPLES_DAMAGED, Conditions
from model.labels import Labels
from storage.samples.store import SqliteSampleStore
from tests.storage.samples.sample_builders import BASE_MS, series, whole
from tests.storage.samples.test_damage import everything, samples_in


@pytest.mark.fault("samples_damaged")
def test_files_that_were_set_aside_at_the_start_are_named_in_one_condition(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    for name in ("journal.db", "samples/a.db", "samples/b.db", "tombstones.json"):
        (tmp_path / name).write_bytes(b"\xa5" * 8192)
    conditions = Conditions(lambda: 0)
    store = SqliteSampleStore(tmp_path, clock=lambda: 0, conditions=conditions)
    store.open()
    store.close()
    (condition,) = conditions.active()
    assert condition.kind is SAMPLES_DAMAGED
    assert condition.reason == "tombstones.json, 2 window files, journal.db"
    again = Conditions(lambda: 0)
    store = SqliteSampleStore(tmp_path, clock=lambda: 0, conditions=again)
    store.open()
    store.close()
    assert again.active() == ()


@pytest.mark.fault("samples_damaged")
def test_journal_that_is_damaged_while_running_is_replaced_without_losing_a_sample(
    tmp_path: Path,
) -> None:
    conditions = Conditions(lambda: 0)
    store = SqliteSampleStore(tmp_path, clock=lambda: BASE_MS, conditions=conditions)
    store.open()
    source = store.source(Labels.of(job="a"))
    layout = store.layout(series("x", "y"))

    def append(first: int) -> None:
        for tick in range(first, first + 20):
            store.append(source, whole(layout, BASE_MS + tick * 1000, tick, tick))
            store._journal.flush()

    append(0)
    writer = store._journal._writer
    writer.checkpoint()
    writer.call(lambda: writer.connection.execute("pragma shrink_memory")).result()
    journal = tmp_path / "journal.db"
    with journal.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    append(20)
    assert [one.kind.name for one in conditions.active()] == ["samples_unwritable"]
    store.maintain(BASE_MS + 60_000)
    append(40)
    assert [one.kind.name for one in conditions.active()] == ["samples_damaged"]
    assert samples_in(everything(store)) == 120
    # A server that is killed now finds everything again.
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy"))
    store.close()
    again = SqliteSampleStore(copy, clock=lambda: BASE_MS)
    again.open()
    assert samples_in(everything(again)) == 120
    again.close()
