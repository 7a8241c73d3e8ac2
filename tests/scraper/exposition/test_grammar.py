import contextlib
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model.labels import Labels
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import GRAMMARS, Sample

TEXT, OPENMETRICS = ExpositionFormat.TEXT, ExpositionFormat.OPENMETRICS


def sample(line: str, exposition_format: ExpositionFormat = TEXT) -> Sample:
    return GRAMMARS[exposition_format].sample(line.encode(), 1, None)


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
        ("a+1", {"__name__": "a"}),
        ('a{x="C:\\dir\\\\t"} 1', {"__name__": "a", "x": "C:\\dir\\t"}),
        ('a{x="1"y="2" z="3"} 1', {"__name__": "a", "x": "1", "y": "2", "z": "3"}),
        ('{x="1","a.b"} 1', {"__name__": "a.b", "x": "1"}),
        ('a{x="two\nlines"} 1', {"__name__": "a", "x": "two\nlines"}),
        ('a{x="nul\0"} 1', {"__name__": "a", "x": "nul\0"}),
        ('a{x="",x="1"} 1', {"__name__": "a"}),
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
        ("1a 1", "expected a metric name"),
        ("a.b 1", '".b" is not a number'),
        ("a 1 -5", 'unexpected "-5"'),
        ("a 1 +5", 'unexpected "\\+5"'),
        ("a 1\0", "unexpected"),
        ('a{x="1"\0} 1', "expected a label name"),
        ('a{"nul\0"="1"} 1', "is not closed"),
        ('a{x="1"', "the label set is not closed"),
        ('a{x="1} 1', "the quoted string .* is not closed"),
        ('a{x="1\\"} 1', "the quoted string .* is not closed"),
        ("a{x=1} 1", 'the value of label "x" is not in quotes'),
        ("a{x} 1", 'label "x" has no value'),
        ("a{x:1} 1", 'expected "=" after label "x"'),
        ('a{1="x"} 1', "expected a label name"),
        ("a{,} 1", "expected a label name"),
        ('a{x="1",x="2"} 1', 'label name "x" is not unique'),
        ('a{__name__="b"} 1', 'label name "__name__" is not unique'),
        ('a{__name__=""} 1', "the series has no metric name"),
        ('{x="1"} 1', "the series has no metric name"),
        ('{"a","b"} 1', 'label "b" has no value'),
        ('{""} 1', "the series has no metric name"),
        ('a{""="x"} 1', "a label name is empty"),
        ('a 1 # {x="y"} 1', "unexpected"),
        ("a\0 1", "expected a value"),
    ],
)
def test_malformed_lines_of_the_text_format(line: str, reason: str) -> None:
    with pytest.raises(ExpositionError, match=f"line 1: .*{reason}"):
        sample(line)


def test_error_of_invalid_utf8_names_the_column() -> None:
    with pytest.raises(ExpositionError, match="line 7: invalid UTF-8 at column 5"):
        GRAMMARS[TEXT].sample(b'a{x="\xff"} 1'.replace(b'"\xff', b"\xff"), 7, None)


@pytest.mark.parametrize(
    ("line", "timestamp_ms"),
    [
        ("a 1", None),
        ("a 1 1.5", 1500),
        ("a 1 1520879607.789", 1520879607789),
        ('a 1 # {t="x"} 1 2', None),
        ("a 1 1.0005", 1000),
        ("a 1 1e300", 2**52 * 1000),
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
        'a{x="1"y="2"} 1',
        'a{x="two\nlines"} 1',
        "a 1 +Inf",
        "a 1 #",
        "a{x} 1",
    ],
)
def test_malformed_lines_of_openmetrics(line: str) -> None:
    with pytest.raises(ExpositionError):
        sample(line, OPENMETRICS)


label_names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
label_values = st.text(st.characters(codec="utf-8"))


@given(st.dictionaries(label_names, label_values), label_names)
@example({"a": "\0\\\0n"}, "n")
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
        grammar.sample(line, 1, None)
    with contextlib.suppress(ExpositionError):
        grammar.comment(b"#" + line, 1)


def test_value_at_is_the_byte_offset_of_the_value() -> None:
    line = 'a{x="é"} 12.5'.encode()
    assert line[GRAMMARS[TEXT].sample(line, 1, None).value_at :] == b"12.5"


def test_label_value_of_megabytes_is_accepted_up_to_a_line_of_16_mib() -> None:
    GRAMMARS[TEXT].sample(b'a{x="' + b"x" * 10_000_000 + b'"} 1', 3, None)
    with pytest.raises(ExpositionError, match="line 3: longer than 16777216 bytes"):
        GRAMMARS[TEXT].sample(b'a{x="' + b"x" * 2**24 + b'"} 1', 3, None)


def test_many_escapes_cost_one_pass() -> None:
    line = b'a{x="' + b"\\\\" * 500_000 + b"} 1"
    with pytest.raises(ExpositionError, match="is not closed"):
        GRAMMARS[TEXT].sample(line, 1, None)


def test_a_hundred_thousand_labels_take_one_pass() -> None:
    labels = ",".join(f'l{number}="x"' for number in range(80_000))
    with pytest.raises(ExpositionError, match='label name "l79999" is not unique'):
        sample(f'a{{{labels},l79999="x"}} 1')
