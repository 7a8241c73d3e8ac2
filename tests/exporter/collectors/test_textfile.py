from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from exporter.collectors.textfile import TextFiles
from exporter.families import CounterFamily, Family
from exporter.gathering.gatherer import FamilyList, Gatherer
from exporter.serving.encoding import Encoder
from tests.exporter.host_tree import families, key, samples

ERROR = key("node_textfile_scrape_error")
BACKUP = "# HELP backup_age_seconds Age.\n# TYPE backup_age_seconds gauge\nbackup_age_seconds 5\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


def rendered(directory: Path) -> str:
    listed = FamilyList()
    listed.extend(TextFiles(str(directory)).collect())
    return Encoder().encode(listed, "", "").body.decode()


def test_files_are_served_with_their_modification_times(directory: Path) -> None:
    (directory / "backup.prom").write_text(BACKUP)
    (directory / "ignored.txt").write_text("ignored 1\n")
    found = samples(TextFiles(str(directory)))
    assert found[key("backup_age_seconds")] == 5
    assert found[ERROR] == 0
    mtime = (directory / "backup.prom").stat().st_mtime
    assert found[key("node_textfile_mtime_seconds", file=str(directory / "backup.prom"))] == mtime
    assert not any(name == "ignored" for name, _ in found)


def test_no_directory_is_no_error_but_a_missing_one_is(directory: Path) -> None:
    assert samples(TextFiles()) == {ERROR: 0}
    assert samples(TextFiles(str(directory / "missing"))) == {ERROR: 1}


@pytest.mark.parametrize(
    "content",
    [
        b"what is this\n",
        b"metric 1 1700000000000\n",
        b"metric one\n",
        b'metric{a="b\n',
        b"metric 1\nmetric 2\n",
        b"# TYPE metric what\nmetric 1\n",
        b"metric 1\n# TYPE metric gauge\n",
        b"\xff\xfe\n",
        b"metric 1",
        b"metric 1 \n",
        b'metric{host=""} 1\nmetric 2\n',
        b'# TYPE metric histogram\nmetric_bucket{le="1"} 1\nmetric_bucket{le="1.0"} 1\n',
        b'# TYPE metric summary\nmetric{quantile="x"} 1\n',
        b'metric{a="nul \0"} 1\n',
        b'metric{app="H\\A"} 1\n',
        "metric \uff11\n".encode(),
        b"metric 1e400\n",
        b"metric 1_0\n",
        b"metric 0x1\n",
        b'metric{a:b="c"} 1\n',
        b'metric{a="b"c="d"} 1\n',
        b'metric{a="b",,} 1\n',
        b'metric{a="b",a="c"} 1\n',
        b'metric{__name__="b"} 1\n',
        b'metric{a="two\nlines"} 1\n',
    ],
)
def test_broken_file_loses_its_own_metrics_only(directory: Path, content: bytes) -> None:
    (directory / "a.prom").write_bytes(content)
    (directory / "b.prom").write_text(BACKUP)
    found = samples(TextFiles(str(directory)))
    assert found[ERROR] == 1
    assert found[key("backup_age_seconds")] == 5
    assert not any(name == "metric" for name, _ in found)


def test_family_in_several_files_is_merged(directory: Path) -> None:
    for name in ("a", "b"):
        (directory / f"{name}.prom").write_text(
            f'# HELP job_ok Whether.\n# TYPE job_ok gauge\njob_ok{{job="{name}"}} 1\n'
        )
    found = families(TextFiles(str(directory)))
    assert [sample.labels for sample in found["job_ok"].samples] == [{"job": "a"}, {"job": "b"}]


def test_family_without_a_help_text_names_its_files(directory: Path) -> None:
    for name, help_line in (("a", ""), ("b", "# HELP job_ok \n")):
        (directory / f"{name}.prom").write_text(f'{help_line}job_ok{{job="{name}"}} 1\n')
    found = families(TextFiles(str(directory)))["job_ok"]
    assert found.documentation == f"Metric read from {directory}/a.prom, {directory}/b.prom"


def test_help_text_of_a_later_file_is_used_if_the_first_has_none(directory: Path) -> None:
    (directory / "a.prom").write_text('job_ok{job="a"} 1\n')
    (directory / "b.prom").write_text('# HELP job_ok Whether.\njob_ok{job="b"} 1\n')
    found = families(TextFiles(str(directory)))["job_ok"]
    assert (found.documentation, len(found.samples)) == ("Whether.", 2)


def test_family_with_another_help_text_in_a_later_file_is_left_out_there(directory: Path) -> None:
    (directory / "a.prom").write_text('# HELP job_ok A.\njob_ok{job="a"} 1\n')
    (directory / "b.prom").write_text('# HELP job_ok B.\njob_ok{job="b"} 1\nother 1\n')
    found = samples(TextFiles(str(directory)))
    assert key("job_ok", job="b") not in found
    assert (found[key("job_ok", job="a")], found[key("other")], found[ERROR]) == (1, 1, 1)
    assert key("node_textfile_mtime_seconds", file=str(directory / "b.prom")) in found


