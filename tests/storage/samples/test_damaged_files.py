"""Damaged files with samples are a condition of the server."""

from pathlib import Path

from model.conditions import SAMPLES_DAMAGED, Conditions
from storage.samples.store import SqliteSampleStore


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
