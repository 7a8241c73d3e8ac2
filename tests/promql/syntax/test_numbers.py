"""Numbers are parsed and formatted as in Go."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promql.syntax.numbers import (
    format_float,
    format_floats,
    format_general,
    parse_float,
    parse_number,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1_000_000", 1e6),
        ("0x1F", 31.0),
        ("0X_ff", 255.0),
        ("0755", 493.0),
        ("089", 89.0),
        ("Inf", math.inf),
        ("iNf", math.inf),
        ("1_000.5", 1000.5),
        ("1e1_0", 1e10),
        ("0xF_F", 255.0),
        ("9223372036854775808", 2.0**63),
    ],
)
def test_literals(text: str, value: float) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text", ["1e999", "0xffffffffffffffffff", "x", "0._1", "1_", "0x__1", "", "\uff11", " 1", "1 "]
)
def test_other_literals_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"value out of range|invalid syntax"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("+1.5e3", 1500.0),
        ("0x1p-2", 0.25),
        ("+Inf", math.inf),
        ("-infinity", -math.inf),
        ("010", 10.0),
    ],
)
def test_floats_are_parsed_like_go(text: str, value: float) -> None:
    assert parse_float(text) == value


@pytest.mark.parametrize(
    "text", ["1e400", "0x1p9999", "\uff11", " 1", "1_0", "0x1", "", "+nan", "\u0131nf"]
)
def test_floats_that_go_rejects_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"value out of range|invalid syntax"):
        parse_float(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (1.2345e25, "12345000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (-1e-9, "-0.000000001"),
        (123456789.125, "123456789.125"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_floats_are_formatted_without_exponent(value: float, text: str) -> None:
    assert format_float(value) == text


@given(st.floats())
def test_formatted_floats_parse_back(value: float) -> None:
    text = format_float(value)
    assert "e" not in text
    read = float(text)
    assert read == value or (math.isnan(read) and math.isnan(value))


@given(st.lists(st.floats() | st.integers(-(2**53), 2**53).map(float)))
def test_arrays_are_formatted_like_single_floats(values: list[float]) -> None:
    assert format_floats(np.array(values, dtype=np.float64)) == [
        format_float(value) for value in values
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (1e21, "1e+21"),
        (123456789.0, "1.23456789e+08"),
        (999999.0, "999999"),
        (1e6, "1e+06"),
        (1e-4, "0.0001"),
        (1.5e-5, "1.5e-05"),
        (-2.5e100, "-2.5e+100"),
        (math.nan, "NaN"),
        (-math.inf, "-Inf"),
    ],
)
def test_general_notation(value: float, text: str) -> None:
    assert format_general(value) == text
