"""Finds the function and the aggregation that each selector of a query is an argument of.

The engine passes them to the store as hints.
"""

from dataclasses import dataclass, replace

from promql.syntax.lexer import AGGREGATORS
from promql.syntax.nodes import (
    Aggregation,
    Call,
    Expression,
    MatrixSelector,
    Parentheses,
    VectorSelector,
)
from promql.syntax.traversal import children


@dataclass(frozen=True, slots=True)
class SelectorUse:
    """The use of a selector's series.

    Attributes:
        function: the function or aggregation that takes them, "" if none does.
        grouping: the labels of the aggregation over the selector or over `function`.
        by: whether `grouping` lists the labels to keep, not those to drop.
    """

    function: str = ""
    grouping: tuple[str, ...] = ()
    by: bool = False


UNUSED = SelectorUse()


def selector_uses(root: Expression) -> dict[int, SelectorUse]:
    """Return the uses of all selectors below `root`, by the id of the selector's node."""
    found: dict[int, SelectorUse] = {}
    pending = [(root, UNUSED)]
    while pending:
        node, use = pending.pop()
        match node:
            case VectorSelector():
                found[id(node)] = use
            case MatrixSelector() | Parentheses():
                pending.extend((child, use) for child in children(node))
            case Aggregation():
                inner = SelectorUse(node.operator, node.grouping, not node.without)
                pending.append((node.expression, inner))
                if node.parameter is not None:
                    pending.append((node.parameter, UNUSED))
            case Call():
                # A grouping passes through one call, as in `sum by (job) (rate(x[5m]))`.
                outer = use if use.function in AGGREGATORS else UNUSED
                inner = replace(outer, function=node.function)
                pending.extend((argument, inner) for argument in node.arguments)
            case _:
                pending.extend((child, UNUSED) for child in children(node))
    return found
