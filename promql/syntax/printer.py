"""Formats syntax trees as PromQL, on one line or indented.

Source: Prometheus, promql/parser/printer.go and prettier.go.
"""

import re
from collections.abc import Sequence
from typing import Final

from model.durations import format_duration
from model.labels import METRIC_NAME
from model.matchers import Matcher, MatchOperator
from promql.syntax.nodes import (
    Aggregation,
    BinaryOperation,
    Call,
    Duration,
    DurationOperation,
    Expression,
    MatchCardinality,
    MatrixSelector,
    NumberLiteral,
    Parentheses,
    StringLiteral,
    Subquery,
    TimeShift,
    UnaryOperation,
    VectorMatching,
    VectorSelector,
)
from promql.syntax.numbers import format_float
from promql.syntax.traversal import left_spine

_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPES: Final = {
    "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r",
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v",
}  # fmt: skip


def text(node: Expression) -> str:
    """Return an expression on one line; parsing it yields the same tree."""
    match node:
        case BinaryOperation():
            spine = left_spine(node)
            parts = [left_text(spine[-1])]
            for operation in reversed(spine):
                parts.append(f" {operator_text(operation)} ")
                parts.append(text(operation.right))
            return "".join(parts)
        case Aggregation():
            arguments = text(node.expression)
            if node.parameter is not None:
                arguments = f"{text(node.parameter)}, {arguments}"
            return f"{aggregation_head(node)}({arguments})"
        case Call():
            return f"{node.function}({', '.join(map(text, node.arguments))})"
        case Parentheses():
            return f"({text(node.expression)})"
        case UnaryOperation():
            return f"{node.operator}{text(node.expression)}"
        case Subquery():
            return f"{text(node.expression)}{subquery_range(node)}"
        case _:
            return _leaf(node)


def left_text(operation: BinaryOperation) -> str:
    """Return the left operand of an operation on one line.

    An infinity below a power has no sign: `+Inf ^ 2` is read as `+(Inf ^ 2)`.
    """
    shown = text(operation.left)
    return "Inf" if operation.operator == "^" and shown == "+Inf" else shown


def _leaf(node: MatrixSelector | VectorSelector | NumberLiteral | StringLiteral) -> str:
    match node:
        case VectorSelector():
            return f"{_selector(node)}{_shift(node.shift)}{_extension(node)}"
        case MatrixSelector():
            inner = node.selector
            length = duration(node.range)
            return f"{_selector(inner)}[{length}]{_shift(inner.shift)}{_extension(inner)}"
        case NumberLiteral():
            return _number(node)
        case StringLiteral():
            return quoted(node.value)


def _number(node: NumberLiteral) -> str:
    if node.is_duration:
        return format_duration(round(node.value * 1000))
    return format_float(node.value)


def quoted(value: str) -> str:
    """Return a string in double quotes, escaped for the lexer."""
    out = []
    for char in value:
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif "\udc80" <= char <= "\udcff":
            out.append(f"\\x{ord(char) - 0xDC00:02x}")
        elif char < " " or char == "\x7f":
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def label_name(name: str) -> str:
    """Return a label name, in quotes unless it is a plain identifier."""
    return name if _NAME.fullmatch(name) else quoted(name)


def _matcher(matcher: Matcher) -> str:
    return f"{label_name(matcher.name)}{matcher.operator.value}{quoted(matcher.value)}"


def selector_text(matchers: Sequence[Matcher]) -> str:
    """Return an instant vector selector with these matchers."""
    return f"{{{','.join(map(_matcher, matchers))}}}"


def _selector(node: VectorSelector) -> str:
    shown = [
        _matcher(matcher)
        for matcher in node.matchers
        if not (
            node.name
            and matcher.name == METRIC_NAME
            and matcher.operator is MatchOperator.EQUAL
            and matcher.value == node.name
        )
    ]
    if not shown:
        return node.name or "{}"
    return f"{node.name}{{{','.join(shown)}}}"


