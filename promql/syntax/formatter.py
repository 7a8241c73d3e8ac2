"""Formats queries over indented lines, in Prometheus's layout.

Source: Prometheus, promql/parser/prettier.go.
"""

from collections.abc import Sequence
from typing import Final

from promql.syntax.cursor import MAX_NESTING
from promql.syntax.nodes import (
    Aggregation,
    BinaryOperation,
    Call,
    Expression,
    Parentheses,
    Subquery,
    UnaryOperation,
)
from promql.syntax.parser import parse
from promql.syntax.printer import aggregation_head, left_text, operator_text, subquery_range, text
from promql.syntax.traversal import left_spine

_LINE: Final = 100
"""Characters; longer expressions are split over lines."""


def format_query(query: str) -> str:
    """Return a query in Prometheus's layout.

    Raises:
        ParseError: it is not PromQL.
    """
    return pretty(parse(query))


def pretty(node: Expression, level: int = 0) -> str:
    """Return an expression, split over indented lines if it is longer than a line."""
    indent = "  " * min(level, MAX_NESTING)
    line = text(node)
    if len(line) <= _LINE:
        return indent + line
    match node:
        case BinaryOperation():
            return _pretty_spine(node, level)
        case Aggregation():
            arguments = [pretty(node.expression, level + 1)]
            if node.parameter is not None:
                arguments.insert(0, pretty(node.parameter, level + 1))
            return _pretty_call(indent + aggregation_head(node), arguments, indent)
        case Call():
            arguments = [pretty(each, level + 1) for each in node.arguments]
            return _pretty_call(indent + node.function, arguments, indent)
        case Parentheses():
            return _pretty_call(indent, [pretty(node.expression, level + 1)], indent)
        case UnaryOperation():
            return f"{indent}{node.operator}{pretty(node.expression, level).strip()}"
        case Subquery():
            return f"{pretty(node.expression, level)}{subquery_range(node)}"
        case _:
            return indent + line


def _pretty_call(head: str, arguments: Sequence[str], indent: str) -> str:
    joined = ",\n".join(arguments)
    return f"{head}(\n{joined}\n{indent})"


def _pretty_spine(node: BinaryOperation, level: int) -> str:
    """Format a chain of operators, with each left operand one level deeper than its operator."""
    spine = left_spine(node)
    # Find the longest prefix of `a`, `a + b`, `a + b + c`, … that fits on one line.
    width = len(left_text(spine[-1]))
    rights = [text(operation.right) for operation in spine]
    fitting = len(spine)
    for index in range(len(spine) - 1, -1, -1):
        width += len(operator_text(spine[index])) + 2 + len(rights[index])
        if width > _LINE:
            break
        fitting = index
    lines = [
        pretty(spine[fitting], level + fitting)
        if fitting < len(spine)
        else _pretty_left(spine[-1], level + fitting)
    ]
    for index in range(fitting - 1, -1, -1):
        depth = level + index
        indent = "  " * min(depth, MAX_NESTING)
        lines.append(f"{indent}{operator_text(spine[index])}")
        lines.append(pretty(spine[index].right, depth + 1))
    return "\n".join(lines)


def _pretty_left(operation: BinaryOperation, level: int) -> str:
    line = left_text(operation)
    indent = "  " * min(level, MAX_NESTING)
    return indent + line if len(line) <= _LINE else pretty(operation.left, level)
