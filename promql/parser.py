"""Parses PromQL: tokens to a syntax tree, by operator precedence (Pratt).

Every error is a `ParseError` in Prometheus's words. Nesting and length are bounded,
so that no input can exhaust the stack.

Source: Prometheus, promql/parser (grammar and error texts).
"""

import math
from dataclasses import replace
from typing import Final, cast

from model.durations import parse_duration_ms
from model.labels import METRIC_NAME, quote
from model.matchers import BadPatternError, Matcher
from promql.api import ParseError
from promql.checks import Checks
from promql.functions import FUNCTIONS, SCALAR_PARAMETER, STRING_PARAMETER
from promql.lexer import (
    AGGREGATORS,
    COMPARISONS,
    KEYWORDS,
    LABEL_WORDS,
    METRIC_WORDS,
    SET_OPERATORS,
    Token,
    tokenize,
    unquote,
)
from promql.nodes import (
    Aggregation,
    AtEdge,
    Call,
    Cardinality,
    Duration,
    DurationOperation,
    Expression,
    MatrixSelector,
    NumberLiteral,
    Parentheses,
    StringLiteral,
    Subquery,
    UnaryOperation,
    VectorMatching,
    VectorSelector,
    nesting,
)
from promql.numbers import format_float, parse_number

MAX_LENGTH: Final = 65_536
"""Characters of a query; Grafana's longest are some thousands."""
MAX_NESTING: Final = 100
"""Levels of a tree: five frames each stay well below Python's limit of 1,000."""

