import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.templates.values.floats import format_float, format_json, format_verb

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(FLOATS)
def test_formatted_float_reads_back_to_the_same_value(value: float) -> None:
    assert float(format_float(value)) == value


# What Go's fmt.Sprintf("%v") prints.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (100.0, "100"),
        (0.1, "0.1"),
        (-12.75, "-12.75"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1.5e-7, "1.5e-07"),
        (123456.7, "123456.7"),
        (999999.0, "999999"),
        (1e6, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (123456789.125, "1.23456789125e+08"),
        (1e20, "1e+20"),
        (1e21, "1e+21"),
        (1.25e300, "1.25e+300"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_floats_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert format_float(value) == text


# Measured with promtool 3.5.3.
@pytest.mark.parametrize(
    ("value", "verb", "precision", "text"),
    [
        (1.5, "x", None, "0x1.8p+00"),
        (0.0, "x", 3, "0x0.000p+00"),
        (5e-324, "x", None, "0x1p-1074"),
        (0.1, "x", 2, "0x1.9ap-04"),
        (1.5, "b", None, "6755399441055744p-52"),
        (-0.0, "b", None, "-0p-1074"),
        (1234.5, "e", None, "1.234500e+03"),
        (1234.5, "G", 2, "1.2E+03"),
        (math.inf, "f", None, "+Inf"),
    ],
)
def test_verbs_write_floats_as_go_does(
    value: float, verb: str, precision: int | None, text: str
) -> None:
    assert format_verb(value, verb, precision) == text


@given(FLOATS)
def test_hexadecimal_floats_read_back_to_the_same_value(value: float) -> None:
    assert float.fromhex(format_verb(value, "x", None)) == value


@given(FLOATS)
def test_json_floats_read_back_to_the_same_value(value: float) -> None:
    assert float(format_json(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(1e20, "100000000000000000000"), (1e21, "1e+21"), (1e-7, "1e-7")]
)
def test_json_floats_have_an_exponent_only_if_they_are_far_from_1(value: float, text: str) -> None:
    assert format_json(value) == text
