"""Queries that are no PromQL, and the messages that Prometheus has for them."""

from typing import Final

WRONG_QUERIES: Final[tuple[tuple[str, str], ...]] = (
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
)
