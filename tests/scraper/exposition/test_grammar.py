import contextlib
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.labels import Labels
from model.metadata import MetricMetadata
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import GRAMMARS, Sample
from scraper.exposition.parser import parse_exposition

TEXT, OPENMETRICS = ExpositionFormat.TEXT, ExpositionFormat.OPENMETRICS


def sample(line: str, exposition_format: ExpositionFormat = TEXT) -> Sample:
    return GRAMMARS[exposition_format].sample(line.encode(), 1, {})


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        ("a 1", {"__name__": "a"}),
        ("a:b_c{} 1", {"__name__": "a:b_c"}),
        ('a{x="1",y="2"} 1', {"__name__": "a", "x": "1", "y": "2"}),
        ('\ta { x = "1" , } 1', {"__name__": "a", "x": "1"}),
        ('a{x="}{,\\"= #"} 1', {"__name__": "a", "x": '}{,"= #'}),
        ('a{x="\\\\n\\n\\\\"} 1', {"__name__": "a", "x": "\\n\n\\"}),
        ('{"a b"} 1', {"__name__": "a b"}),
        ('{"a.b",x="1"} 1', {"__name__": "a.b", "x": "1"}),
        ('{"a","x.y"="é"} 1', {"__name__": "a", "x.y": "é"}),
        ('a{"x \\"y"="1"} 1', {"__name__": "a", 'x "y': "1"}),
        ('a{x=""} 1', {"__name__": "a"}),
        ('a{x="1"}1', {"__name__": "a", "x": "1"}),
    ],
)
def test_labels_of_text_format_lines(line: str, labels: dict[str, str]) -> None:
    assert Labels.of(sample(line).pairs) == Labels.of(labels)


@pytest.mark.parametrize(
    ("number", "value"),
    [("1", 1.0), ("-1.5e-3", -0.0015), ("+Inf", math.inf), ("-inf", -math.inf), ("5.", 5.0)],
)
def test_values(number: str, value: float) -> None:
    assert sample(f"a {number}").value == value


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a", "expected a value"),
        ("a ", "expected a value"),
        ("a b", '"b" is not a number'),
        ("a 1_000", '"1_000" is not a number'),
        ("a 0x1p3", "is not a number"),
        ("a +NaN", "is not a number"),
        ("a 1e400", '"1e400" is out of range'),
        ("a 1 2 3", 'unexpected "3"'),
        ("a 1 2.5", 'unexpected ".5"'),
        ("a 1 99999999999999999999", "out of range"),
        ("a+5", "expected a value"),
        ("1a 1", "expected a metric name"),
        ("a.b 1", "expected a value"),
        ('a{x="1"', "the label set is not closed"),
        ('a{x="1} 1', "the quoted string .* is not closed"),
        ('a{x="1\\"} 1', "the quoted string .* is not closed"),
        ('a{x="\\t"} 1', r"bad escape \\t in a quoted string"),
        ('a{x="\\x41"} 1', r"bad escape \\x in a quoted string"),
        ("a{x=1} 1", 'the value of label "x" is not in quotes'),
        ("a{x} 1", 'label "x" has no value'),
        ("a{x:1} 1", 'expected "=" after label "x"'),
        ('a{x="1" y="2"} 1', 'expected "," or "}" after a label'),
        ('a{1="x"} 1', "expected a label name"),
        ("a{,} 1", "expected a label name"),
        ('a{x="1",x="2"} 1', 'label name "x" is not unique'),
        ('a{__name__="b"} 1', 'label name "__name__" is reserved'),
        ('{x="1"} 1', "the series has no metric name"),
        ('{"a","b"} 1', 'label "b" has no value'),
        ('{""} 1', "the series has no metric name"),
        ('a{""="x"} 1', "a label name is empty"),
        ('a 1 # {x="y"} 1', "unexpected"),
        ("a\0 1", "NUL byte at column 2"),
    ],
)
def test_malformed_lines_of_the_text_format(line: str, reason: str) -> None:
    with pytest.raises(ExpositionError, match=f"line 1: .*{reason}"):
        sample(line)


def test_error_of_invalid_utf8_names_the_column() -> None:
    with pytest.raises(ExpositionError, match="line 7: invalid UTF-8 at column 5"):
        GRAMMARS[TEXT].sample(b'a{x="\xff"} 1'.replace(b'"\xff', b"\xff"), 7, {})


@pytest.mark.parametrize(
    ("line", "timestamp_ms"),
    [
        ("a 1", None),
        ("a 1 1.5", 1500),
        ("a 1 1520879607.789", 1520879607789),
        ('a 1 # {t="x"} 1 2', None),
        ("a 1 3 # {} 1", 3000),
        ('a_bucket{le="\\d"} 1 # {t="x y",u="\\""} 0.5 1.5', None),
    ],
)
def test_openmetrics_timestamps_are_seconds_and_exemplars_are_skipped(
    line: str, timestamp_ms: int | None
) -> None:
    assert sample(line, OPENMETRICS).timestamp_ms == timestamp_ms


