"""Variables in queries, on the server."""

from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promql.syntax.nodes import VectorSelector
from promql.syntax.parser import parse
from web.dashboards.interpolation import (
    VariableValues,
    built_in_values,
    interpolated,
    rate_interval_s,
)

ONE: Final = VariableValues(("a.b",))
LIST: Final = VariableValues(("a.b", 'c"d'), is_list=True)
SCOPE: Final = {
    "one": ONE,
    "many": LIST,
    "all": VariableValues(("x",), is_list=True, all_text=".*"),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('up{a="$one"}', 'up{a="a.b"}'),
        ('up{a=~"$many"}', r'up{a=~"(a\\.b|c\"d)"}'),
        ('up{a=~"${many:pipe}"}', 'up{a=~"a.b|c"d"}'),
        ("[[one]] [[many:csv]]", 'a.b a.b,c"d'),
        ("${one:text} ${many:text}", 'a.b a.b + c"d'),
        ("${many:json}", '["a.b","c\\"d"]'),
        ("${many:doublequote}", '"a.b","c\\"d"'),
        ("${many:glob} ${one:glob}", '{a.b,c"d} a.b'),
        ("${many:percentencode}", "a.b%2Cc%22d"),
        ('up{a=~"$all"} ${all:text}', 'up{a=~".*"} x'),
        ("$unknown ${unknown:csv}", "$unknown ${unknown:csv}"),
        ("${one:unheard}", "a.b"),
    ],
)
def test_places_are_replaced_in_their_format(text: str, expected: str) -> None:
    assert interpolated(text, SCOPE) == expected


def test_built_in_values_are_those_of_grafana() -> None:
    values = built_in_values(0, 3_600_000, 15, rate_interval_s(15, 0))
    text = "$__interval $__interval_ms $__rate_interval $__range $__range_s $__from $__to"
    assert interpolated(text, values) == "15s 15000 1m 1h 3600 0 3600000".replace("1h", "3600s")
    assert rate_interval_s(300, 0) == 315
    assert rate_interval_s(1, 30) == 120


@example(["\\"])
@example(["\\d", 'a"b\\'])
@given(st.lists(st.text(max_size=12), min_size=1, max_size=3))
def test_value_of_a_list_matches_exactly_itself(values: list[str]) -> None:
    values = [value.replace("\n", " ") for value in values]
    scope = {"v": VariableValues(tuple(values), is_list=True)}
    selector = parse(interpolated('up{a=~"$v"}', scope))
    assert isinstance(selector, VectorSelector)
    matcher = next(one for one in selector.matchers if one.name == "a")
    assert all(matcher.matches(value) for value in values)
    assert not matcher.matches("".join(values) + "x")


@given(st.text(max_size=20))
def test_single_value_stays_inside_its_string(value: str) -> None:
    selector = parse(interpolated('up{a="$v"}', {"v": VariableValues((value,))}))
    assert isinstance(selector, VectorSelector)
    assert [one.value for one in selector.matchers if one.name == "a"] == [value]
