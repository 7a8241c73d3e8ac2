import gc
import weakref
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import Labels
from scraper.exposition.delta import ExpositionDelta
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition
from tests.scraper.exposition.follower import Follower, bits, expected

TEXT, OPENMETRICS = ExpositionFormat.TEXT, ExpositionFormat.OPENMETRICS


DISTINCT = [
    b"up",
    b"a_total",
    b'a_total{x="1"}',
    b'a_total{x="1",y="2",}',
    b'h_bucket{le="1"}',
    b'h_bucket{le="+Inf"}',
    b's{quantile="0.5"}',
    b'path{p="C:\\\\x \\"q\\"\\n # {"}',
    b'h_bucket{le="5"}',
    '{"my.metric",l="grüße 1"}'.encode(),
    b'{"my.metric","label.name"="v"}',
    b'empty{x=""}',
]
"""Distinct series in various notations."""
ALIASES = [
    b'a_total{y="2",x="1"}',
    b'a_total{ x = "1" , y="2", }',
    b'a_total {x="1",y="3"}',
    b'h_bucket{le="1.0"}',
    b's{quantile="0.50"}',
    b"empty",
    b"empty{}",
    b"{}",
    b"a_total{",
    b'a_total{x="\\t"}',
    b'a_total{x="1"y="2"}',
    b'm{x="two\nlines"}',
    b'm{x="\n# HELP up 1\n"}',
    b'm{x="\n\n\\"quoted\\" 1\n", y=""}',
    b'm{x="nul \0 \\"}',
    b'm{x="1",x="2"}',
    b'm{x="1",x=""}',
    b'm{__name__="n"}',
    b'{"my.metric","up"}',
    b'{l="gr\xc3\xbc\xc3\x9fe 1","my.metric"}',
    b'm{"quoted\nname"="1"}',
    b"  up",
    b"up\0",
    b'le{le="1"}',
    b'le{le="1.0"}',
]
"""Other notations of the same series, and malformed ones."""
NUMBERS = [b"0", b"1", b"1.0", b"-3", b"1e5", b"1.5E-3", b"NaN", b"+Inf", b"-Inf", b".5", b"5."]
ODD_NUMBERS = [
    *(b"0x1", b"1_0", b"nan ", b"1e999", b"", b"5\t7", b"+nan", b"infinity", b"1,2", b"5\r"),
    *(b"1  7", b"1 9_9", b"1 1000 ", b"1\t8", b"1 -5", b"1 1.5", b"1 99999999999999999999"),
    *(b'1 # {trace="x"} 1', b'1 # {trace="y"} 2 3.5', b'1 5 # {trace="y"} 2 3.5', b"1 # {"),
]
COMMENTS = [
    b"# TYPE h histogram",
    b"# TYPE h counter",
    b"# TYPE s summary",
    b"# HELP up Whether \\d it is \\n up.",
]
ODD_COMMENTS = [
    *(b"# a comment", b"#", b"", b"  # TYPE h histogram", b"# TYPE h wrong", b"# EOF"),
    *(b"# TYPE", b"# HELP", b"# HELP ", b"# TYPE h ", b"# TYPE h gauge ", b"# HELP h nul \0"),
    *(b'# HELP "my.metric" "', b'# HELP "my\nmetric" \\n', b"# \xff", b"# HELP h \xff", b"#\0"),
    *(b"# TYPE g gauge", b"# TYPE s summary", b"# TYPE h-histogram"),
]

numbers = st.sampled_from(NUMBERS)
stamps = st.sampled_from([b"", b"", b"", b" 1000", b" 2000", b" -5"])
odd_lines = st.one_of(
    st.builds(lambda series, number: series + b" " + number, st.sampled_from(ALIASES), numbers),
    st.builds(
        lambda series, space, number: series + space + number,
        st.sampled_from(DISTINCT),
        st.sampled_from([b" ", b" ", b"  ", b"\t", b""]),
        st.sampled_from(ODD_NUMBERS),
    ),
    st.sampled_from(ODD_COMMENTS),
)


Lines = list[tuple[bytes, bytes]]
"""Lines as pairs of a series and the text after it."""


def texts(draw: st.DrawFn) -> bytes:
    return draw(numbers) + draw(stamps)


def new_value(draw: st.DrawFn, lines: Lines) -> Lines:
    at = draw(st.integers(0, len(lines) - 1))
    return [*lines[:at], (lines[at][0], texts(draw)), *lines[at + 1 :]]


def replaced(draw: st.DrawFn, lines: Lines) -> Lines:
    """Replace a series by another; the number of lines stays the same."""
    series = draw(st.sampled_from(DISTINCT))
    at = draw(st.integers(0, len(lines) - 1))
    if series in dict(lines):
        return lines
    return [*lines[:at], (series, texts(draw)), *lines[at + 1 :]]


