import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.templates.values.printf import printf
from alerting.templates.values.times import Duration, TimeValue
from alerting.templates.values.values import LimitExceededError, MapValue, Value, strings
from model.labels import Labels


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
def test_printf_writes_as_go_does(layout: str, value: Value, text: str) -> None:
    verbs = sum(layout.count(verb) for verb in "%") - 2 * layout.count("%%")
    assert printf(layout, [value] * verbs) == text


def test_missing_and_surplus_arguments_appear_in_the_text() -> None:
    assert printf("%v 100%%", []) == "%!v(MISSING) 100%"
    assert printf("x", [1.5, "a"]) == "x%!(EXTRA float64=1.5, string=a)"


# Measured with promtool 3.5.3.
@pytest.mark.parametrize(
    ("layout", "values", "text"),
    [
        ("%[2]d %[1]d", [1, 2], "2 1"),
        ("%[3]d|%[x]d|%[2]5d", [1, 2], "%!d(BADINDEX)|%!d(BADINDEX)|%!d(BADINDEX)"),
        ("%*d|%-*d|%.*f", [5, 1, 4, 2, 1, 2.55], "    1|2   |2.5"),
        ("%*d", ["a", 1], "%!(BADWIDTH)1"),
        ("%!|%", [], "%!!(MISSING)|%!(NOVERB)"),
        ("%#x %#X %#o %#b %O", [255, 255, 8, 5, 8], "0xff 0XFF 010 0b101 0o10"),
        ("%c|%q|%U|%#U", [97, 97, 8364, 8364], "a|'a'|U+20AC|U+20AC '\u20ac'"),
        ("%x|% x|%#x|%X", ["h\u00e9"] * 4, "68c3a9|68 c3 a9|0x68c3a9|68C3A9"),
        ("%q %+q %#q", ["\u00e9\n"] * 3, '"\u00e9\\n" "\\u00e9\\n" "\u00e9\\n"'),
        ("%t %v %d", [True, False, True], "true false %!d(bool=true)"),
        ("%v %s %d", [None, None, None], "<nil> %!s(<nil>) %!d(<nil>)"),
        ("%T %T %T", [1, "a", strings("a")], "int string []string"),
        ("%v %q %#v", [strings("ab")] * 3, '[a b] ["a" "b"] []string{"a", "b"}'),
        ("%v %d", [MapValue({"b": 1, "a": 2})] * 2, None),
        ("%s %d", [Duration(90_000_000_000)] * 2, "1m30s 90000000000"),
        ("%s", [TimeValue(0)], "1970-01-01 00:00:00 +0000 UTC"),
        ("%v %.1f", [1 + 2j, 1.25j], "(1+2i) (0.0+1.2i)"),
        ("%06d|%-6d|%+d|% d|%.3d|%6.3d", [-5, 5, 5, 5, 5, 5], "-00005|5     |+5| 5|005|   005"),
        ("%06s|%5.1s", ["abc", "abc"], "000abc|    a"),
        ("%w", [1], "%!w(int=1)"),
    ],
)
def test_verbs_flags_and_indexes_are_those_of_go(
    layout: str, values: list[Value], text: str | None
) -> None:
    expected = "map[a:2 b:1] map[%!d(string=a):2 %!d(string=b):1]" if text is None else text
    assert printf(layout, values) == expected


@pytest.mark.parametrize("layout", ["%99999f", "%.99999f", "%99999d", "%.99999d", "%99999s"])
def test_a_text_beyond_the_limit_is_refused(layout: str) -> None:
    with pytest.raises(LimitExceededError):
        printf(layout, [1], 1000)


@given(st.text("%#+-0 123.*[]dvsqxTgfe!a"), st.lists(st.integers() | st.floats() | st.text()))
def test_any_layout_gives_a_text_or_is_too_long(layout: str, values: list[Value]) -> None:
    try:
        assert len(printf(layout, values, 10_000)) <= 10_000
    except LimitExceededError:
        assert any(char.isdecimal() or char == "*" for char in layout)
