import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_tree import FIXTURES, unpack

from exporter import catalogue
from exporter.collectors.filesystem import Filesystems
from exporter.collectors.uname import Uname
from exporter.errors import UnknownCollectorError
from exporter.exposition import render
from exporter.gathering import FamilyList
from exporter.roots import Roots
from exporter.settings import ExporterSettings

NOW_MS = 1_700_000_000_125
GOLDEN = FIXTURES / "bare_metal.prom"


def statvfs(path: str) -> os.statvfs_result:
    if path.endswith("/srv/nas"):
        raise OSError(116, "Stale file handle")
    return os.statvfs_result((4096, 4096, 1000, 400, 350, 5000, 4000, 4000, 0, 255))


def uname() -> os.uname_result:
    return os.uname_result(("Linux", "web-1", "6.12.41", "#1 SMP", "x86_64"))


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return unpack(FIXTURES / "bare_metal.tree", tmp_path)


def exposition(roots: Roots) -> str:
    """Return what the host shows, less what no file tells."""
    settings = ExporterSettings(roots=roots, disabled=frozenset({"addresses", "timex"}))
    families = FamilyList()
    for collector in catalogue.build(settings, lambda: NOW_MS):
        if isinstance(collector, Filesystems):
            collector._statvfs = statvfs
        elif isinstance(collector, Uname):
            collector._uname = uname
        families.extend(collector.collect())
    return render(families, "", "").body.decode()


@pytest.mark.usefixtures("in_utc")
def test_bare_metal_host_shows_what_it_should(roots: Roots) -> None:
    text = exposition(roots)
    # UPDATE_GOLDEN=1 writes the file anew; read the difference before committing it.
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


@pytest.mark.peer
@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_complains_of_nothing_but_names_that_node_exporter_chose() -> None:
    with GOLDEN.open("rb") as exposition:
        checked = subprocess.run(
            ["promtool", "check", "metrics"], stdin=exposition, capture_output=True, text=True
        )
    known = (
        "metric names should be written in 'snake_case' not 'camelCase'",
        'use base unit "bytes" instead of "bits"',
    )
    complaints = [line for line in checked.stderr.splitlines() if not line.endswith(known)]
    assert complaints == []


def test_collector_switched_off_is_left_out_and_an_unknown_one_refused() -> None:
    names = {
        collector.name
        for collector in catalogue.build(
            ExporterSettings(disabled=frozenset({"cpu"})), lambda: NOW_MS
        )
    }
    assert "cpu" not in names
    assert "loadavg" in names
    with pytest.raises(UnknownCollectorError, match="nonsense"):
        catalogue.build(ExporterSettings(disabled=frozenset({"nonsense"})), lambda: NOW_MS)