def removed(draw: st.DrawFn, lines: Lines) -> Lines:
    at = draw(st.integers(0, len(lines) - 1))
    return lines[:at] + lines[at + 1 :]


def added(draw: st.DrawFn, lines: Lines) -> Lines:
    series = draw(st.sampled_from(DISTINCT))
    at = draw(st.integers(0, len(lines)))
    if series in dict(lines):
        return lines
    return [*lines[:at], (series, texts(draw)), *lines[at:]]


def shuffled(draw: st.DrawFn, lines: Lines) -> Lines:
    return list(draw(st.permutations(lines)))


def stamped(draw: st.DrawFn, lines: Lines) -> Lines:
    return [(series, draw(numbers) + b" 3000") for series, _ in lines]


def repeated(draw: st.DrawFn, lines: Lines) -> Lines:
    """Add a line with the same series, and perhaps another timestamp."""
    ends = st.sampled_from([b"", b" 4000", b" 4000", b" 5000"])
    return [*lines, (lines[0][0], draw(numbers) + draw(ends))]


CHANGES = [new_value] * 4 + [replaced, removed, added, shuffled, stamped, repeated]


def written(draw: st.DrawFn, lines: Lines, comments: list[bytes], *, odd: bool) -> bytes:
    body = comments + [series + b" " + text for series, text in lines]
    if odd and draw(st.booleans()):
        body.insert(draw(st.integers(0, len(body))), draw(odd_lines))
    text = b"\n".join(body)
    if odd and draw(st.integers(0, 3)) == 0:
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.binary(max_size=2)) + text[cut + draw(st.integers(0, 2)) :]
    return text


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[bytes, ExpositionFormat]]:
    """Similar bodies: values change, lines move, appear and vanish.

    About half of the histories also contain unusual or malformed lines.
    """
    odd = draw(st.booleans())
    exposition_format = draw(st.sampled_from([TEXT, TEXT, OPENMETRICS]))
    lines = [(series, texts(draw)) for series in draw(st.permutations(DISTINCT))[:6]]
    comments = draw(st.lists(st.sampled_from(COMMENTS), max_size=2))
    history = []
    for _ in range(draw(st.integers(2, 5))):
        for change in draw(st.lists(st.sampled_from(CHANGES), max_size=3)):
            lines = change(draw, lines) if lines else lines
        if draw(st.integers(0, 4)) == 0:
            comments = draw(st.lists(st.sampled_from(COMMENTS), max_size=2))
        end = b"\n# EOF\n" if exposition_format is OPENMETRICS else b"\n"
        history.append((written(draw, lines, comments, odd=odd) + end, exposition_format))
        if odd and draw(st.integers(0, 5)) == 0:
            exposition_format = TEXT if exposition_format is OPENMETRICS else OPENMETRICS
    return history


def plain_value(draw: st.DrawFn, lines: Lines) -> Lines:
    at = draw(st.integers(0, len(lines) - 1))
    return [*lines[:at], (lines[at][0], draw(numbers)), *lines[at + 1 :]]


@st.composite
def plain_histories(draw: st.DrawFn) -> list[tuple[bytes, ExpositionFormat]]:
    """Typical bodies: no timestamps, many changed values, few other changes."""
    odd = draw(st.booleans())
    lines = [(series, draw(numbers)) for series in draw(st.permutations(DISTINCT))[:8]]
    comments = draw(st.lists(st.sampled_from(COMMENTS), max_size=2))
    history = []
    for _ in range(draw(st.integers(3, 10))):
        for _ in range(draw(st.integers(0, 4))):
            lines = plain_value(draw, lines)
        if draw(st.integers(0, 4)) == 0:
            change = draw(st.sampled_from([replaced, removed, added, shuffled]))
            lines = [
                (series, text.partition(b" ")[0]) for series, text in change(draw, lines or DEFAULT)
            ]
        body = written(draw, lines, comments, odd=odd and draw(st.booleans()))
        history.append((body + draw(st.sampled_from([b"\n", b"\n", b"\n", b""])), TEXT))
        lines = lines or DEFAULT
    return history


DEFAULT = [(b"up", b"1")]


def outcome(work: Any) -> Any:
    try:
        return work()
    except ExpositionError as exc:
        return str(exc)


@settings(max_examples=800, deadline=None)
@given(st.one_of(histories(), plain_histories()))
def test_difference_parser_equals_the_strict_parser(
    history: list[tuple[bytes, ExpositionFormat]],
) -> None:
    follower = Follower()
    for body, exposition_format in history:
        wanted = outcome(lambda: expected(body, exposition_format))  # noqa: B023
        got = outcome(lambda: follower.parse(body, exposition_format))  # noqa: B023
        if isinstance(got, ExpositionDelta):
            strict = parse_exposition(body, exposition_format)
            assert follower.samples == wanted
            assert got.samples == len(strict.samples) + len(strict.duplicates)
            assert got.duplicates == len(strict.duplicates)
        else:
            assert got == wanted


