"""A window of the sample store as one SQLite file."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage.api.errors import UnwritableError
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.windows.window import Window, delete_incomplete
from storage.samples.windows.window_set import WindowSet

# Ends without a clean-up at a statement of the schema, or once the window was created.
_KILLED = """
import os, sys
from pathlib import Path
import storage.samples.windows.window as module
from storage.samples.catalog.metric_names import MetricNames
from storage.samples.windows.window_set import WindowSet
directory, step = Path(sys.argv[1]), int(sys.argv[2])

statements = [text for text in module._SCHEMA.split(";") if text.strip()]
if step < len(statements):
    statements[step] = "select kill_here()"
module._SCHEMA = ";".join(statements)
write = module.Window.write
def killing(window, work, **options):
    def prepare(connection):
        connection.create_function("kill_here", 0, lambda: os._exit(9))
        return work(connection)
    return write(window, prepare, **options)
module.Window.write = killing
windows = WindowSet(directory, 60_000, MetricNames())
windows.open()
windows.at(1_000_000)
os._exit(9)
"""


@pytest.mark.parametrize("step", [0, 1, 5, 1000])
def test_process_that_is_killed_while_it_creates_a_window_leaves_no_damaged_file(
    tmp_path: Path, step: int
) -> None:
    run = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path), str(step)], check=False)
    assert run.returncode == 9
    windows = WindowSet(tmp_path, 60_000, MetricNames())
    windows.open()
    assert windows.unreadable_files == 0
    assert len(windows) == (1 if step == 1000 else 0)
    window = windows.at(1_000_000)
    assert (window.start_ms, window.end_ms) == windows._bounds(1_000_000)
    window.close()
    assert not list(tmp_path.glob("*.new*"))


def test_window_that_cannot_be_created_leaves_no_file_under_its_name(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "20260101T000000Z.db"
    with pytest.raises(UnwritableError):
        Window.create(missing, 0, 60_000, MetricNames())
    assert not missing.exists()


def test_only_incomplete_windows_are_deleted(tmp_path: Path) -> None:
    for name in ("a.db.new", "a.db.new-wal", "b.db", "b.db-wal", "c.db.damaged-1"):
        (tmp_path / name).touch()
    delete_incomplete(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "b.db",
        "b.db-wal",
        "c.db.damaged-1",
    ]
