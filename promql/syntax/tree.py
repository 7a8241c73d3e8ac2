"""Converts a syntax tree into dictionaries, in the form of `/api/v1/parse_query`.

Source: Prometheus, web/api/v1/translate_ast.go.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from model.matchers import Matcher
from promql.api import EvaluationError
from promql.syntax.functions import FUNCTIONS
from promql.syntax.nodes import (
    Aggregation,
    BinaryOperation,
    Call,
    Duration,
    Expression,
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

_DEEPEST: Final = 100
"""Operators in a chain, each of which is a level; JSON encoders allow 254 levels."""


def tree(node: Expression) -> Mapping[str, Any]:
    """Return an expression as nested dictionaries.

    Raises:
        EvaluationError: it is nested too deeply for JSON.
    """
    match node:
        case BinaryOperation():
            return _binary(node)
        case Aggregation():
            return {
                "type": "aggregation",
                "op": node.operator,
                "expr": tree(node.expression),
                "param": None if node.parameter is None else tree(node.parameter),
                "grouping": list(node.grouping),
                "without": node.without,
            }
        case Call():
            return _call(node)
        case Parentheses():
            return {"type": "parenExpr", "expr": tree(node.expression)}
        case UnaryOperation():
            return {"type": "unaryExpr", "op": node.operator, "expr": tree(node.expression)}
        case Subquery():
            return {
                "type": "subquery",
                "expr": tree(node.expression),
                "range": _milliseconds(node.range),
                "step": 0 if node.step is None else _milliseconds(node.step),
                **_shift(node.shift),
            }
        case _:
            return _leaf(node)


def _leaf(
    node: MatrixSelector | VectorSelector | NumberLiteral | StringLiteral,
) -> Mapping[str, Any]:
    match node:
        case VectorSelector():
            return {"type": "vectorSelector", **_selector(node)}
        case MatrixSelector():
            selector = _selector(node.selector)
            return {"type": "matrixSelector", **selector, "range": _milliseconds(node.range)}
        case NumberLiteral():
            return {"type": "numberLiteral", "val": format_float(node.value)}
        case StringLiteral():
            return {"type": "stringLiteral", "val": node.value}


def _binary(node: BinaryOperation) -> Mapping[str, Any]:
    spine = left_spine(node)
    if len(spine) > _DEEPEST:
        raise EvaluationError(f"query has more than {_DEEPEST} operators in a row")
    document = tree(spine[-1].left)
    for operation in reversed(spine):
        matching = operation.matching
        document = {
            "type": "binaryExpr",
            "op": operation.operator,
            "lhs": document,
            "rhs": tree(operation.right),
            "matching": None if matching is None else _matching(matching),
            "bool": operation.returns_bool,
        }
    return document


def _matching(matching: VectorMatching) -> Mapping[str, Any]:
    return {
        "card": matching.cardinality.value,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": matching.fill_left, "rhs": matching.fill_right},
    }


def _call(node: Call) -> Mapping[str, Any]:
    function = FUNCTIONS[node.function]
    return {
        "type": "call",
        "func": {
            "name": function.name,
            "argTypes": [argument.value for argument in function.arguments],
            "variadic": function.optional,
            "returnType": function.returns.value,
        },
        "args": [tree(argument) for argument in node.arguments],
    }


def _selector(node: VectorSelector) -> Mapping[str, Any]:
    return {
        "name": node.name,
        "matchers": _matchers(node.matchers),
        **_shift(node.shift),
        "anchored": node.anchored,
        "smoothed": node.smoothed,
    }


def _matchers(matchers: Sequence[Matcher]) -> list[Mapping[str, str]]:
    return [
        {"name": matcher.name, "value": matcher.value, "type": matcher.operator.value}
        for matcher in matchers
    ]


def _shift(shift: TimeShift) -> Mapping[str, Any]:
    return {
        "offset": 0 if shift.offset is None else _milliseconds(shift.offset),
        "timestamp": shift.at_ms,
        "startOrEnd": None if shift.at_edge is None else shift.at_edge.value,
    }


def _milliseconds(duration: Duration) -> int:
    """Return a literal duration; 0 for arithmetic, which has no value before evaluation."""
    return round(duration.value * 1000) if isinstance(duration, NumberLiteral) else 0
