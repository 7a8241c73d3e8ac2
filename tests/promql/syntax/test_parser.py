"""The parser: trees, positions, Prometheus's error messages, and no crashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promql.api import ParseError
from promql.syntax.cursor import MAX_LENGTH, MAX_NESTING
from promql.syntax.nodes import (
    Aggregation,
    AtEdge,
    BinaryOperation,
    Call,
    MatchCardinality,
    MatrixSelector,
    NumberLiteral,
    Subquery,
    UnaryOperation,
    ValueType,
    VectorSelector,
)
from promql.syntax.parser import parse, parse_selector
from tests.promql.syntax.wrong_queries import WRONG_QUERIES


def test_selector_has_matchers_and_a_position() -> None:
    node = parse('  up{job="node", instance=~"web.*"}')
    assert isinstance(node, VectorSelector)
    assert [str(matcher) for matcher in node.matchers] == [
        'job="node"',
        'instance=~"web.*"',
        '__name__="up"',
    ]
    assert (node.start, node.end) == (2, 35)


def test_quoted_metric_and_label_names_are_utf8() -> None:
    node = parse('sum by ("http.méthod") ({"requests.total", "http.méthod"="GET"})')
    assert isinstance(node, Aggregation)
    assert node.grouping == ("http.méthod",)
    assert isinstance(node.expression, VectorSelector)
    assert [str(each) for each in node.expression.matchers] == [
        '__name__="requests.total"',
        'http.méthod="GET"',
    ]


def test_power_binds_tighter_than_sign_and_to_the_right() -> None:
    node = parse("-x ^ 2 ^ 3")
    assert isinstance(node, UnaryOperation)
    power = node.expression
    assert isinstance(power, BinaryOperation)
    assert isinstance(power.right, BinaryOperation)


def test_set_operators_bind_loosest() -> None:
    node = parse("a or b and c > d + e * f")
    assert isinstance(node, BinaryOperation)
    assert node.operator == "or"
    assert isinstance(node.right, BinaryOperation)
    assert node.right.operator == "and"


def test_modifiers_are_kept_in_any_order() -> None:
    first, second = parse("x[5m] @ 100 offset 1h"), parse("x[5m] offset 1h @ 100")
    assert first == second
    assert isinstance(first, MatrixSelector)
    assert first.selector.shift.at_ms == 100_000


def test_at_accepts_start_and_end() -> None:
    node = parse("x @ end()")
    assert isinstance(node, VectorSelector)
    assert node.shift.at_edge is AtEdge.END


def test_subquery_has_a_range_and_a_step() -> None:
    node = parse("rate(x[5m])[1h:30s] offset 5m")
    assert isinstance(node, Subquery)
    assert isinstance(node.step, NumberLiteral)
    assert node.step.value == 30


def test_duration_is_a_number_of_seconds() -> None:
    node = parse("predict_linear(x[1h], 4h)")
    assert isinstance(node, Call)
    assert node.arguments[1] == NumberLiteral(14_400.0, is_duration=True, start=0, end=0)


def test_grouping_modifiers_are_parsed() -> None:
    node = parse("a * on (x) group_left (y, z) fill_right (0) b")
    assert isinstance(node, BinaryOperation)
    assert node.matching is not None
    assert node.matching.cardinality is MatchCardinality.MANY_TO_ONE
    assert node.matching.include == ("y", "z")
    assert (node.matching.fill_left, node.matching.fill_right) == (None, 0.0)


def test_keywords_can_be_metric_names() -> None:
    for word in ("sum", "by", "offset", "start", "step", "fill", "anchored", "and"):
        assert isinstance(parse(f"{word} + 1"), BinaryOperation), word


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1", ValueType.SCALAR),
        ("1 + 1", ValueType.SCALAR),
        ("1 + x", ValueType.VECTOR),
        ("(x)", ValueType.VECTOR),
        ("x[5m]", ValueType.MATRIX),
        ('"a"', ValueType.STRING),
        ("-time()", ValueType.SCALAR),
    ],
)
def test_types(text: str, kind: ValueType) -> None:
    assert parse(text).type is kind


@pytest.mark.parametrize(("text", "message"), WRONG_QUERIES)
def test_errors_have_prometheus_messages(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_error_positions_count_characters() -> None:
    with pytest.raises(ParseError) as caught:
        parse("up + foo bar")
    assert (caught.value.start, caught.value.end) == (9, 12)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "1" + ")" * 100_000,
        "-" * 50_000 + "1",
        "2^" * 30_000 + "1",
        "x" + "[1m:]" * 10_000,
        "abs(" * 10_000 + "x" + ")" * 10_000,
        "x[" + "(" * 30_000 + "1m",
    ],
    ids=["parentheses", "signs", "powers", "subqueries", "calls", "durations"],
)
def test_deep_nesting_is_rejected_without_a_crash(text: str) -> None:
    with pytest.raises(ParseError, match=r"nested deeper|longer than"):
        parse(text)


def test_nesting_is_allowed_up_to_the_limit() -> None:
    levels = MAX_NESTING - 1
    assert parse("(" * levels + "x" + ")" * levels).type is ValueType.VECTOR


def test_long_chains_do_not_count_as_nesting() -> None:
    count = MAX_LENGTH // 4
    assert parse(" + ".join("1" * count)[: MAX_LENGTH - 1].rstrip("+ ")).type is ValueType.SCALAR


def test_selector_alone() -> None:
    assert [str(each) for each in parse_selector('up{a!="b"}')] == ['a!="b"', '__name__="up"']
    assert [str(each) for each in parse_selector('{a=~".*"}')] == ['a=~".*"']
    for text in ("up[5m]", "sum(up)", "1", 'up{__name__="a"}', ""):
        with pytest.raises(ParseError):
            parse_selector(text)


_PIECES = st.sampled_from(
    [*"()[]{},:=+-*/%^@<>!\"'`.#\\ \n", "sum", "by", "rate", "x", "5m", "1", "offset", "on",
     "ignoring", "group_left", "bool", "and", "==", "=~", "step", "fill", "start", "NaN", "0x",
     "\\x", "é", "smoothed", "topk", "min_of"]
)  # fmt: skip


@given(st.text() | st.lists(_PIECES, max_size=30).map("".join))
def test_arbitrary_text_raises_only_parse_errors(text: str) -> None:
    error = _error(text)
    if error is not None:
        assert 0 <= error.start <= error.end
        assert error.start <= len(text)


def _error(text: str) -> ParseError | None:
    try:
        parse(text)
    except ParseError as exc:
        return exc
    return None
