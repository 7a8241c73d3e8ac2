"""Parses numbers, durations and arithmetic on durations.

Source: Prometheus documentation, "Querying basics", float literals and durations.
"""

import re
from dataclasses import replace
from typing import Final

from model.durations import parse_duration_ms
from model.labels import quote
from promql.syntax.cursor import Cursor
from promql.syntax.lexer import Token
from promql.syntax.nodes import Duration, DurationOperation, NumberLiteral
from promql.syntax.numbers import parse_number

PRECEDENCE: Final = {
    "or": 1, "and": 2, "unless": 2,
    "==": 3, "!=": 3, "<=": 3, "<": 3, ">=": 3, ">": 3, "</": 3, ">/": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
"""The precedence of binary operators; higher binds more tightly."""
POWER: Final = 6
"""The precedence of `^`, the only right-associative operator."""
DURATION_EXPECTED: Final = "number or duration"
_OPERATORS: Final = frozenset({"+", "-", "*", "/", "%", "^"})
_MAX_DURATION_S: Final = 2**63 / 1e9


class DurationParser(Cursor):
    """Parses numbers and durations."""

    def _number(self) -> NumberLiteral:
        token = self._advance()
        try:
            if token.kind == "duration":
                value = parse_duration_ms(token.text) / 1000
                if value > _MAX_DURATION_S:
                    shown = "duration out of range" if value < 2**64 else _explained(token.text)
                    raise self._failure(shown, token.start, token.end)
            else:
                value = parse_number(token.text)
        except ValueError as exc:
            if token.kind == "duration":
                message = _explained(token.text)
            else:
                message = f"error parsing number: {exc}"
            raise self._failure(message, token.start, token.end) from exc
        return NumberLiteral(value, token.kind == "duration", start=token.start, end=token.end)

    def _duration(self, least: int, context: str, expected: str) -> Duration:
        """Parse arithmetic on durations; operators have their usual precedence."""
        self._descend()
        left = self._duration_operand(context, expected)
        while True:
            operator = self._token.kind
            precedence = PRECEDENCE.get(operator, 0)
            if precedence < least or operator not in _OPERATORS:
                self._depth -= 1
                return left
            sign = self._advance()
            tighter = precedence if precedence == POWER else precedence + 1
            right = self._duration(tighter, context, expected)
            if operator in "/%" and isinstance(right, NumberLiteral) and right.value == 0:
                message = "division by zero" if operator == "/" else "modulo by zero"
                raise self._failure(message, sign.start, sign.end)
            left = DurationOperation(operator, (left, right), start=left.start, end=right.end)

    def _duration_operand(self, context: str, expected: str) -> Duration:
        token = self._token
        if token.kind in ("number", "duration"):
            literal = self._number()
            if not abs(literal.value) <= _MAX_DURATION_S:
                raise self._failure("duration out of range", token.start, token.end)
            return literal
        if token.kind in ("+", "-"):
            self._advance()
            return _signed(token, self._duration(POWER, context, expected))
        if token.kind == "(":
            self._advance()
            inner = self._duration(1, context, expected)
            self._expect(")", context, expected)
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

    def _offset(self) -> Duration:
        """Parse an offset: a duration with an optional sign, or arithmetic.

        Arithmetic begins with a parenthesis: `x offset 5m * 2` is `(x offset 5m) * 2`, but
        `x offset (5m) * 2` is `x offset 10m`.
        """
        token = self._token
        if token.kind == "(":
            return self._duration(PRECEDENCE["+"], "offset", DURATION_EXPECTED)
        if token.kind == "+" or token.kind == "-":
            self._advance()
            inner = self._duration_operand("offset", DURATION_EXPECTED)
            return _signed(token, inner)
        return self._duration_operand("offset", DURATION_EXPECTED)

    def _signed_number(self, context: str, expected: str) -> float:
        sign = 1.0
        if self._token.kind in ("+", "-"):
            sign = -1.0 if self._advance().kind == "-" else 1.0
        if self._token.kind not in ("number", "duration"):
            raise self._unexpected(context, expected)
        return sign * self._number().value


def _explained(text: str) -> str:
    """Return what is wrong with a duration, in the words of Prometheus."""
    for count, unit in _COUNTS_AND_UNITS.findall(text):
        if int(count) >= 2**64:
            break
        if unit not in _UNITS:
            return f"unknown unit {quote(unit)} in duration {quote(text)}"
    return f"not a valid duration string: {quote(text)}"


_COUNTS_AND_UNITS: Final = re.compile(r"([0-9]+)([^0-9]+)")
_UNITS: Final = frozenset({"y", "w", "d", "h", "m", "s", "ms"})


def _signed(sign: Token, operand: Duration) -> Duration:
    if isinstance(operand, NumberLiteral):
        value = -operand.value if sign.kind == "-" else operand.value
        return replace(operand, value=value, start=sign.start)
    return DurationOperation(sign.kind, (operand,), start=sign.start, end=operand.end)