def test_unchanged_lines_are_not_parsed_again() -> None:
    follower = Follower()
    follower.parse(b"a 1\nb 2\n", TEXT)
    delta = follower.parse(b"a 1\nb 3\n", TEXT)
    assert (delta.complete, delta.columns.tolist(), delta.values.tolist()) == (
        False,
        [1],
        [3],
    )


def test_rejected_body_leaves_the_parser_unchanged() -> None:
    follower = Follower()
    follower.parse(b"a 1\nb 2\n", TEXT)
    with pytest.raises(ExpositionError, match="line 3: expected a metric name"):
        follower.parse(b"b 5\nnew 1\n6\n", TEXT)
    assert follower.catalog.series == (Labels.of(__name__="a"), Labels.of(__name__="b"))
    assert follower.parse(b"a 1\nb 2\n", TEXT).columns.tolist() == []


@pytest.mark.parametrize("body", [b"a 1\nb\n", b'a{x="\n"} 1\nb\n', b'a{x="1",x="2"} 1\n'])
def test_rejected_body_is_freed_without_a_search_for_cycles(body: bytes) -> None:
    follower = Follower()
    follower.parse(b"a 1\n", TEXT)
    gc.disable()
    try:
        try:
            follower.parse(body, TEXT)
        except ExpositionError as error:
            # Its traceback keeps the frames of the parser, and they keep the body.
            kept = weakref.ref(error)
        assert kept() is None
    finally:
        gc.enable()


def test_complete_delta_contains_every_series() -> None:
    follower = Follower()
    follower.parse(b"a 1\nb 2\n", TEXT)
    delta = follower.parser.parse(b"a 1\nb 2\n", TEXT, complete=True)
    assert (delta.complete, delta.values.tolist()) == (True, [1, 2])


def test_changed_type_changes_the_names_of_buckets() -> None:
    follower = Follower()
    follower.parse(b'# TYPE h counter\nh_bucket{le="1"} 1\n', TEXT)
    follower.parse(b'# TYPE h histogram\nh_bucket{le="1"} 1\n', TEXT)
    assert list(follower.values) == [Labels.of(__name__="h_bucket", le="1.0")]


def test_timestamp_after_a_tab_is_parsed_on_a_known_line() -> None:
    follower = Follower()
    for body in (b"a 1\n", b"a 2\t7000\n"):
        follower.parse(body, TEXT)
        assert follower.samples == expected(body, TEXT)


def test_value_after_two_blanks_is_no_timestamp_on_a_line_that_had_one() -> None:
    follower = Follower()
    # The last two are duplicates only as long as the second sample has no timestamp.
    for body in (b"a 1 1000\n", b"a  2000\n", b"a 1 1000\n", b"a 1 1000\na  2000\n"):
        follower.parse(body, TEXT)
        assert follower.samples == expected(body, TEXT)


def test_series_with_several_timestamps_is_always_parsed_fully() -> None:
    follower = Follower()
    for body in (b"a 1 1000\na 2 2000\n", b"a 1 2000\na 2 2000\n", b"a 1 2000\na 2 3000\n"):
        delta = follower.parse(body, TEXT)
        assert delta.complete
        assert follower.samples == expected(body, TEXT)


def test_duplicate_without_timestamp_has_no_duplicates_of_its_own() -> None:
    follower = Follower()
    body = b"a 1 1000\na 2\na 3 2000\na 4 2000\n"
    assert follower.parse(body, TEXT).duplicates == 2
    assert follower.samples == expected(body, TEXT)


@pytest.mark.parametrize("number", ODD_NUMBERS)
def test_unusual_value_of_a_known_line_is_parsed_strictly(number: bytes) -> None:
    follower = Follower()
    follower.parse(b"a 1\n", TEXT)
    body = b"a " + number + b"\n"
    wanted, got = outcome(lambda: expected(body, TEXT)), outcome(lambda: follower.parse(body, TEXT))
    assert (follower.samples if isinstance(got, ExpositionDelta) else got) == wanted


def test_value_that_returns_to_an_earlier_one_is_a_change() -> None:
    follower = Follower()
    for body in (b"a 1\n", b"a 2\n", b"a 1\n"):
        follower.parse(body, TEXT)
    assert follower.samples == expected(b"a 1\n", TEXT)


def test_line_that_became_constant_may_change_again() -> None:
    follower = Follower()
    follower.parse(b"a 1\nb 1\n", TEXT)
    follower.parse(b"a 2\nb 1\n", TEXT)
    for value in range(5000):
        delta = follower.parse(b"a 2\nb %d\n" % value, TEXT)
        assert delta.columns.tolist() == [1]
    follower.parse(b"a 3\nb 7\n", TEXT)
    assert sorted(follower.values.values()) == sorted([bits(3), bits(7)])