def test_second_file_with_the_same_series_is_an_error(directory: Path) -> None:
    (directory / "a.prom").write_text(BACKUP)
    (directory / "b.prom").write_text(BACKUP.replace("5", "6"))
    found = samples(TextFiles(str(directory)))
    assert found[key("backup_age_seconds")] == 5
    assert found[ERROR] == 1


def test_second_file_with_another_type_is_an_error(directory: Path) -> None:
    (directory / "a.prom").write_text('# TYPE x gauge\nx{file="a"} 1\n')
    (directory / "b.prom").write_text('# TYPE x summary\nx_count{file="b"} 1\n')
    assert samples(TextFiles(str(directory)))[ERROR] == 1


@pytest.mark.parametrize(
    "lines",
    [
        "# TYPE b gauge\nb 1\n# HELP a A.\n# TYPE a gauge\na 1\n",
        "# TYPE g gauge\ng 1\n# HELP g_total G.\n# TYPE g_total counter\ng_total 2\n",
        'metric{a="\\\\",b="\\"",c="\\n"} 1\n',
        "# TYPE runs_total counter\nruns_total 7\n",
        "# TYPE runs untyped\nruns 7\n",
        '# TYPE took histogram\ntook_bucket{le="+Inf"} 2\ntook_count 2\ntook_sum 3\n',
    ],
)
def test_file_is_served_as_it_was_written(directory: Path, lines: str) -> None:
    (directory / "a.prom").write_text(lines)
    assert lines in rendered(directory)


def test_counter_keeps_its_name_without_total(directory: Path) -> None:
    (directory / "a.prom").write_text("# TYPE runs counter\nruns 7\n")
    assert "# TYPE runs counter\nruns 7\n" in rendered(directory)


def test_families_may_be_interleaved_and_have_blanks_and_many_labels(directory: Path) -> None:
    labels = ",".join(f'l{number}="x"' for number in range(70))
    text = '# TYPE a gauge\n# TYPE b gauge\n\nb 1\n\t a{ x = "1" , }\t2\n# x\n#\n'
    (directory / "a.prom").write_text(f"{text}b{{{labels}}} +Inf\n")
    found = samples(TextFiles(str(directory)))
    assert found[ERROR] == 0
    assert found[key("a", x="1")] == 2
    assert len([name for name, _ in found if name == "b"]) == 2


def test_file_with_a_metric_of_the_exporter_is_refused(directory: Path) -> None:
    (directory / "a.prom").write_text("process_cpu_seconds_total 1\nother 1\n")
    (directory / "b.prom").write_text("node_textfile_scrape_error 0\n")
    (directory / "c.prom").write_text(BACKUP)
    gatherer = Gatherer([TextFiles(str(directory))], 5.0)
    own = CounterFamily("process_cpu_seconds_total", "Time.", 7.0)
    gatherer.always = [_Fixed(own)]
    for _ in range(2):
        found = samples(_Fixed(*gatherer.gather()))
        assert found[key("process_cpu_seconds_total")] == 7
    assert found[ERROR] == 1
    assert key("other") not in found
    assert found[key("backup_age_seconds")] == 5


class _Fixed:
    """A collector with given families."""

    name = "fixed"

    def __init__(self, *families: Family) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def test_large_file_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.collectors.textfile._MAX_FILE_BYTES", 10)
    (directory / "a.prom").write_text(BACKUP)
    assert samples(TextFiles(str(directory))) == {ERROR: 1}


FRAGMENTS = st.sampled_from(
    [
        "# TYPE ",
        "# HELP ",
        "# ",
        "x",
        "x_total",
        " counter",
        " gauge",
        " histogram",
        " 1",
        " NaN",
        "\n",
        "{",
        "}",
        'a="b"',
        'a="',
        ",",
        "\\",
        "\x00",
        "\u2028",
        "x_bucket",
        'le="1"',
        " 1 5",
    ]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(), st.lists(FRAGMENTS).map(lambda f: "".join(f).encode())))
def test_any_file_is_served_or_refused(directory: Path, content: bytes) -> None:
    (directory / "a.prom").write_bytes(content)
    found = FamilyList()
    found.extend(TextFiles(str(directory)).collect())
    text = Encoder().encode(found, "", "").body.decode()
    assert "node_textfile_scrape_error" in text
    Encoder().encode(found, "application/openmetrics-text; version=1.0.0", "")


def test_openmetrics_of_text_files_is_valid(directory: Path) -> None:
    (directory / "a.prom").write_text("# TYPE runs counter\nruns 7\n" + BACKUP)
    found = FamilyList()
    found.extend(TextFiles(str(directory)).collect())
    body = Encoder().encode(found, "application/openmetrics-text; version=1.0.0", "").body.decode()
    names = [family.name for family in parse_openmetrics(body)]  # type: ignore[no-untyped-call]
    assert {"runs", "backup_age_seconds"} <= set(names)


def test_files_of_several_directories_and_of_patterns_are_served_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.prom").write_text(f"{name} 1\n")
    found = samples(TextFiles(str(tmp_path / "one"), str(tmp_path / "*")))
    assert found[key("one")] == found[key("two")] == 1
    assert found[ERROR] == 0
    assert samples(TextFiles(str(tmp_path / "none*")))[ERROR] == 1
