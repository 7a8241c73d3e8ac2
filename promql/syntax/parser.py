"""Parses PromQL tokens into a syntax tree, by operator precedence (Pratt parser).

Every error is a `ParseError` with Prometheus's message. Nesting and length are limited, so
that no input can exhaust the stack.

Source: Prometheus, promql/parser (grammar and error texts).
"""

from dataclasses import replace
from typing import Final

from model.labels import quote
from model.matchers import Matcher
from promql.syntax.cursor import MAX_NESTING
from promql.syntax.durations import POWER, PRECEDENCE
from promql.syntax.functions import FUNCTIONS, SCALAR_PARAMETER, STRING_PARAMETER
from promql.syntax.lexer import AGGREGATORS, KEYWORDS, METRIC_WORDS, SET_OPERATORS
from promql.syntax.modifiers import ModifierParser
from promql.syntax.nodes import (
    Aggregation,
    Call,
    Expression,
    MatchCardinality,
    NumberLiteral,
    Parentheses,
    StringLiteral,
    UnaryOperation,
    VectorMatching,
)
from promql.syntax.strings import unquote
from promql.syntax.traversal import nesting


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


class _Parser(ModifierParser):
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
        if kind in AGGREGATORS and following in _AFTER_AGGREGATOR:
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
                if self._token.kind == "(" or not self._starts_operand():
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

    def _starts_operand(self) -> bool:
        return self._token.kind in _OPERAND_STARTS or self._token.kind in _FILLS

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
            if not self._starts_operand() and self._token.kind != "error":
                message = "trailing commas not allowed in function call args"
                raise self._failure(message, comma.start, comma.end)
            arguments.append(self._binary(1))
        self._expect(")")
        return tuple(arguments)

    def _aggregation(self) -> Expression:
        token = self._advance()
        self._aggregations += 1
        modifier = self._aggregation_modifier()
        arguments = self._arguments()
        self._aggregations -= 1
        if modifier is None and self._token.kind == "error":
            # The next token may be `by`, so it is read before the arguments are checked.
            raise self._unexpected()
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


_PLAIN_MATCHING: Final = VectorMatching()
_SET_MATCHING: Final = VectorMatching(MatchCardinality.MANY_TO_MANY)
_FUNCTION_WORDS: Final = frozenset({"start", "end", "step", "range"})
# Not followed by one of these, the name of an aggregation is a metric name.
_AFTER_AGGREGATOR: Final = frozenset({"(", "by", "without"})
_OPERAND_STARTS: Final = METRIC_WORDS | {"number", "duration", "string", "(", "{", "+", "-"}
_FILLS: Final = frozenset({"fill", "fill_left", "fill_right"})
