import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.rules.go_format import FormatError, PrintValue, format_float, printf
from model.labels import Labels

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
    ("layout", "value", "text"),
    [
        ("%g", 1234567.0, "1.234567e+06"),
        ("%.3e %E", 1234.5, "1.234e+03 1.234500E+03"),
        ("%G", 1e-7, "1E-07"),
        ("%8.3v|%-8v|", 1234567.0, "1.23e+06|1.234567e+06|"),
        ("%+g % g %+v", 1e6, "+1e+06  1e+06 1e+06"),
        ("%+g % g %v", math.inf, "+Inf  Inf +Inf"),
        ("%+g % g %v", math.nan, "+NaN  NaN NaN"),
        ("%010.1f|%-10.1f|%06.2f|%06.2f", -1.25, "-0000001.2|-1.2      |-01.25|-01.25"),
        ("%06.2f|%F", math.inf, "  +Inf|+Inf"),
        ("%d %5d %x %s", 5, "5     5 5 %!s(int=5)"),
        ("%s %d", 1.5, "%!s(float64=1.5) %!d(float64=1.5)"),
        ("%5s|%-5s|%.1s|%q", "ab", '   ab|ab   |a|"ab"'),
        ("%d", "ab", "%!d(string=ab)"),
        ("%v", Labels.of(b="2", a="1"), "map[a:1 b:2]"),
    ],
)
def test_printf_writes_as_go_does(layout: str, value: PrintValue, text: str) -> None:
    verbs = sum(layout.count(verb) for verb in "%") - 2 * layout.count("%%")
    assert printf(layout, [value] * verbs) == text


def test_missing_and_surplus_arguments_appear_in_the_text() -> None:
    assert printf("%v 100%%", []) == "%!v(MISSING) 100%"
    assert printf("x", [1.5, "a"]) == "x%!(EXTRA float64=1.5, string=a)"


@pytest.mark.parametrize("layout", ["%999999999f", "%.101f", "%*d", "%[1]d"])
def test_unbounded_widths_and_indexes_are_refused(layout: str) -> None:
    with pytest.raises(FormatError):
        printf(layout, [1.0])