_PRECEDENCE: Final = {
    "or": 1, "and": 2, "unless": 2,
    "==": 3, "!=": 3, "<=": 3, "<": 3, ">=": 3, ">": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
_POWER: Final = 6
_DURATION_EXPECTED: Final = "number, duration, step(), or range()"
_PLACES: Final = {"{", "(", ")", "}", "[", "]", ",", "=", ":"}


def parse(text: str) -> Expression:
    """Return the syntax tree of a query.

    Raises:
        ParseError: it is no PromQL, its types do not fit, or it is too long or too
            deeply nested.
    """
    return _Parser(text).expression()


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a series selector, as `match[]` of the HTTP API takes it.

    Raises:
        ParseError: it is no instant vector selector without modifiers.
    """
    return _Parser(text).selector()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._checks = Checks(text)
        if len(text) > MAX_LENGTH:
            raise self._failure(f"query is longer than {MAX_LENGTH} characters", 0, len(text))
        self._tokens = tokenize(text)
        self._index = 0
        self._token = self._tokens[0]
        self._depth = 0
        self._deepest = 0
        self._subqueries = 0
        self._closing = 0

    # Entry points.

    def expression(self) -> Expression:
        """Parse a whole query."""
        if self._token.kind == "eof":
            raise self._failure("no expression found in input", 0, 0)
        node = self._binary(1)
        self._expect_end()
        if self._deepest + self._subqueries > MAX_NESTING and nesting(node) > MAX_NESTING:
            raise self._too_deep(node.start)
        self._checks.operand(node)
        self._checks.finish()
        return node

    def selector(self) -> tuple[Matcher, ...]:
        """Parse an instant vector selector without modifiers."""
        if self._token.kind not in METRIC_WORDS and self._token.kind != "{":
            raise self._unexpected()
        node = self._vector_selector()
        self._expect_end()
        self._checks.selector(node)
        self._checks.finish()
        return node.matchers

    # Tokens and errors.

    def _advance(self) -> Token:
        token = self._token
        if token.kind in _CLOSING:
            self._closing = token.start + len(token.text)
        self._index += 1
        self._token = self._tokens[self._index]
        return token

    def _expect(self, kind: str, context: str = "", expected: str = "") -> Token:
        if self._token.kind != kind:
            raise self._unexpected(context, expected)
        return self._advance()

    def _expect_end(self) -> None:
        if self._token.kind != "eof":
            raise self._unexpected()

    def _unexpected(self, context: str = "", expected: str = "") -> ParseError:
        token = self._token
        if token.kind == "error":
            return self._failure(token.text, token.start, len(self._text))
        message = f"unexpected {_describe(token)}"
        if context:
            message += f" in {context}"
        if expected:
            message += f", expected {expected}"
        return self._failure(message, token.start, token.end)

    def _failure(self, message: str, start: int, end: int) -> ParseError:
        return self._checks.error(message, start, end)

    def _too_deep(self, start: int) -> ParseError:
        return self._failure(
            f"query is nested deeper than {MAX_NESTING} levels", start, len(self._text)
        )

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > self._deepest:
            self._deepest = self._depth
            if self._depth > MAX_NESTING:
                raise self._too_deep(self._token.start)

    # Operators.

    def _binary(self, least: int) -> Expression:
        """Parse operators that bind at least as tightly as `least`."""
        self._descend()
        left = self._postfix(self._operand())
        while True:
            operator = self._token.kind
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence < least or not precedence:
                self._depth -= 1
                return left
            token = self._advance()
            returns_bool, matching = self._modifiers(operator)
            right = self._binary(precedence if precedence == _POWER else precedence + 1)
            left = self._checks.binary(token, left, right, matching, returns_bool)

    def _operand(self) -> Expression:
        kind = self._token.kind
        if kind == "+" or kind == "-":
            return self._unary()
        if kind == "(":
            opening = self._advance()
            inner = self._binary(1)
            closing = self._expect(")")
            self._checks.operand(inner)
            return Parentheses(inner, start=opening.start, end=closing.end)
        if kind == "number" or kind == "duration":
            return self._number()
        if kind == "string":
            token = self._advance()
            return StringLiteral(unquote(token.text), start=token.start, end=token.end)
        following = self._tokens[self._index + 1].kind if kind in METRIC_WORDS else ""
        if kind in AGGREGATORS and following not in _AFTER_METRIC:
            return self._aggregation()
        if following == "(" and (kind == "identifier" or kind in _FUNCTION_WORDS):
            return self._call()
        if kind == "{" or kind in METRIC_WORDS:
            return self._vector_selector()
        raise self._unexpected()

    def _unary(self) -> Expression:
        sign = self._advance()
        operand = self._binary(_POWER)
        if isinstance(operand, NumberLiteral):
            value = -operand.value if sign.kind == "-" else operand.value
            return replace(operand, value=value, start=sign.start)
        node = UnaryOperation(sign.kind, operand, start=sign.start, end=operand.end)
        self._checks.unary(node)
        return node

    def _modifiers(self, operator: str) -> tuple[bool, VectorMatching]:
        """Parse `bool`, `on`, `ignoring`, `group_left`, `group_right` and `fill…`."""
        token = self._token
        cardinality = Cardinality.ONE_TO_ONE
        if token.kind not in KEYWORDS:
            many = operator in SET_OPERATORS
            return False, _SET_MATCHING if many else _PLAIN_MATCHING
        returns_bool = token.kind == "bool"
        if returns_bool:
            self._advance()
        labels: tuple[str, ...] = ()
        include: tuple[str, ...] = ()
        on = self._token.kind == "on"
        if on or self._token.kind == "ignoring":
            self._advance()
            labels = self._grouping()
            if self._token.kind in ("group_left", "group_right"):
                side = self._advance().kind
                many_left = side == "group_left"
                cardinality = Cardinality.MANY_TO_ONE if many_left else Cardinality.ONE_TO_MANY
                if self._token.kind == "(":
                    include = self._grouping()
        fills = self._fills()
        if operator in SET_OPERATORS and cardinality is Cardinality.ONE_TO_ONE:
            cardinality = Cardinality.MANY_TO_MANY
        return returns_bool, VectorMatching(cardinality, labels, on, include, *fills)

    def _fills(self) -> tuple[float | None, float | None]:
        left: float | None = None
        right: float | None = None
        while self._token.kind in ("fill", "fill_left", "fill_right"):
            kind = self._advance().kind
            self._expect("(", "fill modifier", '"("')
            value = self._signed_number("fill modifier", "number")
            self._expect(")", "fill modifier", '")"')
            if kind != "fill_right":
                left = value
            if kind != "fill_left":
                right = value
        return left, right

    def _grouping(self) -> tuple[str, ...]:
        context = "grouping opts"
        self._expect("(", context, '"("')
        labels: list[str] = []
        while self._token.kind != ")":
            token = self._token
            if token.kind == "string":
                labels.append(unquote(token.text))
            elif token.kind in LABEL_WORDS:
                labels.append(token.text)
            else:
                raise self._unexpected(context, "label")
            self._advance()
            if self._token.kind == ",":
                self._advance()
            elif self._token.kind != ")":
                raise self._unexpected(context, '"," or ")"')
        self._advance()
        return tuple(labels)

    # Calls and aggregations.

    def _call(self) -> Expression:
        token = self._advance()
        function = FUNCTIONS.get(token.text)
        arguments = self._arguments()
        if function is None:
            shown = quote(token.text)
            raise self._failure(f"unknown function with name {shown}", token.start, token.end)
        node = Call(
            function.name, arguments, function.returns, start=token.start, end=self._closing
        )
        self._checks.call(node, function)
        return node

    def _arguments(self) -> tuple[Expression, ...]:
        self._expect("(")
        if self._token.kind == ")":
            self._advance()
            return ()
        arguments = [self._binary(1)]
        while self._token.kind == ",":
            comma = self._advance()
            if self._token.kind == ")":
                message = "trailing commas not allowed in function call args"
                raise self._failure(message, comma.start, comma.end)
            arguments.append(self._binary(1))
        self._expect(")")
        return tuple(arguments)

    def _aggregation(self) -> Expression:
        token = self._advance()
        modifier = self._aggregation_modifier()
        if self._token.kind != "(":
            raise self._unexpected("aggregation" if modifier is None else "")
        arguments = self._arguments()
        grouping, without = modifier or self._aggregation_modifier() or ((), False)
        place = {"start": token.start, "end": self._closing}
        if not arguments:
            message = "no arguments for aggregate expression provided"
            raise self._failure(message, token.start, self._closing)
        wanted = 2 if token.kind in SCALAR_PARAMETER | STRING_PARAMETER else 1
        if len(arguments) != wanted:
            message = "wrong number of arguments for aggregate expression provided"
            message += f", expected {wanted}, got {len(arguments)}"
            raise self._failure(message, token.start, self._closing)
        parameter = arguments[0] if wanted == 2 else None
        node = Aggregation(token.kind, arguments[-1], parameter, grouping, without, **place)
        self._checks.aggregation(node)
        return node

    def _aggregation_modifier(self) -> tuple[tuple[str, ...], bool] | None:
        kind = self._token.kind
        if kind not in ("by", "without"):
            return None
        self._advance()
        return self._grouping(), kind == "without"

    # Selectors.

    def _vector_selector(self) -> VectorSelector:
        token = self._token
        name = ""
        matchers: list[Matcher] = []
        end = token.end
        if token.kind != "{":
            self._advance()
            name = token.text
        if self._token.kind == "{":
            matchers = self._matchers()
            end = self._closing
        if name:
            matchers.append(Matcher.of(METRIC_NAME, "=", name))
        return VectorSelector(name, tuple(matchers), start=token.start, end=end)

    def _matchers(self) -> list[Matcher]:
        self._advance()
        matchers: list[Matcher] = []
        while self._token.kind != "}":
            matchers.append(self._matcher())
            if self._token.kind == ",":
                self._advance()
            elif self._token.kind != "}":
                raise self._unexpected("label matching", '"," or "}"')
        self._advance()
        return matchers

    def _matcher(self) -> Matcher:
        context = "label matching"
        name = self._token
        if name.kind not in ("identifier", "string"):
            raise self._unexpected(context, 'identifier or "}"')
        self._advance()
        label = unquote(name.text) if name.kind == "string" else name.text
        if self._token.kind not in ("=", "!=", "=~", "!~"):
            if name.kind == "string" and self._token.kind in (",", "}"):
                return Matcher.of(METRIC_NAME, "=", label)
            raise self._unexpected(context, "label matching operator")
        operator = self._advance()
        value = self._expect("string", context, "string")
        try:
            return Matcher.of(label, operator.kind, unquote(value.text))
        except BadPatternError as exc:
            message = f"error parsing regexp: {exc.reason}: `{exc.pattern}`"
            raise self._failure(message, name.start, value.end) from exc
        except UnicodeEncodeError as exc:
            message = "invalid UTF-8 in regular expression"
            raise self._failure(message, name.start, value.end) from exc

    def _postfix(self, node: Expression) -> Expression:
        """Parse what may follow an operand: ranges, `offset`, `@`, `smoothed`, `anchored`."""
        while True:
            kind = self._token.kind
            if kind == "[":
                node = self._range(node)
            elif kind == "offset":
                self._advance()
                offset = self._offset()
                node = self._shifted(node, "offset", offset=offset)
            elif kind == "@":
                self._advance()
                node = self._at(node)
            elif kind == "smoothed" or kind == "anchored":
                token = self._advance()
                node = self._extended(node, token)
            else:
                return node

    def _range(self, node: Expression) -> Expression:
        opening = self._advance()
        context = "subquery or range selector"
        length = self._duration(1, context, _DURATION_EXPECTED)
        if self._token.kind == ":":
            self._advance()
            step: Duration | None = None
            if self._token.kind != "]":
                step = self._duration(1, "subquery selector", f'{_DURATION_EXPECTED}, or "]"')
                self._checks.positive(step)
            closing = self._expect("]", "subquery selector", '"]"')
            self._checks.positive(length)
            self._subqueries += 1
            subquery = Subquery(node, length, step, start=node.start, end=closing.end)
            self._checks.subquery(subquery)
            return subquery
        closing = self._expect("]", "subquery or range", '":" or "]"')
        problem = ""
        if not isinstance(node, VectorSelector):
            problem = "ranges only allowed for vector selectors"
        elif node.shift.offset is not None:
            problem = "no offset modifiers allowed before range"
        elif node.shift.pinned:
            problem = "no @ modifiers allowed before range"
        if problem:
            raise self._failure(problem, opening.start, closing.end)
        self._checks.positive(length)
        selector = cast("VectorSelector", node)
        self._checks.selector(selector)
        return MatrixSelector(selector, length, start=node.start, end=closing.end)

    def _offset(self) -> Duration:
        """Parse an offset: one unit with an optional sign; arithmetic wants parentheses."""
        token = self._token
        if token.kind == "+" or token.kind == "-":
            self._advance()
            inner = self._duration_operand("offset", _DURATION_EXPECTED)
            return _signed(token, inner)
        return self._duration_operand("offset", _DURATION_EXPECTED)

    def _at(self, node: Expression) -> Expression:
        token = self._token
        if token.kind == "start" or token.kind == "end":
            self._advance()
            self._expect("(")
            self._expect(")")
            return self._shifted(node, "@", at_edge=AtEdge(token.kind))
        seconds = self._signed_number("@", "timestamp")
        # The range of Go's int64 milliseconds.
        if not math.isfinite(seconds) or abs(seconds) >= 2**63 / 1000:
            shown = f"timestamp out of bounds for @ modifier: {format_float(seconds)}"
            raise self._failure(shown, node.start, node.end)
        return self._shifted(node, "@", at_ms=round_half_away(seconds * 1000))

    def _signed_number(self, context: str, expected: str) -> float:
        sign = 1.0
        if self._token.kind in ("+", "-"):
            sign = -1.0 if self._advance().kind == "-" else 1.0
        if self._token.kind not in ("number", "duration"):
            raise self._unexpected(context, expected)
        return sign * self._number().value

    def _shifted(
        self,
        node: Expression,
        modifier: str,
        offset: Duration | None = None,
        at_ms: int | None = None,
        at_edge: AtEdge | None = None,
    ) -> Expression:
        """Return `node` with a modifier added."""
        words = "offset" if modifier == "offset" else "@"
        if isinstance(node, MatrixSelector):
            before = node.selector.shift
        elif isinstance(node, VectorSelector | Subquery):
            before = node.shift
        else:
            message = f"{words} modifier must be preceded by an instant vector selector"
            message += " or range vector selector or a subquery"
            raise self._failure(message, node.start, node.end)
        if offset is not None:
            if before.offset is not None:
                raise self._failure("offset may not be set multiple times", node.start, node.end)
            shift = replace(before, offset=offset)
        else:
            if before.pinned:
                raise self._failure(
                    "@ <timestamp> may not be set multiple times", node.start, node.end
                )
            shift = replace(before, at_ms=at_ms, at_edge=at_edge)
        if isinstance(node, MatrixSelector):
            return replace(node, selector=replace(node.selector, shift=shift), end=self._closing)
        return replace(node, shift=shift, end=self._closing)

    def _extended(self, node: Expression, token: Token) -> Expression:
        """Return `node` marked `smoothed` or `anchored`."""
        if not isinstance(node, VectorSelector | MatrixSelector):
            message = f"{token.kind} modifier not implemented"
            raise self._failure(message, node.start, node.end)
        selector = node.selector if isinstance(node, MatrixSelector) else node
        if token.kind == "smoothed":
            marked = replace(selector, smoothed=True)
        else:
            marked = replace(selector, anchored=True)
        if marked.smoothed and marked.anchored:
            message = "anchored and smoothed modifiers cannot be used together"
            raise self._failure(message, node.start, node.end)
        if isinstance(node, MatrixSelector):
            return replace(node, selector=marked)
        if marked.anchored:
            message = "anchored modifier can only be used with range vector selectors"
            raise self._failure(message, node.start, node.end)
        return marked

    # Numbers and durations.

    def _number(self) -> NumberLiteral:
        token = self._advance()
        try:
            if token.kind == "duration":
                value = parse_duration_ms(token.text) / 1000
                if value > _MAX_DURATION_S:
                    raise self._failure("duration out of range", token.start, token.end)
            else:
                value = parse_number(token.text)
        except ValueError as exc:
            if token.kind == "duration":
                message = f"not a valid duration string: {quote(token.text)}"
            else:
                message = f"error parsing number: {quote(token.text)}: value out of range"
            raise self._failure(message, token.start, token.end) from exc
        return NumberLiteral(value, token.kind == "duration", start=token.start, end=token.end)

    def _duration(self, least: int, context: str, expected: str) -> Duration:
        """Parse arithmetic on durations, by the precedence of ordinary arithmetic."""
        self._descend()
        left = self._duration_operand(context, expected)
        while True:
            operator = self._token.kind
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence < least or operator not in _DURATION_OPERATORS:
                self._depth -= 1
                return left
            self._advance()
            tighter = precedence if precedence == _POWER else precedence + 1
            right = self._duration(tighter, context, expected)
            left = DurationOperation(operator, (left, right), start=left.start, end=right.end)

    def _duration_operand(self, context: str, expected: str) -> Duration:
        token = self._token
        if token.kind in ("number", "duration"):
            return self._number()
        if token.kind in ("+", "-"):
            self._advance()
            return _signed(token, self._duration(_POWER, context, expected))
        if token.kind == "(":
            self._advance()
            inner = self._duration(1, context, expected)
            self._expect(")", context)
            return inner
        word = token.text.lower()
        if word in ("step", "range"):
            self._advance()
            self._expect("(", context)
            self._expect(")", context)
            return DurationOperation(word, start=token.start, end=self._closing)
        if word in ("min_of", "max_of"):
            self._advance()
            self._expect("(", context)
            first = self._duration(1, context, expected)
            self._expect(",", context)
            second = self._duration(1, context, expected)
            self._expect(")", context)
            return DurationOperation(word, (first, second), start=token.start, end=self._closing)
        raise self._unexpected(context, expected)


_PLAIN_MATCHING: Final = VectorMatching()
_SET_MATCHING: Final = VectorMatching(Cardinality.MANY_TO_MANY)
_CLOSING: Final = frozenset({"}", ")", "]", "duration", "number"})
_DURATION_OPERATORS: Final = frozenset({"+", "-", "*", "/", "%", "^"})
_FUNCTION_WORDS: Final = frozenset({"start", "end", "step", "range"})
_MAX_DURATION_S: Final = 2**63 / 1e9
# After an aggregator's name these make it a metric's name instead.
_AFTER_METRIC: Final = (
    frozenset({"{", "[", ")", "}", "]", ",", "eof", "error", "offset", "@", "smoothed"})
    | frozenset({"anchored"})
    | frozenset(_PRECEDENCE)
)


def _signed(sign: Token, operand: Duration) -> Duration:
    if isinstance(operand, NumberLiteral):
        value = -operand.value if sign.kind == "-" else operand.value
        return replace(operand, value=value, start=sign.start)
    return DurationOperation(sign.kind, (operand,), start=sign.start, end=operand.end)


def round_half_away(value: float) -> int:
    """Round to the nearest integer, halves away from zero, as Go's `math.Round`."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _describe(token: Token) -> str:
    """Return a token as messages show it."""
    kind, text = token.kind, token.text
    if kind == "eof":
        return "end of input"
    if kind in AGGREGATORS:
        return f"<aggr:{text}>"
    if kind in KEYWORDS:
        return f"<{text}>"
    if kind in _PLACES:
        return f'"{text}"'
    if kind in _PRECEDENCE or kind in COMPARISONS or kind in ("=~", "!~", "@"):
        return f"<op:{text}>"
    if kind in _FUNCTION_WORDS:
        return quote(text)
    if kind in ("identifier", "metric identifier"):
        return f"{kind} {quote(text)}"
    shown = f"{quote(text[:10])}..." if len(text) > 10 else quote(text)
    return f"{kind} {shown}"