@pytest.mark.parametrize(
    "line",
    [
        " a 1",
        "a  1",
        "a 1 ",
        "a 1 NaN",
        "a 1 # {",
        'a 1 # {x="y"}',
        'a 1 # {x="y"} z',
        "a 1 # {x} 1",
        'a 1 # {"x"} 1',
        'a 1 # {x="1"} 1 # {x="1"} 1',
        'a{x="\\"} 1',
    ],
)
def test_malformed_lines_of_openmetrics(line: str) -> None:
    with pytest.raises(ExpositionError):
        sample(line, OPENMETRICS)


label_values = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@given(st.dictionaries(label_values.filter(bool), label_values), label_values.filter(bool))
@example({"a": "\\"}, "n")
def test_any_label_set_reads_back_as_written(labels: dict[str, str], name: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    labels.pop("__name__", None)
    items = [quoted(name), *(f"{quoted(key)}={quoted(value)}" for key, value in labels.items())]
    line = "{" + ",".join(items) + "} 1"
    for exposition_format in ExpositionFormat:
        assert sample(line, exposition_format).pairs == (("__name__", name), *labels.items())


@given(st.binary(max_size=60), st.sampled_from(ExpositionFormat))
def test_hostile_lines_are_parsed_or_rejected(
    line: bytes, exposition_format: ExpositionFormat
) -> None:
    grammar = GRAMMARS[exposition_format]
    with contextlib.suppress(ExpositionError):
        grammar.sample(line, 1, {})
    with contextlib.suppress(ExpositionError):
        grammar.comment(b"#" + line, 1)


def test_value_at_is_the_byte_offset_of_the_value() -> None:
    line = 'a{x="é"} 12.5'.encode()
    assert line[GRAMMARS[TEXT].sample(line, 1, {}).value_at :] == b"12.5"


def test_line_of_megabytes_is_rejected() -> None:
    with pytest.raises(ExpositionError, match="line 3: longer than 1048576 bytes"):
        GRAMMARS[TEXT].sample(b'a{x="' + b"x" * 10_000_000 + b'"} 1', 3, {})


def test_many_escapes_cost_one_pass() -> None:
    line = b'a{x="' + b"\\\\" * 500_000 + b"} 1"
    with pytest.raises(ExpositionError, match="is not closed"):
        GRAMMARS[TEXT].sample(line, 1, {})


def test_metadata_is_kept_by_family() -> None:
    body = (
        b"# HELP a_seconds How long\\nit \\\\d took.\n# TYPE a_seconds counter\n"
        b'a_seconds 1\n# TYPE "b.c" untyped\n# just a comment\n\n  # HELP d\n'
    )
    assert parse_exposition(body, TEXT).metadata == {
        "a_seconds": MetricMetadata("counter", "How long\nit \\d took."),
        "b.c": MetricMetadata("unknown"),
        "d": MetricMetadata(),
    }


def test_units_are_kept_and_must_end_the_name() -> None:
    good = b"# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n"
    assert parse_exposition(good, OPENMETRICS).metadata["a_seconds"].unit == "seconds"
    with pytest.raises(ExpositionError, match=r"line 1: unit .* is not a suffix"):
        parse_exposition(b"# UNIT a bytes\n# EOF\n", OPENMETRICS)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "does not end with"),
        (b"a 1\n", 'line 1: the data does not end with "# EOF"'),
        (b"# EOF\na 1\n# EOF", 'line 1: content after "# EOF"'),
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
        (b"# TYPE 1a counter\n", "line 1: malformed comment"),
        (b"# HELP\n", "line 1: malformed comment"),
        (b"a 1\na 1\n", "line 2: duplicate series a, first written on line 1"),
        (b'a{x="1",y=""} 1\nb 1\na{x="1"} 2\n', 'line 3: duplicate series a{x="1"}, first'),
        (b"a 1 5\na 2 5\n", "line 2: duplicate series a"),
    ],
)
def test_malformed_text_bodies(body: bytes, reason: str) -> None:
    with pytest.raises(ExpositionError, match=reason):
        parse_exposition(body, TEXT)


def test_empty_text_body_has_no_samples() -> None:
    assert parse_exposition(b"", TEXT).samples == ()


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1", "1.0"),
        ("0.5", "0.5"),
        ("+Inf", "+Inf"),
        ("1e6", "1e+06"),
        ("x", "x"),
        ("5e-5", "5e-05"),
    ],
)
def test_bucket_bounds_are_made_canonical(written: str, stored: str) -> None:
    body = f'# TYPE h histogram\nh_bucket{{le="{written}"}} 1\n'.encode()
    (bucket,) = parse_exposition(body, TEXT).samples
    assert Labels.of(bucket.pairs).get("le") == stored


def test_bounds_of_other_families_are_kept_as_written() -> None:
    (bucket,) = parse_exposition(b'# TYPE h counter\nh_bucket{le="1"} 1\n', TEXT).samples
    assert Labels.of(bucket.pairs).get("le") == "1"


def test_a_hundred_thousand_labels_take_one_pass() -> None:
    labels = ",".join(f'l{number}=""' for number in range(80_000))
    with pytest.raises(ExpositionError, match='label name "l79999" is not unique'):
        sample(f'a{{{labels},l79999=""}} 1')
