"""The position in a query's tokens, and errors about unexpected ones."""

from typing import Final

from model.labels import quote
from promql.api import ParseError
from promql.syntax.checks import Checks
from promql.syntax.lexer import (
    AGGREGATORS,
    ARITHMETIC,
    COMPARISONS,
    KEYWORDS,
    SET_OPERATORS,
    TRIMS,
    Token,
    tokenize,
)

MAX_LENGTH: Final = 65_536
"""Characters of a query; Grafana's longest queries have several thousand."""
MAX_NESTING: Final = 100
"""Levels of a tree; at five frames a level, this is well below Python's limit of 1,000."""

_CLOSING: Final = frozenset({"}", ")", "]", "duration", "number"})
_PLACES: Final = frozenset({"{", "(", ")", "}", "[", "]", ",", "=", ":"})
_OPERATORS: Final = ARITHMETIC | COMPARISONS | SET_OPERATORS | TRIMS | {"=~", "!~", "@"}
_PREPROCESSORS: Final = frozenset({"start", "end", "step", "range"})


class Cursor:
    """The tokens of one query and the current position; base class of the parsers."""

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
        self._closing = 0
        self._aggregations = 0
        """How many aggregations have begun and not ended."""

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
        if not context and self._aggregations:
            context = "aggregation"
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


def _describe(token: Token) -> str:
    """Return the description of a token in error messages."""
    kind, text = token.kind, token.text
    if kind == "eof":
        return "end of input"
    if kind in AGGREGATORS:
        return f"<aggr:{text}>"
    if kind in KEYWORDS:
        return f"<{text}>"
    if kind in _PLACES:
        return f'"{text}"'
    if kind in _OPERATORS:
        return f"<op:{text}>"
    if kind in _PREPROCESSORS:
        return quote(text)
    if kind in ("identifier", "metric identifier"):
        return f"{kind} {quote(text)}"
    shown = f"{quote(text[:10])}..." if len(text) > 10 else quote(text)
    return f"{kind} {shown}"
