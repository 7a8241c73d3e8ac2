"""Parses the modifiers after an expression: ranges, `offset`, `@`, `smoothed`, `anchored`.

Source: Prometheus documentation, "Querying basics".
"""

import math
from dataclasses import replace
from typing import cast

from promql.syntax.durations import DURATION_EXPECTED
from promql.syntax.lexer import Token
from promql.syntax.nodes import (
    AtEdge,
    Duration,
    Expression,
    MatrixSelector,
    Subquery,
    VectorSelector,
)
from promql.syntax.numbers import format_float
from promql.syntax.selectors import SelectorParser


class ModifierParser(SelectorParser):
    """Parses an expression's modifiers."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._subqueries = 0

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
        context = "subquery selector"
        length = self._duration(1, context, DURATION_EXPECTED)
        if self._token.kind == ":":
            self._advance()
            step: Duration | None = None
            if self._token.kind != "]":
                step = self._duration(1, "subquery selector", f'{DURATION_EXPECTED} or "]"')
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
        elif node.shift.has_at:
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
            self._expect("(", "@", "timestamp")
            self._expect(")", "@", "timestamp")
            return self._shifted(node, "@", at_edge=AtEdge(token.kind))
        seconds = self._signed_number("@", "timestamp")
        # The range of Go's int64 milliseconds.
        if not math.isfinite(seconds) or abs(seconds) >= 2**63 / 1000:
            number = f"{seconds:f}" if math.isfinite(seconds) else format_float(seconds)
            shown = f"timestamp out of bounds for @ modifier: {number}"
            raise self._failure(shown, node.start, node.end)
        return self._shifted(node, "@", at_ms=_round_half_away(seconds * 1000))

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
            if before.has_at:
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


def _round_half_away(value: float) -> int:
    """Round to the nearest integer, halves away from zero, like Go's `math.Round`."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
