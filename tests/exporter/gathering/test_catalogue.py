import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.collector_options import FILESYSTEM_TYPES, MOUNT_POINTS, CollectorOptions
from exporter.collectors.collector import Collector
from exporter.collectors.disks.filesystem import Filesystems
from exporter.collectors.system.uname import Uname
from exporter.command import exporter
from exporter.errors import NoDataError, PatternError, UnknownCollectorError
from exporter.gathering import catalogue
from exporter.gathering.gatherer import FamilyList
from exporter.name_filter import NameFilter
from exporter.roots import Roots
from exporter.serving.encoding import Encoder
from exporter.settings import ExporterSettings
from tests.exporter.command_runner import ended
from tests.exporter.host_tree import FIXTURES, unpack

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


def doubles(roots: Roots) -> dict[str, Collector]:
    """Return collectors by name whose system calls are doubles."""
    filesystems = Filesystems(
        roots,
        NameFilter(exclude=MOUNT_POINTS),
        NameFilter(exclude=FILESYSTEM_TYPES),
        deadline_s=5,
        statvfs=statvfs,
    )
    return {"filesystem": filesystems, "uname": Uname(roots, uname)}


def exposition(roots: Roots) -> str:
    """Return the exposition of a host; its system calls are doubles or disabled."""
    replaced = doubles(roots)
    files_only = ExporterSettings(roots=roots, disabled=frozenset({"addresses", "timex"}))
    families = FamilyList()
    for collector in catalogue.build(files_only, lambda: NOW_MS):
        with suppress(NoDataError):
            families.extend(replaced.get(collector.name, collector).collect())
    return Encoder().encode(families, "", "").body.decode()


@pytest.mark.usefixtures("in_utc")
def test_exposition_of_a_bare_metal_host_equals_the_golden_file(roots: Roots) -> None:
    text = exposition(roots)
    # UPDATE_GOLDEN=1 rewrites the file; review the difference before committing it.
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def names(chosen: ExporterSettings) -> set[str]:
    return {collector.name for collector in catalogue.build(chosen, lambda: NOW_MS)}


def test_enabled_collectors_are_all_or_the_named_less_the_disabled() -> None:
    every = names(ExporterSettings())
    assert len(every) > 30
    assert names(ExporterSettings(disabled=frozenset({"cpu"}))) == every - {"cpu"}
    only = ExporterSettings(collectors=frozenset({"cpu", "stat"}), disabled=frozenset({"cpu"}))
    assert names(only) == {"stat"}


def test_collectors_off_by_default_run_where_they_are_enabled() -> None:
    defaults = names(ExporterSettings())
    assert "softirqs" not in defaults
    enabled = frozenset({"softirqs", "cpu"})
    assert names(ExporterSettings(enabled=enabled)) == defaults | {"softirqs"}
    assert names(ExporterSettings(enabled=enabled, defaults=False)) == enabled
    every = frozenset(catalogue.OPT_IN)
    assert names(ExporterSettings(enabled=every, defaults=False)) == every


def test_unknown_collector_and_bad_pattern_are_refused() -> None:
    with pytest.raises(UnknownCollectorError, match="nonsense"):
        names(ExporterSettings(disabled=frozenset({"nonsense"})))
    with pytest.raises(PatternError, match="unterminated"):
        names(ExporterSettings(options=CollectorOptions({"diskstats.device-exclude": "[a"})))


def test_documentation_lists_every_collector_and_option() -> None:
    page = (Path(__file__).parents[3] / "docs/exporter.md").read_text()
    collectors, _, _ = page.partition("## HTTPS")
    listed = re.findall(r"^\| `(\w+)` \| (on|off) \| ", collectors, re.MULTILINE)
    opt_in = sorted(catalogue.OPT_IN.keys() - catalogue.BEYOND.keys())
    assert listed == [
        *((name, "on") for name in sorted(names(ExporterSettings()))),
        *((name, "off") for name in (*opt_in, *sorted(catalogue.BEYOND))),
    ]
    shown = re.findall(r"^  (?:-h, )?(--.*)", ended(exporter, "--help").output, re.MULTILINE)
    options = {option for line in shown for option in re.findall(r"--[\w.-]+", line)}
    assert len(options) > 80
    assert options - {"--help"} - set(re.findall(r"`(--[\w.-]+)", page)) == set()
