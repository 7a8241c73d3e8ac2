"""The trees on which node_exporter's own end-to-end test runs give the series that it serves."""

import lzma
import tarfile
from pathlib import Path

import pytest

from benchmarks.exporter.expositions import ComparedScrape, compare, shown
from benchmarks.exporter.left_out import FROM_THE_KERNEL, OF_ITS_OWN
from exporter.gathering import catalogue
from exporter.gathering.gatherer import Gatherer
from exporter.roots import Roots
from exporter.serving.encoding import Encoder
from exporter.settings import ExporterSettings
from model.clock import system_clock

FIELD = Path(__file__).parents[2].parent / "shared" / "field" / "node_exporter"
# Where the trees were when node_exporter's answer was recorded.
RECORDED_AT = "/tmp/nefix/tree"

pytestmark = pytest.mark.skipif(not FIELD.exists(), reason="the recorded trees are not here")


@pytest.fixture
def ours(tmp_path: Path) -> ComparedScrape:
    with tarfile.open(FIELD / "fixtures.tar.xz") as archive:
        archive.extractall(tmp_path, filter="tar")
    roots = Roots(
        str(tmp_path / "proc"), str(tmp_path / "sys"), str(tmp_path), str(tmp_path / "udev/data")
    )
    gatherer = Gatherer(catalogue.build(ExporterSettings(roots=roots), system_clock), 60)
    text = Encoder().encode(gatherer.gather(), "", "").body.decode()
    return ComparedScrape.parse(text.replace(str(tmp_path), RECORDED_AT))


@pytest.fixture
def theirs() -> ComparedScrape:
    return ComparedScrape.parse(lzma.open(FIELD / "node_exporter-1.11.1.prom.xz", "rt").read())


def test_no_series_of_node_exporter_is_missing_or_has_another_value(
    ours: ComparedScrape, theirs: ComparedScrape
) -> None:
    found = compare(ours, theirs, OF_ITS_OWN | FROM_THE_KERNEL)
    assert [shown(key) for key in found.missing] == []
    assert {shown(key): values for key, values in found.values.items()} == {}
    assert (found.types, found.helps) == ({}, {})


def test_what_is_left_out_is_a_small_part(theirs: ComparedScrape) -> None:
    left_out = tuple(OF_ITS_OWN | FROM_THE_KERNEL)
    compared = [name for name, _ in theirs.values if not name.startswith(left_out)]
    assert len(compared) > 1900
