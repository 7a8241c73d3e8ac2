"""The trees on which node_exporter's own end-to-end test runs give the series that it serves."""

import lzma
import tarfile
from pathlib import Path

import pytest

from benchmarks.exporter.expositions import ComparedScrape, compare, shown
from benchmarks.exporter.left_out import (
    OF_ITS_OWN,
    OF_THE_RECORDING_HOST,
    VALUES_OF_THE_RECORDING_HOST,
)
from exporter.collectors.textfile import TextFiles
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


# The directories of the text files' own test, in which the program was tested.
TEXTS = "fixtures/textfile"
# It adds sum and count, both 0, to a summary of which the file has quantiles only.
WITHOUT_SUM = {
    f'prometheus_rule_evaluation_duration_seconds_{what}{{handler="foo",rule_type="alerting"}}'
    for what in ("count", "sum")
}


LABELS_OF_THE_HOST = {"node_uname_info", "node_time_zone_offset_seconds"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    with tarfile.open(FIELD / "fixtures.tar.xz") as archive:
        archive.extractall(tmp_path, filter="tar")
    return tmp_path


@pytest.fixture
def ours(tree: Path) -> ComparedScrape:
    roots = Roots(str(tree / "proc"), str(tree / "sys"), str(tree), str(tree / "udev/data"))
    settings = ExporterSettings(
        roots=roots, textfile_directories=(str(tree / "textfile/two_metric_files"),)
    )
    gatherer = Gatherer(catalogue.build(settings, system_clock), 60)
    text = Encoder().encode(gatherer.gather(), "", "").body.decode()
    return ComparedScrape.parse(text.replace(str(tree), RECORDED_AT))


@pytest.fixture
def theirs() -> ComparedScrape:
    return ComparedScrape.parse(lzma.open(FIELD / "node_exporter-1.11.1.prom.xz", "rt").read())


def test_no_series_of_node_exporter_is_missing_or_has_another_value(
    ours: ComparedScrape, theirs: ComparedScrape
) -> None:
    found = compare(ours, theirs, OF_ITS_OWN | OF_THE_RECORDING_HOST)
    # uname and the time zone have labels of the recording host.
    assert [shown(key) for key in found.missing if key[0] not in LABELS_OF_THE_HOST] == []
    differing = {
        shown(key): values
        for key, values in found.values.items()
        if not key[0].startswith(tuple(VALUES_OF_THE_RECORDING_HOST))
    }
    assert differing == {}
    assert (found.types, found.helps) == ({}, {})


def test_what_is_left_out_is_a_small_part(theirs: ComparedScrape) -> None:
    left_out = tuple(OF_ITS_OWN | OF_THE_RECORDING_HOST | VALUES_OF_THE_RECORDING_HOST)
    compared = [name for name, _ in theirs.values if not name.startswith(left_out)]
    assert len(compared) > 1900


def test_text_files_give_the_series_and_help_texts_of_node_exporters_own_test(tree: Path) -> None:
    expected = sorted((tree / "textfile").glob("*.out"))
    assert len(expected) > 10
    for path in expected:
        name = path.stem.replace("glob", "*")
        families = TextFiles(str(path.with_name(name))).collect()
        text = Encoder().encode(families, "", "").body.decode()
        ours = ComparedScrape.parse(text.replace(str(path.parent), TEXTS))
        # Their test sets all times to 1.
        found = compare(ours, ComparedScrape.parse(path.read_text()), {})
        assert {shown(key) for key in found.missing} - WITHOUT_SUM == set(), name
        assert {key[0] for key in found.values} <= {"node_textfile_mtime_seconds"}, name
        assert (found.types, found.helps, found.additional) == ({}, {}, []), name
