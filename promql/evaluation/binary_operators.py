"""Binary operators between whatever two expressions yield.

Source: Prometheus documentation, "Operators".
"""

from typing import cast

from model.labels import quote
from promql.api import EvaluationError
from promql.evaluation.context import Evaluation
from promql.evaluation.matching import binary, set_operation
from promql.kernels.operators import scalars, with_scalar
from promql.kernels.vectors import Scalars, Steps, Value, Vector, empty_vector
from promql.syntax.lexer import SET_OPERATORS, TRIMS
from promql.syntax.nodes import BinaryOperation


def combined(
    evaluation: Evaluation, node: BinaryOperation, left: Value, right: Value, steps: Steps
) -> Value:
    """Apply a binary operator to what both sides yield.

    Raises:
        EvaluationError: they cannot be combined.
    """
    operator = node.operator
    if operator in TRIMS:
        return _trimmed(evaluation, node, left, right, steps)
    if isinstance(left, Vector):
        if not isinstance(right, Vector):
            return with_scalar(
                operator, left, cast("Scalars", right), swapped=False,
                returns_bool=node.returns_bool,
            )  # fmt: skip
        if node.matching is None:
            raise EvaluationError("vector matching is missing between instant vectors")
        left, right = evaluation.visible(left), evaluation.visible(right)
        if operator in SET_OPERATORS:
            return set_operation(operator, left, right, node.matching)
        return binary(operator, left, right, node.matching, returns_bool=node.returns_bool)
    if isinstance(right, Vector):
        return with_scalar(
            operator, right, cast("Scalars", left), swapped=True,
            returns_bool=node.returns_bool,
        )  # fmt: skip
    return scalars(operator, cast("Scalars", left), cast("Scalars", right))


def _trimmed(
    evaluation: Evaluation, node: BinaryOperation, left: Value, right: Value, steps: Steps
) -> Vector:
    """Trim histograms: floats are none, so nothing is left of them."""
    if isinstance(left, Vector) and isinstance(right, Vector) and node.matching is not None:
        left, right = evaluation.visible(left), evaluation.visible(right)
        met = binary("+", left, right, node.matching, returns_bool=False)
    elif isinstance(left, Vector):
        met = left
    elif isinstance(right, Vector):
        met = right
    else:
        message = f"operator {quote(node.operator)} not allowed for Scalar operations"
        raise EvaluationError(message)
    if met.present.any():
        evaluation.notes.incompatible_floats(node.operator, node.start)
    return empty_vector(steps.count)
