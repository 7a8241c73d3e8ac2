import pytest

from model.labels import Labels
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition

TEXT, OPENMETRICS = ExpositionFormat.TEXT, ExpositionFormat.OPENMETRICS


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a 1", 'line 1: the data does not end with "# EOF"'),
        (b"\n# EOF\n", "line 1: empty line"),
        (b"a 1\n", 'line 1: the data does not end with "# EOF"'),
        (b"# EOF\na 1\n# EOF", 'line 2: content after "# EOF"'),
        (b"a 1\n# EOF\n\n", 'line 3: content after "# EOF"'),
        (b"# HELP a\n# EOF\n", "line 1: malformed comment"),
        (b"# TYPE a gauge \n# EOF\n", "line 1: invalid metric type"),
        (b"a 1\n\n# EOF\n", "line 2: empty line"),
        (b"# TYPE a untyped\n# EOF\n", "line 1: invalid metric type"),
        (b"# a comment\n# EOF\n", "line 1: malformed comment"),
        (b"#  HELP a b\n# EOF\n", "line 1: malformed comment"),
    ],
)
def test_malformed_openmetrics_bodies(body: bytes, reason: str) -> None:
    with pytest.raises(ExpositionError, match=reason):
        parse_exposition(body, OPENMETRICS)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"# TYPE a\n", "line 1: invalid metric type"),
        (b"# TYPE a gauge \n", "line 1: invalid metric type"),
        (b"# TYPE a  gauge\n", "line 1: invalid metric type"),
        (b"# TYPE 1a counter\n", "line 1: malformed comment"),
        (b"# HELP \n", "line 1: malformed comment"),
        (b"# HELP a \xff\n", "line 1: the help text is not UTF-8"),
        (b'a{x="\n\n"} 1\nb\n', "line 4: expected a value"),
        (b'a 1\nb{x="\n\n', "line 2: the quoted string"),
        (b"\0\n", "line 1: expected a metric name"),
    ],
)
def test_malformed_text_bodies(body: bytes, reason: str) -> None:
    with pytest.raises(ExpositionError, match=reason):
        parse_exposition(body, TEXT)


@pytest.mark.parametrize("exposition_format", ExpositionFormat)
def test_empty_body_has_no_samples(exposition_format: ExpositionFormat) -> None:
    assert parse_exposition(b"", exposition_format).samples == ()


@pytest.mark.parametrize("comment", [b"# HELP", b"# TYPE", b"#TYPE a x", b"# \xff", b"# HELPER"])
def test_comments_that_are_not_metadata_are_skipped(comment: bytes) -> None:
    parsed = parse_exposition(comment + b"\na 1\n", TEXT)
    assert len(parsed.samples) == 1
    assert not parsed.metadata


@pytest.mark.parametrize(
    "body",
    [
        b"a 1\na 2\n",
        b"a{} 1\na 2\n",
        b'a{x="1",y=""} 1\na{x="1"} 2\n',
        b'a{x="1",y="2"} 1\na{y="2",x="1"} 2\n',
        b'# TYPE a histogram\na_bucket{le="1"} 1\na_bucket{le="1.0"} 2\n',
        b"a 1 5\na 2 5\n",
    ],
)
def test_first_sample_of_a_series_is_kept_and_the_others_are_duplicates(body: bytes) -> None:
    parsed = parse_exposition(body, TEXT)
    assert [sample.value for sample in parsed.samples] == [1]
    assert [sample.value for sample in parsed.duplicates] == [2]


def test_label_value_with_line_feeds_is_one_sample() -> None:
    body = b'a{x="\n# TYPE b x\nb 1"} 1\nc 2\n'
    samples = parse_exposition(body, TEXT).samples
    assert [Labels.of(sample.pairs) for sample in samples] == [
        Labels.of(__name__="a", x="\n# TYPE b x\nb 1"),
        Labels.of(__name__="c"),
    ]


def test_many_open_strings_cost_one_pass() -> None:
    with pytest.raises(ExpositionError, match="line 1: "):
        parse_exposition(b'\\"\n' * 200_000, TEXT)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1", "1.0"),
        ("0.5", "0.5"),
        ("+Inf", "+Inf"),
        ("1e6", "1e+06"),
        ("x", "x"),
        ("5e-5", "5e-05"),
        ("-0", "0.0"),
        ("1_0", "1_0"),
        ("1e400", "1e400"),
        ("0x1p-2", "0.25"),
    ],
)
def test_bucket_bounds_are_made_canonical(written: str, stored: str) -> None:
    body = f'# TYPE h histogram\nh_bucket{{le="{written}"}} 1\n'.encode()
    (bucket,) = parse_exposition(body, TEXT).samples
    assert Labels.of(bucket.pairs).get("le") == stored


def test_bounds_of_other_families_are_kept_as_written() -> None:
    (bucket,) = parse_exposition(b'# TYPE h counter\nh_bucket{le="1"} 1\n', TEXT).samples
    assert Labels.of(bucket.pairs).get("le") == "1"


def test_type_decides_on_bounds_of_all_samples_below_it() -> None:
    body = b"""m{le="1"} 0
# TYPE h histogram
h_bucket{le="1"} 0
m{le="2",quantile="1"} 0
# TYPE s summary
s{le="3",quantile="1"} 0
# HELP s A help text changes nothing.
s{le="4",quantile="1"} 0
# TYPE g gauge
g{le="5"} 0
"""
    samples = parse_exposition(body, TEXT).samples
    labels = [Labels.of(sample.pairs) for sample in samples]
    assert [(each.get("le"), each.get("quantile")) for each in labels] == [
        ("1", ""),
        ("1.0", ""),
        ("2.0", "1"),
        ("3", "1.0"),
        ("4", "1.0"),
        ("5", ""),
    ]