def _extension(node: VectorSelector) -> str:
    if node.smoothed:
        return " smoothed"
    return " anchored" if node.anchored else ""


def _shift(shift: TimeShift) -> str:
    out = ""
    if shift.at_ms is not None:
        out = f" @ {shift.at_ms / 1000:.3f}"
    elif shift.at_edge is not None:
        out = f" @ {shift.at_edge.value}()"
    if shift.offset is not None:
        out += f" offset {_offset(shift.offset)}"
    return out


def _offset(offset: Duration) -> str:
    """Return an offset, with arithmetic in parentheses, which the grammar requires."""
    if isinstance(offset, DurationOperation) and len(offset.operands) == 2:
        return duration(offset) if offset.operator in _FUNCTIONS else f"({duration(offset)})"
    return duration(offset)


_FUNCTIONS: Final = ("step", "range", "min_of", "max_of")
_BINDING: Final = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}


def duration(node: Duration) -> str:
    """Return a duration expression."""
    if isinstance(node, NumberLiteral):
        return format_duration(round(node.value * 1000))
    operands = [duration(each) for each in node.operands]
    if node.operator in _FUNCTIONS:
        return f"{node.operator}({', '.join(operands)})"
    if len(operands) == 1:
        return f"{node.operator}{_bound(node.operands[0], 4)}"
    own = _BINDING[node.operator]
    left_least = own + 1 if node.operator == "^" else own
    right_least = own if node.operator == "^" else own + 1
    left = _bound(node.operands[0], left_least)
    return f"{left} {node.operator} {_bound(node.operands[1], right_least)}"


def _bound(node: Duration, least: int) -> str:
    """Return an operand, in parentheses if its precedence is below `least`."""
    shown = duration(node)
    if isinstance(node, NumberLiteral):
        return f"({shown})" if shown.startswith("-") and least > 1 else shown
    if node.operator in _FUNCTIONS:
        return shown
    own = _BINDING[node.operator] if len(node.operands) == 2 else 2
    return f"({shown})" if own < least else shown


def subquery_range(node: Subquery) -> str:
    """Return the range, the step and the modifiers of a subquery."""
    step = "" if node.step is None else duration(node.step)
    return f"[{duration(node.range)}:{step}]{_shift(node.shift)}"


def _labels(names: Sequence[str]) -> str:
    return f"({', '.join(map(label_name, names))})"


def aggregation_head(node: Aggregation) -> str:
    """Return an aggregation up to its arguments: `sum by (job) `."""
    if node.without:
        return f"{node.operator} without {_labels(node.grouping)} "
    if node.grouping:
        return f"{node.operator} by {_labels(node.grouping)} "
    return node.operator


def operator_text(node: BinaryOperation) -> str:
    """Return a binary operator with its modifiers: `== bool on (job)`."""
    out = node.operator + (" bool" if node.returns_bool else "")
    return out if node.matching is None else out + _matching(node.matching)


def _matching(matching: VectorMatching) -> str:
    out = ""
    if matching.labels or matching.on:
        out += f" {'on' if matching.on else 'ignoring'} {_labels(matching.labels)}"
    if matching.cardinality in (MatchCardinality.MANY_TO_ONE, MatchCardinality.ONE_TO_MANY):
        if not out:
            out = " ignoring ()"
        side = "left" if matching.cardinality is MatchCardinality.MANY_TO_ONE else "right"
        out += f" group_{side} {_labels(matching.include)}"
    left, right = matching.fill_left, matching.fill_right
    # Compare texts, so that NaN equals NaN.
    if left is not None and right is not None and format_float(left) == format_float(right):
        return f"{out} fill ({format_float(left)})"
    if left is not None:
        out += f" fill_left ({format_float(left)})"
    if right is not None:
        out += f" fill_right ({format_float(right)})"
    return out
