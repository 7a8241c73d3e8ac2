"""Ways to walk over a syntax tree."""

from collections.abc import Iterator

from promql.syntax.nodes import (
    Aggregation,
    BinaryOperation,
    Call,
    Expression,
    MatrixSelector,
    Parentheses,
    Subquery,
    UnaryOperation,
)


def children(node: Expression) -> tuple[Expression, ...]:
    """Return the expressions directly below a node, in the order of the text."""
    match node:
        case BinaryOperation():
            return (node.left, node.right)
        case Aggregation():
            first = () if node.parameter is None else (node.parameter,)
            return (*first, node.expression)
        case Call():
            return node.arguments
        case MatrixSelector():
            return (node.selector,)
        case Subquery() | UnaryOperation() | Parentheses():
            return (node.expression,)
        case _:
            return ()


def walk(node: Expression) -> Iterator[Expression]:
    """Yield a node and all below it, without recursion."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))


def nesting(node: Expression) -> int:
    """Return the depth of a tree; a chain of binary operators counts as one level."""
    deepest = 0
    pending = [(node, 1)]
    while pending:
        current, depth = pending.pop()
        deepest = max(deepest, depth)
        for child in children(current):
            edge = isinstance(current, BinaryOperation) and child is current.left
            same = edge and isinstance(child, BinaryOperation)
            pending.append((child, depth if same else depth + 1))
    return deepest


def unwrap(node: Expression) -> Expression:
    """Return the expression inside of any parentheses."""
    while isinstance(node, Parentheses):
        node = node.expression
    return node


def left_spine(node: Expression) -> list[BinaryOperation]:
    """Return the binary operations of a chain `a + b + c + …`, the outermost first.

    A chain is a tree as deep as the chain is long. Code that walks trees handles the list in
    a loop, so that only nested expressions need stack.
    """
    spine = []
    while isinstance(node, BinaryOperation):
        spine.append(node)
        node = node.left
    return spine
