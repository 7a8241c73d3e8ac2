"""The messages about queries that are no PromQL, in Prometheus's words.

The parser puts them together from parts, so they are listed here. A test holds that every one of
them is raised, and that no other is. Programs get them in English.
"""

from typing import Final

PROMQL_MESSAGES: Final = (
    (
        "@ modifier must be preceded by an instant vector selector or range"
        " vector selector or a subquery"
    ),
    (
        "offset modifier must be preceded by an instant vector selector or range"
        " vector selector or a subquery"
    ),
    "%(place)s: parse error: %(reason)s",
    "@ <timestamp> may not be set multiple times",
    "anchored and smoothed modifiers cannot be used together",
    "anchored modifier can only be used with range vector selectors",
    "bad number or duration syntax: %(text)s",
    "binary expression must contain only scalar and instant vector types",
    "bool modifier can only be used on comparison operators",
    "comparisons between scalars must use BOOL modifier",
    "division by zero",
    "duration must be greater than 0",
    "duration out of range",
    "error parsing number: %(details)s",
    "error parsing regexp: %(details)s",
    "expected %(count)s argument(s) in call to %(function)s, got %(actual)s",
    "expected at least %(count)s argument(s) in call to %(function)s, got %(actual)s",
    "expected at most %(count)s argument(s) in call to %(function)s, got %(actual)s",
    "expected label selectors only",
    "expected label selectors only, got vector selector instead",
    "expected type %(wanted)s in %(context)s, got %(actual)s",
    "expected type %(wanted)s in call to function %(function)s, got %(actual)s",
    "filling in missing series not allowed for set operators",
    "filling in missing series only allowed between instant vectors",
    "illegal character %(character)s in escape sequence",
    "invalid label name for grouping: %(label)s",
    "label %(label)s must not occur in ON and GROUP clause at once",
    "metric name must not be set twice: %(first)s or %(second)s",
    "modulo by zero",
    "no @ modifiers allowed before range",
    "no arguments for aggregate expression provided",
    "no expression found in input",
    "no grouping allowed for %(operator)s operation",
    "no offset modifiers allowed before range",
    "not a valid duration string: %(text)s",
    "offset may not be set multiple times",
    "query is longer than %(count)s characters",
    "query is nested deeper than %(count)s levels",
    "ranges only allowed for vector selectors",
    "set operator %(operator)s not allowed in binary scalar expression",
    "subquery is only allowed on instant vector, got %(actual)s instead",
    "timestamp out of bounds for @ modifier: %(number)s",
    "trailing commas not allowed in function call args",
    (
        "unary expression only allowed on expressions of type scalar or instant vector, got"
        ' "%(actual)s"'
    ),
    "unclosed left bracket",
    "unclosed left parenthesis",
    "unexpected %(token)s",
    "unexpected %(token)s in %(context)s",
    "unexpected %(token)s in %(context)s, expected %(expected)s",
    "unexpected %(token)s, expected %(expected)s",
    "unexpected character after %(before)s: %(character)s",
    "unexpected character in duration expression: %(character)s",
    "unexpected character inside braces: %(character)s",
    "unexpected character: %(character)s",
    "unexpected end of input in duration expression",
    "unexpected end of input inside braces",
    "unknown function with name %(function)s",
    "unknown unit %(unit)s in duration %(text)s",
    "unterminated quoted string",
    "vector matching only allowed between instant vectors",
    "vector selector must contain at least one non-empty matcher",
    (
        "wrong number of arguments for aggregate expression provided, expected %(count)s,"
        " got %(actual)s"
    ),
)

PROMQL_PARTS: Final = (
    "aggregation expression",
    "aggregation parameter",
    "aggregation",
    "colon ':'",
    "colon before duration in duration expression",
    "end of input",
    "grouping opts",
    "instant vector",
    "label matching operator",
    "label matching",
    "label",
    "left bracket '['",
    "number or duration",
    "range vector",
    "repeated colon in duration expression",
    "right bracket ']'",
    "right parenthesis ')'",
    "scalar",
    "string",
    "subquery or range",
    "subquery selector",
    "timestamp",
)
"""Words in the places of those messages; what else stands there is a part of the query."""
