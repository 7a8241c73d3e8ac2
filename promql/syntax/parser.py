"""Parses PromQL tokens into a syntax tree, by operator precedence (Pratt parser).

Every error is a `ParseError` with Prometheus's message. Nesting and length are limited, so
that no input can exhaust the stack.

Source: Prometheus, promql/parser (grammar and error texts).
"""

import math
from dataclasses import replace
from typing import Final, cast

from model.labels import quote
from model.matchers import Matcher
from promql.syntax.cursor import MAX_NESTING
from promql.syntax.durations import DURATION_EXPECTED, POWER, PRECEDENCE
from promql.syntax.functions import FUNCTIONS, SCALAR_PARAMETER, STRING_PARAMETER
from promql.syntax.lexer import AGGREGATORS, KEYWORDS, METRIC_WORDS, SET_OPERATORS, Token, unquote
from promql.syntax.nodes import (
    Aggregation,
    AtEdge,
    Call,
    Duration,
    Expression,
    MatchCardinality,
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
from promql.syntax.numbers import format_float
from promql.syntax.selectors import SelectorParser


def parse(text: str) -> Expression:
    """Return the syntax tree of a query.

    Raises:
        ParseError: it is not PromQL, has a type error, or is too long or too deeply nested.
    """
    return _Parser(text).expression()


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a series selector, such as `match[]` of the HTTP API.

    Unlike in a query, the selector may match all series: `{}`.

    Raises:
        ParseError: it is not an instant vector selector without modifiers.
    """
    return _Parser(text).selector()


class _Parser(SelectorParser):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._subqueries = 0

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
        if node.name:
            self._checks.selector(node)
        self._checks.finish()
        return node.matchers

    # Operators.

    def _binary(self, least: int) -> Expression:
        """Parse operators that bind at least as tightly as `least`."""
        self._descend()
        left = self._postfix(self._operand())
        while True:
            operator = self._token.kind
            precedence = PRECEDENCE.get(operator, 0)
            if precedence < least or not precedence:
                self._depth -= 1
                return left
            token = self._advance()
            returns_bool, matching = self._modifiers(operator)
            right = self._binary(precedence if precedence == POWER else precedence + 1)
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
        operand = self._binary(POWER)
        if isinstance(operand, NumberLiteral):
            value = -operand.value if sign.kind == "-" else operand.value
            return replace(operand, value=value, start=sign.start)
        node = UnaryOperation(sign.kind, operand, start=sign.start, end=operand.end)
        self._checks.unary(node)
        return node

    def _modifiers(self, operator: str) -> tuple[bool, VectorMatching]:
        """Parse `bool`, `on`, `ignoring`, `group_left`, `group_right` and `fill…`."""
        token = self._token
        cardinality = MatchCardinality.ONE_TO_ONE
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
                cardinality = (
                    MatchCardinality.MANY_TO_ONE if many_left else MatchCardinality.ONE_TO_MANY
                )
                if self._token.kind == "(":
                    include = self._grouping()
        fills = self._fills()
        if operator in SET_OPERATORS and cardinality is MatchCardinality.ONE_TO_ONE:
            cardinality = MatchCardinality.MANY_TO_MANY
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

    def _postfix(self, node: Expression) -> Expression:
        """Parse the modifiers after an operand: ranges, `offset`, `@`, `smoothed`, `anchored`."""
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
        length = self._duration(1, context, DURATION_EXPECTED)
        if self._token.kind == ":":
            self._advance()
            step: Duration | None = None
            if self._token.kind != "]":
                step = self._duration(1, "subquery selector", f'{DURATION_EXPECTED}, or "]"')
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


_PLAIN_MATCHING: Final = VectorMatching()
_SET_MATCHING: Final = VectorMatching(MatchCardinality.MANY_TO_MANY)
_FUNCTION_WORDS: Final = frozenset({"start", "end", "step", "range"})
# Followed by one of these, the name of an aggregation is a metric name.
_AFTER_METRIC: Final = (
    frozenset({"{", "[", ")", "}", "]", ",", "eof", "error", "offset", "@", "smoothed"})
    | frozenset({"anchored"})
    | frozenset(PRECEDENCE)
)


def round_half_away(value: float) -> int:
    """Round to the nearest integer, halves away from zero, like Go's `math.Round`."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
