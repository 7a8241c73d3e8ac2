"""Evaluates binary operators between scalars and vectors.

Source: Prometheus documentation, "Operators".
"""

from typing import TYPE_CHECKING, cast

from model.labels import quote
from promql.api import EvaluationError
from promql.evaluation.context import Evaluation
from promql.evaluation.matching import binary, set_operation
from promql.evaluation.result_size import size_bytes
from promql.kernels.interruption import interruptible
from promql.kernels.operators import scalars, with_scalar
from promql.kernels.step_matrix import StepMatrix, Value, empty_matrix
from promql.kernels.steps import Steps
from promql.syntax.lexer import SET_OPERATORS, TRIMS
from promql.syntax.nodes import BinaryOperation

if TYPE_CHECKING:
    from promql.kernels.arrays import Scalars


def combined(
    evaluation: Evaluation, node: BinaryOperation, left: Value, right: Value, steps: Steps
) -> Value:
    """Apply a binary operator to the values of both sides.

    Raises:
        EvaluationError: the values cannot be combined.
    """
    operator = node.operator
    if operator in TRIMS:
        return _trimmed(evaluation, node, left, right, steps)
    if isinstance(left, StepMatrix):
        if not isinstance(right, StepMatrix):
            return with_scalar(
                operator, left, cast("Scalars", right), swapped=False,
                returns_bool=node.returns_bool,
            )  # fmt: skip
        if node.matching is None:
            raise EvaluationError("vector matching is missing between instant vectors")
        left, right = evaluation.visible(left), evaluation.visible(right)
        if operator in SET_OPERATORS:
            return set_operation(operator, left, right, node.matching)
        found = binary(operator, left, right, node.matching, returns_bool=node.returns_bool)
        if node.matching.include:
            copied = node.matching.include
            added = [each.keep(copied) for each in interruptible(found.labels)]
            evaluation.guard.make_label(size_bytes(added))
        return found
    if isinstance(right, StepMatrix):
        return with_scalar(
            operator, right, cast("Scalars", left), swapped=True,
            returns_bool=node.returns_bool,
        )  # fmt: skip
    return scalars(operator, cast("Scalars", left), cast("Scalars", right))


def _trimmed(
    evaluation: Evaluation, node: BinaryOperation, left: Value, right: Value, steps: Steps
) -> StepMatrix:
    """Trim native histograms: the result of trimming floats is empty."""
    if isinstance(left, StepMatrix) and isinstance(right, StepMatrix) and node.matching is not None:
        left, right = evaluation.visible(left), evaluation.visible(right)
        met = binary("+", left, right, node.matching, returns_bool=False)
    elif isinstance(left, StepMatrix):
        met = left
    elif isinstance(right, StepMatrix):
        met = right
    else:
        message = f"operator {quote(node.operator)} not allowed for Scalar operations"
        raise EvaluationError(message)
    if met.present.any():
        evaluation.annotations.incompatible_floats(node.operator, node.start)
    return empty_matrix(steps.count)
