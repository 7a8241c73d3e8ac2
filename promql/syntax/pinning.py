"""Finds the expressions that `@` makes independent of the evaluation time.

These are Prometheus's step-invariant expressions; they are evaluated once for all steps.
"""

from typing import Final

from promql.syntax.nodes import (
    Call,
    Expression,
    NumberLiteral,
    StringLiteral,
    Subquery,
    VectorSelector,
)
from promql.syntax.traversal import children, walk

# Functions whose value depends on the evaluation time, whatever their arguments are.
_TIME_DEPENDENT: Final = frozenset(
    {
        "days_in_month", "day_of_month", "day_of_week", "day_of_year", "hour", "minute",
        "month", "predict_linear", "time", "timestamp", "year",
    }
)  # fmt: skip


def pinned(root: Expression) -> frozenset[int]:
    """Return the ids of the expressions below `root` with the same value at all steps."""
    nodes = list(walk(root))
    if not any(_has_pin(node) for node in nodes):
        return frozenset()
    found: dict[int, bool] = {}
    for node in reversed(nodes):
        found[id(node)] = _stays(node, found)
    return frozenset(key for key, stays in found.items() if stays)


def _has_pin(node: Expression) -> bool:
    return isinstance(node, VectorSelector | Subquery) and node.shift.pinned


def _stays(node: Expression, pinned: dict[int, bool]) -> bool:
    """Return whether a node has the same value at all steps; its children are in `pinned`."""
    match node:
        case VectorSelector():
            return node.shift.pinned
        case Subquery() if node.shift.pinned:
            return True
        case NumberLiteral() | StringLiteral():
            return True
        case Call() if node.function in _TIME_DEPENDENT:
            return False
        case _:
            return all(pinned[id(child)] for child in children(node))
