import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.templates.language.literals import (
    LiteralError,
    Number,
    go_quote,
    parse_float,
    parse_number,
    unquote,
    unquote_char,
)


@pytest.mark.parametrize(
    ("literal", "number"),
    [
        ("5", Number(5, 5, 5.0)),
        ("-5", Number(-5, None, -5.0)),
        ("0x1F", Number(31, 31, 31.0)),
        ("017", Number(15, 15, 15.0)),
        ("0b101", Number(5, 5, 5.0)),
        ("1_000", Number(1000, 1000, 1000.0)),
        ("1.5", Number(None, None, 1.5)),
        ("1e3", Number(1000, 1000, 1000.0)),
        ("0x1p4", Number(16, 16, 16.0)),
        ("18446744073709551615", Number(None, 2**64 - 1, float(2**64 - 1))),
        ("2i", Number(complex_value=2j)),
        ("1+2i", Number(complex_value=1 + 2j)),
    ],
)
def test_numbers_are_read_as_go_reads_them(literal: str, number: Number) -> None:
    assert parse_number(literal) == number


@pytest.mark.parametrize(
    ("literal", "reason"),
    [
        ("089", "integer overflow"),
        ("99999999999999999999", "integer overflow"),
        ("1__0", "illegal number syntax"),
        ("+", "illegal number syntax"),
        ("1e999", "illegal number syntax"),
        ("0x", "illegal number syntax"),
    ],
)
def test_malformed_numbers_are_refused(literal: str, reason: str) -> None:
    with pytest.raises(LiteralError, match=reason):
        parse_number(literal)


@given(st.text(st.characters(codec="utf-8")))
def test_quoted_text_reads_back(text: str) -> None:
    assert unquote(go_quote(text)) == text
    assert unquote(go_quote(text, ascii_only=True)) == text


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (r'"a\tb\x41\u00e9\U0001F600\101"', "a\tbA\u00e9\U0001f600A"),
        (r'"\xc3\xa9"', "\u00e9"),
        (r'"\xff"', "\udcff"),
        ("`a\\n\r`", "a\\n"),
    ],
)
def test_escapes_are_those_of_go(literal: str, text: str) -> None:
    assert unquote(literal) == text


@pytest.mark.parametrize("literal", [r'"\q"', r'"\x4"', r'"\ud800"', r'"\400"'])
def test_unknown_escapes_are_refused(literal: str) -> None:
    with pytest.raises(LiteralError):
        unquote(literal)


def test_characters() -> None:
    assert [unquote_char(text) for text in ("'a'", r"'\n'", r"'\''")] == [97, 10, 39]
    for literal in ("''", "'ab'"):
        with pytest.raises(LiteralError):
            unquote_char(literal)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back(value: float) -> None:
    assert parse_float(repr(value)) == value
    assert parse_float(value.hex()) == value
