"""The binary operators between scalars, vectors and vector matches.

Source: Prometheus documentation, "Operators".
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from promql.kernels.arrays import Floats, Mask, Scalars
from promql.kernels.step_matrix import StepMatrix


def _power(left: Floats, right: Floats) -> Floats:
    found: Floats = np.power(left, right)
    roots = np.equal(right, 0.5)
    if roots.any():
        # numpy takes the square root, which differs from the power for -Inf and -0.
        found = np.where(roots & ((left == -np.inf) | (left == 0)), np.abs(left), found)
    return found


ARITHMETIC: Final[dict[str, Callable[[Floats, Floats], Floats]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": _power,
    "atan2": np.arctan2,
}
COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def scalars(operator: str, left: Scalars, right: Scalars) -> Scalars:
    """Combine two scalars; a comparison yields 0 or 1."""
    if operator in ARITHMETIC:
        return ARITHMETIC[operator](left, right)
    return np.asarray(COMPARISONS[operator](left, right), dtype=np.float64)


def elementwise(
    operator: str, left: Floats, right: Floats, present: Mask, *, returns_bool: bool
) -> tuple[Floats, Mask]:
    """Combine matrices of equal shape; a comparison filters and keeps the left value."""
    if operator in ARITHMETIC:
        return ARITHMETIC[operator](left, right), present
    holds = COMPARISONS[operator](left, right)
    if returns_bool:
        return holds.astype(np.float64), present
    return left, present & holds


def with_scalar(
    operator: str, vector: StepMatrix, scalar: Scalars, *, swapped: bool, returns_bool: bool
) -> StepMatrix:
    """Combine a vector with a scalar; `swapped` if the scalar is on the left."""
    if operator in ARITHMETIC:
        compute = ARITHMETIC[operator]
        values = compute(scalar, vector.values) if swapped else compute(vector.values, scalar)
        return vector.computed(values)
    compare = COMPARISONS[operator]
    holds = compare(scalar, vector.values) if swapped else compare(vector.values, scalar)
    if returns_bool:
        return vector.computed(holds.astype(np.float64))
    return vector.with_values(vector.values, vector.present & holds).without_empty()
