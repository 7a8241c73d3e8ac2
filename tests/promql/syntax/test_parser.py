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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown position: parse error: no expression found in input"),
        ("# only a comment", "1:1: parse error: no expression found in input"),
        ("foo bar", '1:5: parse error: unexpected identifier "bar"'),
        ("1 +", "1:4: parse error: unexpected end of input"),
        ("1 + )", "1:6: parse error: unexpected right parenthesis ')'"),
        ("(1", "1:3: parse error: unclosed left parenthesis"),
        ("sum(", "1:5: parse error: unclosed left parenthesis"),
        ("sum 1", '1:5: parse error: unexpected number "1"'),
        ("sum by (a) x", '1:12: parse error: unexpected identifier "x" in aggregation'),
        ("sum(x y)", '1:7: parse error: unexpected identifier "y" in aggregation'),
        ("sum(x) y", '1:8: parse error: unexpected identifier "y"'),
        ("sum(a)) by", "1:8: parse error: unexpected right parenthesis ')'"),
        ("sum(1, 2", "1:9: parse error: unclosed left parenthesis"),
        ("abs(x, )", "1:6: parse error: trailing commas not allowed in function call args"),
        ("abs(x, ^2)", "1:6: parse error: trailing commas not allowed in function call args"),
        ("abs(time(1), 2)", '1:1: parse error: expected 1 argument(s) in call to "abs", got 2'),
        ("x + on (a) group_left ]", "1:23: parse error: unexpected right bracket ']'"),
        (
            "x + on (a) group_left ,",
            '1:23: parse error: unexpected "," in grouping opts, expected "("',
        ),
        ('sum by ("") (x)', '1:9: parse error: invalid label name for grouping: ""'),
        ("x =~ 1", "1:3: parse error: unexpected character after '=': '~'"),
        ("x !", "1:3: parse error: unexpected character after '!': '\ufffd'"),
        ("x.y", "1:2: parse error: unexpected character: '.'"),
        ('{"é"} y', '1:8: parse error: unexpected identifier "y"'),
        (
            '{"a" "b"}',
            '1:6: parse error: unexpected string "\\"b\\"" in label matching, expected "," or "}"',
        ),
        ("x @ start y", '1:11: parse error: unexpected identifier "y" in @, expected timestamp'),
        (
            "x @ 1e30",
            (
                "1:1: parse error: timestamp out of bounds for @ modifier:"
                " 1000000000000000019884624838656.000000"
            ),
        ),
        ("12a", '1:1: parse error: bad number or duration syntax: "12"'),
        ("1__0", '1:1: parse error: bad number or duration syntax: "1__"'),
        (
            "vector(1e)",
            (
                '1:8: parse error: error parsing number: strconv.ParseFloat: parsing "1e":'
                " invalid syntax"
            ),
        ),
        (
            "0._1",
            (
                '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "0._1":'
                " invalid syntax"
            ),
        ),
        (
            "1e400",
            (
                '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "1e400":'
                " value out of range"
            ),
        ),
        ("x[5hs]", '1:3: parse error: unknown unit "hs" in duration "5hs"'),
        ("x[5s5m]", '1:3: parse error: not a valid duration string: "5s5m"'),
        ("x[1e30]", "1:3: parse error: duration out of range"),
        ("x offset 1e30", "1:10: parse error: duration out of range"),
        ("x[1s/0]", "1:5: parse error: division by zero"),
        ("x[1s%0]", "1:5: parse error: modulo by zero"),
        ("x[5m::1m]", "1:6: parse error: unexpected colon ':'"),
        ("x[:1m]", "1:4: parse error: unexpected colon before duration in duration expression"),
        ("x[5m y]", "1:6: parse error: unexpected character: 'y', expected ':'"),
        ("x[y]", "1:3: parse error: unexpected character in duration expression: 'y'"),
        ("x[5m[", "1:5: parse error: unexpected left bracket '['"),
        ("x[", "1:3: parse error: unexpected end of input in duration expression"),
        ("sum()", "1:1: parse error: no arguments for aggregate expression provided"),
        (
            "topk(x)",
            (
                "1:1: parse error: wrong number of arguments for aggregate expression provided,"
                " expected 2, got 1"
            ),
        ),
        (
            "sum by {a} (x)",
            '1:8: parse error: unexpected "{" in grouping opts, expected "("',
        ),
        (
            "sum by (1) (x)",
            '1:9: parse error: unexpected number "1" in grouping opts, expected label',
        ),
        ("foo{", "1:5: parse error: unexpected end of input inside braces"),
        ("foo{a=1}", "1:7: parse error: unexpected character inside braces: '1'"),
        (
            "foo{a}",
            '1:6: parse error: unexpected "}" in label matching, expected label matching operator',
        ),
        (
            'foo{a>"b"}',
            "1:6: parse error: unexpected character inside braces: '>'",
        ),
        (
            "foo{a=b}",
            '1:7: parse error: unexpected identifier "b" in label matching, expected string',
        ),
        (
            "{}",
            "1:1: parse error: vector selector must contain at least one non-empty matcher",
        ),
        (
            'foo{__name__="bar"}',
            '1:1: parse error: metric name must not be set twice: "foo" or "bar"',
        ),
        ("foo[5mm]", '1:5: parse error: bad number or duration syntax: "5mm"'),
        ("foo[0m]", "1:5: parse error: duration must be greater than 0"),
        (
            "foo[]",
            ('1:5: parse error: unexpected "]" in subquery selector, expected number or duration'),
        ),
        ("foo[5m", "1:7: parse error: unclosed left bracket"),
        (
            "sum(x)[5m]",
            "1:7: parse error: ranges only allowed for vector selectors",
        ),
        (
            "x offset 5m[1m]",
            "1:12: parse error: no offset modifiers allowed before range",
        ),
        ("x @ 5[1m]", "1:6: parse error: no @ modifiers allowed before range"),
        ("x offset 5m offset 1m", "1:1: parse error: offset may not be set multiple times"),
        (
            "1 offset 5m",
            (
                "1:1: parse error: offset modifier must be preceded by an instant vector selector"
                " or range vector selector or a subquery"
            ),
        ),
        (
            "x offset x",
            ('1:10: parse error: unexpected identifier "x" in offset, expected number or duration'),
        ),
        (
            "rate(x)",
            (
                '1:6: parse error: expected type range vector in call to function "rate",'
                " got instant vector"
            ),
        ),
        (
            "abs()",
            '1:1: parse error: expected 1 argument(s) in call to "abs", got 0',
        ),
        (
            'label_join(x, "a")',
            '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 2',
        ),
        (
            "round(x, 1, 2)",
            '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3',
        ),
        ("abs(x,)", "1:6: parse error: trailing commas not allowed in function call args"),
        ("foo(x)", '1:1: parse error: unknown function with name "foo"'),
        (
            "1 == 1",
            "1:3: parse error: comparisons between scalars must use BOOL modifier",
        ),
        (
            "x + bool y",
            "1:3: parse error: bool modifier can only be used on comparison operators",
        ),
        (
            "x and 1",
            '1:1: parse error: set operator "and" not allowed in binary scalar expression',
        ),
        (
            "x and on (a) group_left y",
            '1:1: parse error: no grouping allowed for "and" operation',
        ),
        (
            "x + on (a) group_left (a) y",
            '1:3: parse error: label "a" must not occur in ON and GROUP clause at once',
        ),
        (
            "1 + on (a) y",
            "1:1: parse error: vector matching only allowed between instant vectors",
        ),
        (
            'x + "a"',
            "1:5: parse error: binary expression must contain only scalar and instant vector types",
        ),
        (
            '-"a"',
            (
                "1:1: parse error: unary expression only allowed on expressions of type scalar"
                ' or instant vector, got "string"'
            ),
        ),
        (
            "sum(x[5m])",
            (
                "1:5: parse error: expected type instant vector in aggregation expression,"
                " got range vector"
            ),
        ),
        ('x{a=~"("}', "1:3: parse error: error parsing regexp: missing closing ): `(`"),
        ("'a\\xz1'", "1:1: parse error: illegal character U+007A 'z' in escape sequence"),
        ('"abc', "1:1: parse error: unterminated quoted string"),
        ("a\n + \n  !b", "3:3: parse error: unexpected character after '!': 'b'"),
        ("x ? y", "1:3: parse error: unexpected character: '?'"),
    ],
)
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
