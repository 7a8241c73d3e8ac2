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


def step_invariant(root: Expression) -> frozenset[int]:
    """Return the ids of the expressions below `root` with the same value at all steps."""
    nodes = list(walk(root))
    if not any(_has_at(node) for node in nodes):
        return frozenset()
    found: dict[int, bool] = {}
    for node in reversed(nodes):
        found[id(node)] = _is_invariant(node, found)
    return frozenset(key for key, is_invariant in found.items() if is_invariant)


def _has_at(node: Expression) -> bool:
    return isinstance(node, VectorSelector | Subquery) and node.shift.has_at


def _is_invariant(node: Expression, invariant: dict[int, bool]) -> bool:
    """Return whether a node has the same value at all steps; `invariant` has its children."""
    match node:
        case VectorSelector():
            return node.shift.has_at
        case Subquery():
            # Without an `@` of its own, a subquery's window moves with the step.
            return node.shift.has_at
        case NumberLiteral() | StringLiteral():
            return True
        case Call() if node.function in _TIME_DEPENDENT:
            return False
        case _:
            return all(invariant[id(child)] for child in children(node))
