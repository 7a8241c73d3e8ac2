"""Printed queries parse to the same tree and have Prometheus's layout."""

import re

import pytest
from hypothesis import given, reject

from promql.api import ParseError
from promql.syntax.formatter import format_query, pretty
from promql.syntax.nodes import Expression
from promql.syntax.parser import parse
from promql.syntax.printer import text
from tests.promql.strategies import durations, queries

_UNSEEN = re.compile(r"(start|end)=\d+, |, is_duration=(True|False)")


def _seen(node: Expression) -> str:
    """Return a tree as text without positions and spellings; NaN equals itself."""
    return _UNSEEN.sub("", repr(node))


def _parsed(query: str) -> Expression:
    try:
        return parse(query)
    except ParseError:
        reject()


@given(queries)
def test_printed_query_parses_to_the_same_tree(query: str) -> None:
    tree = _parsed(query)
    again = parse(text(tree))
    assert _seen(again) == _seen(tree)
    assert text(again) == text(tree)
    assert text(parse(pretty(tree))) == text(tree)


@given(durations)
def test_printed_duration_expression_parses_to_the_same_tree(duration: str) -> None:
    tree = _parsed(f"x offset ({duration})")
    assert _seen(parse(text(tree))) == _seen(tree)


@pytest.mark.parametrize(
    ("query", "printed"),
    [
        ("sum(x)by(a,b)", "sum by (a, b) (x)"),
        ("sum without()(x)", "sum without () (x)"),
        ("sum by()(x)", "sum(x)"),
        ("topk(5,x)", "topk(5, x)"),
        ("a+on(b)group_left c", "a + on (b) group_left () c"),
        ("a>bool b", "a > bool b"),
        ("a and ignoring(x) b", "a and ignoring (x) b"),
        ("x{a='b'}[300s] offset 60s", 'x{a="b"}[5m] offset 1m'),
        ("x @ 1.5 offset -5m", "x @ 1.500 offset -5m"),
        ("rate(x[5m])[1h:]", "rate(x[5m])[1h:]"),
        ('{__name__="x"}', '{__name__="x"}'),
        ('{"x.y","a.b"="c"}', '{__name__="x.y","a.b"="c"}'),
        ('sum by ("a.b") (x)', 'sum by ("a.b") (x)'),
        ("1e30 + 0x10 + 0.00001", "1000000000000000000000000000000 + 16 + 0.00001"),
        ("-x^2", "-x ^ 2"),
        ("+Inf ^ 2", "+Inf ^ 2"),
        ("Inf ^ 2 * Inf", "Inf ^ 2 * +Inf"),
        ("2 ^ +Inf ^ 3", "2 ^ +Inf ^ 3"),
        ('`a"b`', '"a\\"b"'),
        ("a + fill(0) b", "a + fill (0) b"),
        ("x[2m*(3+1)]", "x[2m * (3s + 1s)]"),
        ("x smoothed", "x smoothed"),
    ],
)
def test_one_line(query: str, printed: str) -> None:
    assert text(parse(query)) == printed


def test_short_queries_stay_on_one_line() -> None:
    assert format_query("sum( rate( x [5m]) )") == "sum(rate(x[5m]))"


def test_long_queries_are_split_and_indented() -> None:
    query = (
        'sum by (instance) (rate(node_cpu_seconds_total{mode!="idle", job="node_exporter"}[5m]))'
        ' / on (instance) group_left () count by (instance) (node_cpu_seconds_total{mode="idle"})'
    )
    assert format_query(query) == (
        '  sum by (instance) (rate(node_cpu_seconds_total{mode!="idle",job="node_exporter"}[5m]))\n'
        "/ on (instance) group_left ()\n"
        '  count by (instance) (node_cpu_seconds_total{mode="idle"})'
    )


def test_long_calls_have_one_argument_on_each_line() -> None:
    query = f'label_replace({"x" * 80}, "target", "$1", "source", "(.*)")'
    assert format_query(query) == (
        f'label_replace(\n  {"x" * 80},\n  "target",\n  "$1",\n  "source",\n  "(.*)"\n)'
    )


def test_long_chains_do_not_exhaust_the_stack() -> None:
    tree = parse(" + ".join(["metric"] * 7_000))
    assert text(tree).count("+") == 6_999
    some = parse(" + ".join(["metric"] * 60))
    assert text(parse(pretty(some))) == text(some)


@pytest.mark.parametrize("query", ["Inf ^ {}", "+Inf ^ {}", "up + -Inf ^ {}", "2 ^ Inf ^ {}"])
def test_infinite_bases_of_powers_keep_their_sign_on_one_line_and_on_several(query: str) -> None:
    tree = parse(query.format(f"scalar({'x' * 100})"))
    for again in (parse(text(tree)), parse(pretty(tree))):
        assert _seen(again) == _seen(tree)


def test_step_and_range_functions_are_printed() -> None:
    assert text(parse("x offset max_of(step(), 5)")) == "x offset max_of(step(), 5s)"
